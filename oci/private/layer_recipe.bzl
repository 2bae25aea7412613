"""The recipe of a layer: everything that its bytes depend on, as the JSON lines that `stevedore-build layer` reads."""

load(":label_text.bzl", "label_text")
load(":placement.bzl", "add_placement")

visibility(["//oci/..."])

def layer_recipe(
        ctx,
        *,
        srcs,
        symlinks,
        dirs,
        tars,
        owner,
        mode,
        mtime,
        metadata,
        include_runfiles,
        create_parents,
        passwd,
        group):
    """Makes the recipe of a layer.

    Args:
      ctx: rule context.
      srcs: dict of path in the image to `Target`.
      symlinks: dict of path in the image to the link's target.
      dirs: list of paths in the image.
      tars: list of `Target`; their files are tars.
      owner: string; `user:group`.
      mode: string; octal.
      mtime: int; seconds since the epoch.
      metadata: dict of glob to dict with some of `owner`, `mode`, `mtime`.
      include_runfiles: bool.
      create_parents: bool.
      passwd: `File` or `None`.
      group: `File` or `None`.

    Returns:
      struct of `args`, the recipe as `Args`, and `inputs`, a `depset` of `File`.
    """
    args = ctx.actions.args()
    args.use_param_file("--inputs=%s", use_always = True)
    args.set_param_file_format("multiline")

    spec = {
        "label": label_text(ctx.label),
        "owner": owner,
        "mode": mode,
        "mtime": mtime,
        "metadata": [[glob, fields] for glob, fields in metadata.items()],
        "create_parents": create_parents,
    }
    args.add_all([struct(spec = spec, passwd = passwd, group = group)], map_each = _spec_line)
    inputs = [depset([file for file in (passwd, group) if file])]
    for path, target in srcs.items():
        inputs += add_placement(args, path = path, target = target, include_runfiles = include_runfiles)
    args.add_all([json.encode({"symlink": path, "target": target}) for path, target in symlinks.items()])
    args.add_all([json.encode({"dir": path}) for path in dirs])
    for target in tars:
        files = target[DefaultInfo].files
        args.add_all([struct(files = files, label = label_text(target.label))], map_each = _tar_lines)
        inputs.append(files)
    return struct(args = args, inputs = depset(transitive = inputs))

def _spec_line(recipe):
    files = {
        "passwd": recipe.passwd.path if recipe.passwd else None,
        "group": recipe.group.path if recipe.group else None,
    }
    return json.encode({"spec": recipe.spec | files})

def _tar_lines(source):
    return [json.encode({"label": source.label, "tar": file.path}) for file in source.files.to_list()]
