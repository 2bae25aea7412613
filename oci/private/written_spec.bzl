"""A delivery's spec, and the files that it names, beside the executable that reads it."""

load(":runfiles_path.bzl", "runfiles_path")
load(":runfiles_places.bzl", "runfiles_places")

visibility(["//oci/..."])

def places_beside(executable, files):
    """Gives each file that a spec names a place among the runfiles.

    Args:
      executable: `File`; what is run.
      files: list of `File`; one may occur several times.

    Returns:
      struct; see `runfiles_places`.
    """
    return runfiles_places(files, below = runfiles_path(executable.short_path) + ".delivery")

def written_spec(ctx, *, executable, places, spec, layouts):
    """Writes a spec.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      places: struct that `places_beside` has returned, of all files that the spec names.
      spec: dict.
      layouts: list of depsets of `File`; `OciImageInfo.base_layout_files` of the layouts that the spec names.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    file = ctx.actions.declare_file(executable.basename + ".delivery.json", sibling = executable)
    ctx.actions.write(content = json.encode_indent(spec), output = file)
    return struct(
        file = file,
        runfiles = ctx.runfiles(
            files = [file],
            root_symlinks = places.root_symlinks,
            transitive_files = depset(places.files, transitive = layouts),
        ),
    )
