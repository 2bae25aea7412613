"""The images behind a pulled reference: which ones, and what is wrong with those that cannot be used."""

load(":pulled_manifest.bzl", "index_entries", "index_error", "manifest_error", "parse_config", "parse_manifest", "what_there_is")
load(":pulled_platform.bzl", "asks_for", "parse_platform", "platform_name")
load(":registry_download.bzl", "registry_downloads")

visibility(["//oci/..."])

# Where the generated repository keeps the files of its images.
_FOLDER = "images"

def pulled_images(rctx, *, source, root, platforms):
    """Fetches the manifests and configs of the images that are wanted.

    Args:
      rctx: repository context.
      source: struct that `registry_source` returns.
      root: struct of `digest` and `text`, of the manifest or index that was asked for.
      platforms: list of strings like `linux/amd64`; which ones are wanted. Empty: all.

    Returns:
      struct of `images`, a list of structs of `name`, `digest`, `platform`, `folder`, `manifest` (a dict), `config` (a struct that
      `parse_config` returns) and `error`; and `error`, of all of them.
    """
    parsed = parse_manifest(root.text)
    error = parsed.error or (index_error(parsed.content) if parsed.is_index else None)
    if error:
        return struct(error = error, images = [])
    if parsed.is_index:
        entries, error = wanted_entries(index_entries(parsed.content), platforms)
    else:
        entries, error = [struct(digest = root.digest, platform = None)], None
    if error:
        return struct(error = error, images = [])
    images, error = _fetched(rctx, entries = entries, source = source)
    if not error and not parsed.is_index and platforms:
        error = _platform_error(images[0], platforms)
    return struct(error = error, images = _named(images))

def wanted_entries(entries, platforms):
    """Chooses the images of an index that are wanted.

    Args:
      entries: list of structs that `index_entries` returns.
      platforms: list of strings; empty: all.

    Returns:
      tuple of a list, in the index's order, and an error or `None`.
    """
    if not platforms:
        known = [entry for entry in entries if not entry.platform or entry.platform.os != "unknown"]
        return known, (None if known else "its index has no image")
    wanted = []
    for text in platforms:
        platform = parse_platform(text)
        if not platform:
            return [], "attribute `platforms`: `{}`: expected one like `linux/amd64` or `linux/arm64/v8`".format(text)
        found = [entry for entry in entries if entry.platform and asks_for(platform, entry.platform)]
        if not found:
            return [], "attribute `platforms`: its index has nothing for `{}`: there is {}".format(
                text,
                what_there_is([entry.platform for entry in entries if entry.platform]),
            )
        wanted += found
    return [entry for entry in entries if entry in wanted], None

def _fetched(rctx, *, entries, source):
    """Returns a list of images without names, and an error or `None`."""
    manifests = [
        struct(kind = "manifests", output = manifest_file(entry.digest), reference = entry.digest)
        for entry in entries
    ]

    # The one that was asked for is there already, if it is no index.
    missing = [wanted for wanted in manifests if not rctx.path(wanted.output).exists]
    error = registry_downloads(rctx, source = source, wanted = missing).error
    if error:
        return [], error
    images = []
    for entry, wanted in zip(entries, manifests):
        parsed = parse_manifest(rctx.read(wanted.output))
        error = parsed.error or ("it is an index within an index" if parsed.is_index else manifest_error(parsed.content))
        images.append(struct(entry = entry, error = error, manifest = parsed.content))
    good = [image for image in images if not image.error]
    error = registry_downloads(rctx, source = source, wanted = [
        struct(
            kind = "blobs",
            output = _folder(image.entry.digest) + "/config.json",
            reference = image.manifest["config"]["digest"],
        )
        for image in good
    ]).error
    return [_image(rctx, image) for image in images], error

def manifest_file(digest):
    """Returns where the manifest or index with a digest is kept.

    Args:
      digest: string.

    Returns:
      string.
    """
    return _folder(digest) + "/manifest.json"

def _folder(digest):
    return "{}/{}".format(_FOLDER, digest.replace(":", "_"))

def _image(rctx, image):
    folder = _folder(image.entry.digest)
    config, error = None, image.error
    if not error and rctx.path(folder + "/config.json").exists:
        config = parse_config(rctx.read(folder + "/config.json"), layers = len(image.manifest["layers"]))
        error = config.error
    return struct(
        config = config,
        digest = image.entry.digest,
        error = error,
        folder = folder,
        manifest = image.manifest,
        platform = image.entry.platform or (config.platform if config else None),
    )

def _platform_error(image, platforms):
    """Says that the one image there is is not for the platforms that were asked for."""
    if not image.platform:
        return None
    for text in platforms:
        platform = parse_platform(text)
        if not platform or not asks_for(platform, image.platform):
            return "attribute `platforms`: `{}`: it is no index, and for {} alone".format(text, what_there_is([image.platform]))
    return None

def _named(images):
    """Gives each image a name of its own; Windows has several of one platform, for versions of it."""
    named, names = [], {}
    for image in images:
        name = platform_name(image.platform) if image.platform else "image"
        if name in names and image.platform.version:
            name += "_" + image.platform.version
        names[name] = names.get(name, 0) + 1
        named.append(struct(
            config = image.config,
            digest = image.digest,
            error = image.error,
            folder = image.folder,
            manifest = image.manifest,
            name = name if names[name] == 1 else "{}_{}".format(name, names[name]),
            platform = image.platform,
        ))
    return named
