"""What runs in a container, as the JSON that `stevedore-deliver run` reads.

It is put together when the action runs: no depset is flattened in analysis.
"""

load(":byte_size.bzl", "byte_size")
load(":label_text.bzl", "label_text")
load(":placement.bzl", "path_in_package")
load(":run_engine.bzl", "run_engine")

visibility(["//oci/..."])

def run_spec(ctx, *, base, collect):
    """Writes the spec of a run.

    Args:
      ctx: rule context with `RUN_ATTRS`.
      base: `OciImageInfo`.
      collect: struct of `layer`, a dict, or `None`; and `files`, a tuple of structs of `path`, a string, and `output`, a `File`.

    Returns:
      `File`.
    """
    file = ctx.actions.declare_file(ctx.label.name + ".run.json")
    args = ctx.actions.args()
    args.set_param_file_format("multiline")
    args.add_all([struct(
        base = base,
        collect = collect,
        engine = run_engine(ctx),
        inputs = tuple([
            struct(files = target[DefaultInfo].files, package = target.label.package, path = path)
            for path, target in ctx.attr.inputs.items()
        ]),
        settings = _settings(ctx),
    )], map_each = _text)
    ctx.actions.write(content = args, output = file)
    return file

def run_inputs(*, base, engine):
    """Returns the files of the base that a run reads.

    Args:
      base: `OciImageInfo`.
      engine: one of `RUN_ENGINES`.

    Returns:
      `depset` of `File`.
    """
    layers = [_layer_file(layer, engine) for layer in base.layers]
    return depset(
        [base.config, base.description] + [file for file in layers if file],
        transitive = [base.base_layout_files],
    )

def _settings(ctx):
    attr = ctx.attr
    command = {"argv": attr.argv} if attr.argv else {"commands": attr.commands, "shell": attr.shell}
    return {"kind": "run", "label": label_text(ctx.label)} | command | {
        "env": attr.run_env,
        "user": attr.run_user,
        "workdir": attr.run_workdir,
        "caches": attr.caches,
        "secrets": attr.secrets,
        "tmpfs": {path: byte_size(size) if size else None for path, size in attr.tmpfs.items()},
        "memory": byte_size(attr.memory) if attr.memory else None,
        "cpus": float(attr.cpus) if attr.cpus else None,
        "timeout": attr.timeout,
        "network": attr.network,
    }

def _text(run):
    return json.encode(run.settings | {
        "base": _base(run.base, run.engine),
        "collect": _collect(run.collect),
        "engine": run.engine,
        "inputs": [_input(source) for source in run.inputs],
    })

def _base(base, engine):
    return {
        "label": label_text(base.label),
        "config": base.config.path,
        "description": base.description.path,
        "layers": [_layer(layer, engine) for layer in base.layers],
        "base_layout": base.base_layout.path if base.base_layout else None,
    }

def _layer(layer, engine):
    file = _layer_file(layer, engine)
    if not file:
        return None
    return {"tar" if layer.delivered == "tar" else "blob": file.path}

def _layer_file(layer, engine):
    """A daemon fetches by the tool what it lacks of a registry's layers; the sandbox needs every layer's bytes."""
    if layer.delivered == "tar":
        return layer.tar
    return None if layer.delivered == "registry" and engine == "daemon" else layer.blob

def _collect(collect):
    if collect.layer:
        return {"layer": collect.layer}
    return {"files": [
        {"path": wanted.path, "output": wanted.output.path, "directory": wanted.output.is_directory}
        for wanted in collect.files
    ]}

def _input(source):
    files = source.files.to_list()
    alone = len(files) == 1 and not source.path.endswith("/")
    return {
        "target": source.path.removesuffix("/"),
        "entries": [
            {"path": "" if alone else path_in_package(file, source.package), "source": file.path}
            for file in files
        ],
    }
