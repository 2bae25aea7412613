"""What a registry's JSON says of an image, and what of it cannot be used."""

load(":pulled_platform.bzl", "platform_text")

visibility(["//oci/..."])

# https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md and
# https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-2.md#media-types
_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar": ".tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": ".tar.gz",
    "application/vnd.docker.image.rootfs.foreign.diff.tar": ".tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": ".tar.gz",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": ".tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": ".tar.gz",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": ".tar.zst",
    "application/vnd.oci.image.layer.v1.tar": ".tar",
    "application/vnd.oci.image.layer.v1.tar+gzip": ".tar.gz",
    "application/vnd.oci.image.layer.v1.tar+zstd": ".tar.zst",
}

_CONFIGS = [
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
]

_ENCRYPTED = "+encrypted"

# How BuildKit marks what it says about an image:
# https://github.com/moby/buildkit/blob/v0.23.2/docs/attestations/attestation-storage.md
_REFERENCE_TYPE = "vnd.docker.reference.type"

def layer_suffix(media_type):
    """Returns the suffix of a layer's file name.

    Args:
      media_type: string; of a layer that `image_manifest` has accepted.

    Returns:
      `.tar`, `.tar.gz` or `.tar.zst`.
    """
    return _LAYERS[media_type]

def parse_manifest(text):
    """Reads a manifest or an index.

    Args:
      text: string.

    Returns:
      struct of `content`, a dict, `is_index`, and `error`, a string or `None`.
    """
    content = json.decode(text, default = None)
    error = None
    if type(content) != "dict":
        error = "what the registry has is no JSON object: expected a manifest or an index"
    elif content.get("schemaVersion") == 1:
        error = ("its manifest is of Docker's schema 1, which has no digests of layers' contents: expected schema 2 or OCI; push the " +
                 "image anew, for example with `skopeo copy --format=v2s2`")
    elif not _is_list(content, "manifests") and not _is_list(content, "layers"):
        error = "its JSON has neither `manifests` nor `layers` (`mediaType` is `{}`): expected an image or an index".format(content.get("mediaType"))
    return struct(content = content, error = error, is_index = not error and _is_list(content, "manifests"))

def _is_list(content, key):
    return type(content.get(key)) == "list"

def index_entries(index):
    """Lists the images of an index.

    Args:
      index: dict; the content.

    Returns:
      list of structs of `digest`, `size`, and `platform`, a struct of `os`, `architecture`, `variant` and `version`, or `None` if
      the index does not tell. What is no image (attestations) is left out.
    """
    entries = []
    for entry in index["manifests"]:
        if _REFERENCE_TYPE in (entry.get("annotations") or {}):
            continue
        platform = entry.get("platform")
        entries.append(struct(
            digest = entry["digest"],
            platform = _platform(platform) if platform else None,
            size = entry["size"],
        ))
    return entries

def index_error(index):
    """Says what is wrong with the entries of an index.

    Args:
      index: dict; the content.

    Returns:
      string or `None`.
    """
    for number, entry in enumerate(index["manifests"]):
        if type(entry) != "dict":
            return "`manifests[{}]` of its index is not an object".format(number)
        error = _descriptor_error("`manifests[{}]` of its index".format(number), entry)
        if error:
            return error
    return None

def manifest_error(manifest):
    """Says what is wrong with an image's manifest.

    Args:
      manifest: dict; the content.

    Returns:
      string or `None`.
    """
    config = manifest.get("config")
    if type(config) != "dict":
        return "its manifest has no config"
    error = _descriptor_error("its config", config)
    if error:
        return error
    if config.get("mediaType") not in _CONFIGS:
        return "its config is of the media type `{}`: expected an image (`{}`), this is something else that a registry keeps".format(
            config.get("mediaType"),
            _CONFIGS[1],
        )
    for number, layer in enumerate(manifest["layers"]):
        error = _layer_error(number, layer)
        if error:
            return error
    return None

def _layer_error(number, layer):
    if type(layer) != "dict":
        return "layer {} of its manifest is not an object".format(number)
    where = "layer {} (`{}`)".format(number, layer.get("digest"))
    media_type = layer.get("mediaType") or ""
    if media_type.endswith(_ENCRYPTED):
        return "{} is encrypted (`{}`): expected a tar; decrypt the image first, for example with `skopeo copy --decryption-key`".format(where, media_type)
    if media_type not in _LAYERS:
        return "{} is of the media type `{}`, which is not known: expected a tar, plain or compressed with gzip or zstd".format(where, media_type)
    return _descriptor_error(where, layer)

def _descriptor_error(where, descriptor):
    digest = descriptor.get("digest")
    if not is_digest(digest):
        return "{} has the digest `{}`: expected `sha256:` and 64 hex digits".format(where, digest)
    if type(descriptor.get("size")) != "int" or descriptor["size"] < 0:
        return "{} has the size `{}`: expected a number of bytes".format(where, descriptor.get("size"))
    return None

def is_digest(text):
    """Tells whether a text is a sha256 digest.

    Args:
      text: anything.

    Returns:
      bool.
    """
    if type(text) != "string" or not text.startswith("sha256:"):
        return False
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and not digits.strip("0123456789abcdef")

def parse_config(text, *, layers):
    """Reads an image's config.

    Args:
      text: string.
      layers: int; how many layers the manifest has.

    Returns:
      struct of `platform`, a struct as `index_entries` has it, `diff_ids`, a list of strings, and `error`, a string or `None`.
    """
    config = json.decode(text, default = None)
    if type(config) != "dict":
        return _no_config("its config is no JSON object")
    if not config.get("os") or not config.get("architecture"):
        return _no_config("its config has no `os` or no `architecture`: expected an image's config")
    rootfs = config.get("rootfs")
    diff_ids = (rootfs.get("diff_ids") if type(rootfs) == "dict" else None) or []
    if len(diff_ids) != layers:
        return _no_config("its manifest has {} layers, its config `diff_ids` of {}: expected as many".format(layers, len(diff_ids)))
    for diff_id in diff_ids:
        if not is_digest(diff_id):
            return _no_config("its config has the diff_id `{}`: expected `sha256:` and 64 hex digits".format(diff_id))
    return struct(diff_ids = diff_ids, error = None, platform = _platform(config))

def _no_config(error):
    return struct(diff_ids = [], error = error, platform = None)

def _platform(content):
    return struct(
        architecture = content.get("architecture") or "unknown",
        os = content.get("os") or "unknown",
        variant = content.get("variant") or None,
        version = content.get("os.version") or None,
    )

def image_description(*, manifest, config, source):
    """Makes the description of an image, as `OciImageInfo.description` has it.

    Args:
      manifest: dict; without error.
      config: struct that `parse_config` returns, without error.
      source: struct that `registry_source` returns, and of `mirrors`.

    Returns:
      string; JSON.
    """
    platform = {"architecture": config.platform.architecture, "os": config.platform.os}
    if config.platform.variant:
        platform["variant"] = config.platform.variant
    return json.encode({
        "config": descriptor(manifest["config"]),
        "platform": platform,
        "layers": [
            layer_description(diff_id = diff_id, layer = layer, source = source)
            for layer, diff_id in zip(manifest["layers"], config.diff_ids)
        ],
    })

def layer_description(*, layer, diff_id, source):
    """Makes the description of a layer, as `OciLayerInfo.description` has it.

    Args:
      layer: dict; its descriptor.
      diff_id: string.
      source: struct of `name`, `insecure` and `mirrors`.

    Returns:
      dict.
    """
    return {
        "blob": descriptor(layer),
        "diff_id": diff_id,
        "remote": {"insecure": source.insecure, "mirrors": source.mirrors},
        "repository": source.name,
    }

def descriptor(content):
    """Returns what names a blob, without what else its descriptor says.

    Args:
      content: dict; a descriptor.

    Returns:
      dict.
    """
    return {key: content[key] for key in ("mediaType", "digest", "size")}

def what_there_is(platforms):
    """Lists platforms for a message.

    Args:
      platforms: list of structs of `os`, `architecture`, `variant`.

    Returns:
      string.
    """
    return ", ".join(["`{}`".format(platform_text(platform)) for platform in platforms]) or "nothing"
