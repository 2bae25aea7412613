"""The BUILD file of a repository that `oci.pull` makes."""

load(":pulled_manifest.bzl", "descriptor", "layer_suffix")
load(":pulled_platform.bzl", "parse_platform", "platform_name", "platform_text")

visibility(["//oci/..."])

_RULES = ["pulled_base", "pulled_image", "pulled_layer", "pulled_load", "unusable_image"]

# What loads the image. A repository of this name has none: there it is the image, as what is called like the repository is.
_LOAD = "load"

# How many hex digits of the digest are in the tag of an image that was pulled without one.
_DIGEST_DIGITS = 12

def pulled_build(*, name, reference, tag, images, source, eager):
    """Writes the BUILD file.

    Args:
      name: string; what the repository is called by those who use it.
      reference: string; what was pulled, for messages.
      tag: string; what the image is loaded as, see `tag_of_load`.
      images: list of structs that `pulled_images` returns.
      source: struct of `name`, `insecure` and `mirrors`.
      eager: bool; whether the blobs are files of the repository.

    Returns:
      string.
    """
    good = [image for image in images if not image.error]
    blocks = ["load({}, {})".format(
        repr(str(Label("//oci/private:pulled.bzl"))),
        ", ".join([repr(rule) for rule in _RULES]),
    ), "package(default_visibility = [\"//visibility:public\"])"]
    blocks += [
        _target("pulled_layer", name = layer_name(layer["digest"]), **_layer(layer, diff_id, source, eager))
        for layer, diff_id in _layers(good)
    ]
    blocks += [_image(image, reference) for image in images]
    blocks += [_target("alias", actual = ":" + actual, name = alias) for alias, actual in _short_names(images).items()]
    blocks.append(_target(
        "pulled_base",
        images = {":" + image.name: platform_text(image.platform) for image in good},
        name = "base",
        problems = [image.error for image in images if image.error and not image.platform] or None,
        reference = reference,
        unusable = {platform_text(image.platform): image.error for image in images if image.error and image.platform},
    ))
    if name != _LOAD:
        blocks.append(_load(source, tag))
    if name not in ["base"] + [image.name for image in images] + _short_names(images).keys():
        blocks.append(_target("alias", actual = ":base", name = name))
    return "\n\n".join(blocks) + "\n"

def layer_name(digest):
    """Names the target of a layer.

    Args:
      digest: string; of the blob.

    Returns:
      string; `sha256_<hex>`.
    """
    return digest.replace(":", "_")

def blob_file(layer):
    """Returns where an eager repository keeps a layer's blob.

    Args:
      layer: dict; the descriptor.

    Returns:
      string.
    """
    return "blobs/{}{}".format(layer_name(layer["digest"]), layer_suffix(layer["mediaType"]))

def tag_of_load(*, tag, digest):
    """Returns the tag that a pulled image is loaded with.

    Args:
      tag: string; the one that was pulled, or empty.
      digest: string; of what was pulled.

    Returns:
      string; `tag`, or else a part of the digest, which is the name of nothing else: `latest` may be.
    """
    algorithm, _, hex = digest.partition(":")
    return tag or "{}-{}".format(algorithm, hex[:_DIGEST_DIGITS])

def _load(source, tag):
    return _target(
        "pulled_load",
        facts = _LOAD + ".json",
        image = ":base",
        name = _LOAD,
        repo_tags = ["{}:{}".format(source.name, tag)],
        # So that `//...` in it builds no tool.
        tags = ["manual"],
    )

def _layers(images):
    """Returns the distinct layers, as pairs of a descriptor and a diff_id."""
    layers = {}
    for image in images:
        for layer, diff_id in zip(image.manifest["layers"], image.config.diff_ids):
            layers.setdefault(layer["digest"], (layer, diff_id))
    return layers.values()

def _layer(layer, diff_id, source, eager):
    return {
        "blob": blob_file(layer) if eager else None,
        "descriptor": json.encode(descriptor(layer)),
        "diff_id": diff_id,
        "insecure": source.insecure,
        "mirrors": source.mirrors,
        "repository": source.name,
        "suffix": layer_suffix(layer["mediaType"]),
    }

def _image(image, reference):
    if image.error:
        return _target(
            "unusable_image",
            error = "`{}` cannot be used: {}".format(reference, image.error),
            name = image.name,
            # So that `//...` in it still builds.
            tags = ["manual"],
        )
    digests = [layer["digest"] for layer in image.manifest["layers"]]
    return _target(
        "pulled_image",
        config = image.folder + "/config.json",
        description = image.folder + "/description.json",
        digest = image.digest,
        layers = [":" + layer_name(digest) for digest in {digest: None for digest in digests}],
        manifest = image.folder + "/manifest.json",
        name = image.name,
        # A layer may be there twice, a label in a list may not.
        order = [layer_name(digest) for digest in digests],
    )

def _short_names(images):
    """Names without a variant, where they mean one image."""
    platforms = [image.platform for image in images if image.platform]
    names = {}
    for image in images:
        if image.platform and image.platform.variant and image.name == platform_name(image.platform):
            os, architecture = image.platform.os, image.platform.architecture
            if len([each for each in platforms if (each.os, each.architecture) == (os, architecture)]) == 1:
                names[platform_name(parse_platform("{}/{}".format(os, architecture)))] = image.name
    return names

def _target(rule, **attributes):
    lines = [
        "    {} = {},".format(name, repr(value))
        for name, value in sorted(attributes.items())
        if value != None
    ]
    return "{}(\n{}\n)".format(rule, "\n".join(lines))
