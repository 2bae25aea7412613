"""The forms in which a directory in the OCI layout is given to a rule."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":compression.bzl", "tar_suffix")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

# The file that every layout has at its root.
# https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#oci-layout-file
_MARKER = "oci-layout"

def layout_source(target):
    """Finds the layout among a target's files.

    Args:
      target: `Target`.

    Returns:
      struct of `directory`, the layout as one `File`, or `marker`, the `File` whose directory is the layout; `files`, a
      `depset` of all that reading the layout needs; and `error`, a string or `None`.
    """
    files = target[DefaultInfo].files.to_list()
    markers = [file for file in files if file.basename == _MARKER and not file.is_directory]
    error, directory, marker = None, None, None
    if not files:
        error = "no files: expected a directory in the OCI layout"
    elif len(files) == 1:
        directory = files[0]
        error = _directory_error(directory)
    elif len(markers) != 1:
        error = "{} files named `{}` among {} files: expected one directory, or the files of one".format(len(markers), _MARKER, len(files))
    else:
        marker = markers[0]
        outside = [file.path for file in files if not file.path.startswith(marker.dirname + "/")]
        if outside:
            error = "`{}` is not in `{}`, as the file `{}` is: expected the files of one directory".format(outside[0], marker.dirname, _MARKER)

    # The blobs may be links to files outside of the directory, which are then in the target's runfiles:
    # https://github.com/bazel-contrib/rules_oci/blob/v2.2.6/oci/private/image.bzl
    runfiles = target[DefaultInfo].default_runfiles
    return struct(
        directory = directory,
        error = error,
        files = depset(files, transitive = [runfiles.files] if runfiles else []),
        marker = marker,
    )

def _directory_error(file):
    if file.is_directory:
        return None
    if tar_suffix(file.basename):
        return "`{}` is an archive: expected a directory in the OCI layout, give it to `archive` of an oci_import".format(file.short_path)

    # Bazel does not tell a directory of source files from a source file; the build tool does.
    if file.is_source:
        return None
    return "`{}` is a file: expected a directory in the OCI layout".format(file.short_path)

def add_layout_path(args, format, layout):
    """Adds a layout's path to a command line.

    Args:
      args: `Args`.
      format: string with a `%s`.
      layout: struct that `layout_source` returns, without error.
    """
    if layout.directory:
        args.add_all([layout.directory], expand_directories = False, format_each = format)
    else:
        args.add_all([layout.marker], format_each = format, map_each = _dirname)

def _dirname(file):
    return file.dirname

def layout_tree(ctx, *, layout, metadata):
    """Registers the action that makes one directory of a layout which is given file by file.

    Args:
      ctx: rule context.
      layout: struct that `layout_source` returns; with a marker.
      metadata: dict that `import_layout` returns.

    Returns:
      `File`, a directory.
    """
    output = ctx.actions.declare_directory(ctx.label.name + ".import.layout")
    args = build_tool_args(ctx, "layout")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(metadata["config"], format = "--config=%s")
    args.add(metadata["manifest"], format = "--manifest=%s")
    add_layout_path(args, "--base-layout=%s", layout)
    args.add_all([output], expand_directories = False, format_each = "--output=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([metadata["config"], metadata["manifest"]], transitive = [layout.files]),
        mnemonic = "CollectLayout",
        outputs = [output],
        progress_message = "Collecting OCI layout %{label}",
    )
    return output
