"""Paths in an image."""

load("@bazel_skylib//lib:paths.bzl", "paths")

visibility(["//oci/..."])

def image_path_error(path, *, may_end_with_slash = False):
    """Says what is wrong with a path in an image.

    Args:
      path: string.
      may_end_with_slash: bool; whether `/app/` is right too.

    Returns:
      `None` if the path is absolute and normal (no `.`, `..`, `//`); otherwise what is wrong and what to write instead.
    """
    plain = path[:-1] if may_end_with_slash and len(path) > 1 and path.endswith("/") else path
    if path and "\n" in path:
        return "`{}` contains a line break".format(path)
    normal = paths.normalize("/" + path.lstrip("/"))
    if plain == normal:
        return None
    if not path.startswith("/"):
        return "`{}` is not absolute: did you mean `{}`?".format(path, normal)
    return "`{}` is not a normal path: did you mean `{}`?".format(path, normal)
