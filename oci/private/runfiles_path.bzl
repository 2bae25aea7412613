"""Where a file is in a runfiles tree."""

visibility(["//oci/..."])

# The name of the root module's repository in runfiles, under Bzlmod.
_MAIN_REPOSITORY = "_main"

def runfiles_path(short_path):
    """Returns a file's path relative to the root of a runfiles tree.

    Args:
      short_path: string; `File.short_path`, or a path that `runfiles` has in the same form: relative to the main
        repository, or beginning with `../repository/`.

    Returns:
      A path that begins with a repository's name, like `_main/app/server`.
    """
    if short_path.startswith("../"):
        return short_path[len("../"):]
    return _MAIN_REPOSITORY + "/" + short_path
