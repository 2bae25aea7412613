"""What `oci.pull` does at fetch: manifests and configs become a repository with a target for each layer and each image."""

load(":pulled_build.bzl", "blob_file", "pulled_build", "tag_of_load")
load(":pulled_images.bzl", "manifest_file", "pulled_images")
load(":pulled_manifest.bzl", "image_description", "is_digest")
load(":registry_download.bzl", "registry_downloads", "registry_source")
load(":repository_name.bzl", "repository_name")
load(":surroundings.bzl", "write_surroundings")

visibility(["//oci/..."])

PULL_ATTRS = {
    "digest": attr.string(
        doc = """The digest of the image or index: `sha256:...`. What it stands for cannot change, so it is downloaded once, and then
comes from Bazel's repository cache.""",
    ),
    "image": attr.string(
        doc = "The repository: `docker.io/library/debian`, `ghcr.io/team/app`. Docker Hub may be left out, as in Docker.",
        mandatory = True,
    ),
    "insecure": attr.bool(
        doc = """Whether the registry and its mirrors may be talked to by plain HTTP, and with certificates that nobody vouches for. A
registry on this machine may speak plain HTTP without it.""",
    ),
    "layers": attr.string(
        doc = """When layers are downloaded. `lazy`: when something reads their bytes, see below. `eager`: when the repository is
fetched, all of them, into Bazel's repository cache.""",
        default = "lazy",
        values = ["lazy", "eager"],
    ),
    "mirrors": attr.string_list(
        doc = "Where the repository is, too: `HOST`, or `HOST/PREFIX`. They are asked first, in this order, and then the registry.",
    ),
    "platforms": attr.string_list(
        doc = "Which images of an index are wanted: `linux/amd64`, `linux/arm64/v8`. Without any: all that it has.",
    ),
    "tag": attr.string(
        doc = """A tag. Without `digest`, it is asked for what it stands for, and the digest to pin is printed; with it, it is a
remark for the reader, and what `@NAME//:load` calls the image.""",
    ),
    "www_authenticate": attr.string(
        doc = """What the registry says in the header `WWW-Authenticate` (`curl --include https://HOST/v2/` shows it). Needed where
there is no `curl`, and the registry is not one of those that are known here and wants a token.""",
    ),
}

def pull_repository(rctx, *, name):
    """Makes the repository.

    Args:
      rctx: repository context, with `PULL_ATTRS`.
      name: string; what the repository is called by those who use it.
    """
    repository = repository_name(rctx.attr.image)
    _check(name, repository.error and "attribute `image`: " + repository.error)
    _check(name, pull_error(digest = rctx.attr.digest, tag = rctx.attr.tag))
    source = registry_source(
        insecure = rctx.attr.insecure,
        mirrors = rctx.attr.mirrors,
        repository = repository,
        www_authenticate = rctx.attr.www_authenticate,
    )
    root = _root(rctx, name, source)
    reference = "{}@{}".format(repository.name, root.digest)
    pulled = pulled_images(rctx, platforms = rctx.attr.platforms, root = root, source = source)
    _check(name, pulled.error and "`{}`: {}".format(reference, pulled.error))
    remote = struct(insecure = rctx.attr.insecure, mirrors = rctx.attr.mirrors, name = repository.name)
    good = [image for image in pulled.images if not image.error]
    for image in good:
        rctx.file(
            image.folder + "/description.json",
            image_description(config = image.config, manifest = image.manifest, source = remote),
            executable = False,
        )
    eager = rctx.attr.layers == "eager"
    if eager:
        _check(name, _blobs(rctx, images = good, source = source))
    write_surroundings(rctx)
    rctx.file("BUILD.bazel", pulled_build(
        eager = eager,
        images = pulled.images,
        name = name,
        reference = reference,
        source = remote,
        tag = tag_of_load(digest = root.digest, tag = rctx.attr.tag),
    ), executable = False)

def pull_error(*, digest, tag):
    """Says what is wrong with the attributes that say which image is meant.

    Args:
      digest: string; may be empty.
      tag: string; may be empty.

    Returns:
      string or `None`.
    """
    if digest and not is_digest(digest):
        return "attribute `digest`: `{}`: expected `sha256:` and 64 hex digits".format(digest)
    if not digest and not tag:
        return "attribute `digest`: is not set: expected the image's digest, or a `tag`, whose digest is then printed"
    return None

def _root(rctx, name, source):
    """Downloads what was asked for, and returns a struct of `digest` and `text`."""
    reference = rctx.attr.digest or rctx.attr.tag
    output = manifest_file(rctx.attr.digest) if rctx.attr.digest else "tagged.json"
    got = registry_downloads(rctx, source = source, wanted = [
        struct(kind = "manifests", output = output, reference = reference),
    ])
    _check(name, got.error)
    digest = got.digests[output]
    if not rctx.attr.digest:
        rctx.symlink(output, manifest_file(digest))

        # buildifier: disable=print
        print("@{}: `{}:{}` is not pinned and may become another image: set `digest = \"{}\"`".format(
            name,
            source.name,
            rctx.attr.tag,
            digest,
        ))
    return struct(digest = digest, text = rctx.read(output))

def _blobs(rctx, *, images, source):
    """Downloads the layers; returns an error or `None`."""
    wanted = {}
    for image in images:
        for layer in image.manifest["layers"]:
            wanted[layer["digest"]] = struct(kind = "blobs", output = blob_file(layer), reference = layer["digest"])
    return registry_downloads(rctx, source = source, wanted = wanted.values()).error

def _check(name, error):
    if error:
        fail("oci.pull `{}`: {}".format(name, error))
