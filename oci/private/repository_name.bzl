"""Names of repositories in registries, as Docker and podman take them.

The grammar is that of
[distribution's reference](https://github.com/distribution/reference/blob/v0.6.0/reference.go), the defaults are those of its
`normalize.go`; `tools/image/src/repository.rs` reads the same names.
"""

visibility(["//oci/..."])

_DOCKER_HUB = "docker.io"
_PATH_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789._-/"

def repository_name(text):
    """Parses a repository's name.

    Args:
      text: string; `debian`, `ghcr.io/team/app`, `localhost:5000/app`.

    Returns:
      struct of `registry` (`docker.io` if there is none), `path` (`library/debian` for `debian`), `name`, both of them, and
      `error`, a string or `None`.
    """
    registry, path = _split(text)
    return struct(
        error = _error(text, registry, path),
        name = "{}/{}".format(registry, path),
        path = path,
        registry = registry,
    )

def _split(text):
    first, slash, rest = text.partition("/")
    if not slash or not (first == "localhost" or "." in first or ":" in first):
        registry, path = _DOCKER_HUB, text
    elif first == "index.docker.io":
        registry, path = _DOCKER_HUB, rest
    else:
        registry, path = first, rest
    if registry == _DOCKER_HUB and "/" not in path:
        path = "library/" + path
    return registry, path

def _error(text, registry, path):
    if "://" in text:
        return "`{}`: expected the registry's host at the beginning, without `{}`".format(text, text.partition("://")[0] + "://")
    name, at, digest = text.partition("@")
    if at:
        return "`{}` has a digest: write `image = \"{}\"` and `digest = \"{}\"`".format(text, name, digest)
    head, colon, tag = text.rpartition(":")
    if colon and "/" not in tag:
        return "`{}` has a tag: write `image = \"{}\"`, and the tag's digest as `digest`".format(text, head)
    wrong = path.strip(_PATH_CHARACTERS) or not path or "//" in path or path.startswith("/") or path.endswith("/")
    if wrong or not registry.strip(":"):
        return "`{}` is not a repository: expected one like `docker.io/library/debian`, in lower case".format(text)
    return None
