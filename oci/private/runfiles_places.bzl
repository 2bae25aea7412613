"""Where several files are in a runfiles tree when some of them have the same name."""

load(":runfiles_path.bzl", "runfiles_path")

visibility(["//oci/..."])

def runfiles_places(files, *, below):
    """Gives each file a place of its own.

    The files of one target in two configurations, say for two platforms, have the same `short_path`, so that one would hide
    the other. Such files lie in a directory instead.

    Args:
      files: list of `File`; one may occur several times.
      below: string; the runfiles path of that directory.

    Returns:
      struct of `paths`, a dict of `File` to its runfiles path; `files`, a list of those that lie where they usually do; and
      `root_symlinks`, a dict of runfiles path to `File` with the others.
    """
    first = {}
    shared = {}
    for file in files:
        if first.setdefault(file.short_path, file) != file:
            shared[file.short_path] = True

    root_symlinks = {}
    usual = {}
    for file in files:
        if file.short_path not in shared:
            usual[file] = runfiles_path(file.short_path)
        elif file not in root_symlinks:
            root_symlinks[file] = "{}/{}/{}".format(below, len(root_symlinks) + 1, file.basename)
    return struct(
        files = usual.keys(),
        paths = usual | root_symlinks,
        root_symlinks = {path: file for file, path in root_symlinks.items()},
    )
