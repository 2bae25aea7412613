"""What one entry of `oci_layer.srcs` puts into a layer, as lines of the layer's recipe.

The functions that write lines are called by `Args.map_each`, when an action runs: no depset is flattened in analysis.
"""

load(":label_text.bzl", "label_text")
load(":runfiles_path.bzl", "runfiles_path")

visibility(["//oci/..."])

def add_placement(args, *, path, target, include_runfiles):
    """Adds one entry of `srcs` to a layer's recipe.

    Args:
      args: `Args` that make the recipe.
      path: string; absolute path in the image. A path that ends with `/` is a directory that the target's files go into.
      target: `Target`.
      include_runfiles: bool; whether an executable's runfiles go to `<path>.runfiles`.

    Returns:
      list of `depset` of `File`: the action's inputs.
    """
    default_info = target[DefaultInfo]
    if not _is_executable(default_info):
        _add_files(args, path = path, target = target)
        return [default_info.files]

    executable = default_info.files_to_run.executable
    place = path + executable.basename if path.endswith("/") else path
    _add_place(args, path = place, label = target.label)
    args.add_all([executable], map_each = _executable_line)
    inputs = [depset([executable])]
    if include_runfiles:
        inputs += _add_runfiles(args, default_info = default_info, label = target.label, place = place)
    return inputs

def _is_executable(default_info):
    # `files_to_run.executable` is also set for plain files and for targets with a single one. Only what can be run by
    # itself has a runfiles tree, and one of these two describes it (the first is missing with --nobuild_runfile_manifests).
    run = default_info.files_to_run
    return bool(run and run.executable and (run.runfiles_manifest or run.repo_mapping_manifest))

def _add_place(args, *, path, label, **fields):
    args.add(json.encode({"place": {"path": path, "label": label_text(label)} | fields}))

def _add_files(args, *, path, target):
    into_directory = path.endswith("/")
    _add_place(args, path = (path.rstrip("/") or "/") if into_directory else path, label = target.label)
    args.add_all(
        [struct(
            files = target[DefaultInfo].files,
            into_directory = into_directory,
            package = target.label.package,
        )],
        map_each = _file_lines,
    )

def _file_lines(source):
    files = source.files.to_list()
    alone = len(files) == 1 and not source.into_directory
    return [_file_line(file, "" if alone else path_in_package(file, source.package)) for file in files]

def path_in_package(file, package):
    """Returns where a file of a target is below a directory that it is put into.

    Args:
      file: `File`.
      package: string; the target's package.

    Returns:
      The file's path relative to the package, or to its repository if it is of another package.
    """
    path = file.short_path
    if path.startswith("../"):
        # ../repository/path
        path = path.split("/", 2)[2]
    return path.removeprefix(package + "/") if package else path

def _file_line(file, to, *, executable = False):
    if file.is_directory:
        return json.encode({"tree": file.path, "to": to})
    line = {"file": file.path, "to": to}
    return json.encode(line | {"executable": True} if executable else line)

def _executable_line(file):
    return _file_line(file, "", executable = True)

def _add_runfiles(args, *, default_info, label, place):
    _add_place(args, path = place + ".runfiles", label = label, executable = place)
    runfiles = default_info.default_runfiles
    args.add_all(runfiles.files, map_each = _runfile_line, expand_directories = False)
    args.add_all(runfiles.symlinks, map_each = _symlink_line)
    args.add_all(runfiles.root_symlinks, map_each = _root_symlink_line)
    args.add_all([runfiles], map_each = _empty_file_lines)

    # Symlinks are entries, not files, and there is no other way to make inputs of what they point to than to walk them.
    # Few targets have any.
    targets = [
        entry.target_file
        for symlinks in (runfiles.symlinks, runfiles.root_symlinks)
        for entry in (symlinks.to_list() if symlinks else [])
    ]
    inputs = [runfiles.files, depset(targets)]
    repo_mapping = default_info.files_to_run.repo_mapping_manifest
    if repo_mapping:
        args.add_all([repo_mapping], map_each = _repo_mapping_line)
        inputs.append(depset([repo_mapping]))
    return inputs

# Programs among the runfiles must stay programs. Bazel makes every output executable, so the file on disk does not tell
# which they are: all of them are.
def _runfile_line(file):
    return _file_line(file, runfiles_path(file.short_path), executable = True)

def _symlink_line(entry):
    return _file_line(entry.target_file, runfiles_path(entry.path), executable = True)

def _root_symlink_line(entry):
    return _file_line(entry.target_file, entry.path, executable = True)

def _empty_file_lines(runfiles):
    return [json.encode({"empty": runfiles_path(path)}) for path in runfiles.empty_filenames.to_list()]

def _repo_mapping_line(file):
    return _file_line(file, "_repo_mapping")
