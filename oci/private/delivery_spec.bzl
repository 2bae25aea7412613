"""What a delivery delivers, as the JSON that `stevedore-deliver` reads beside its executable."""

load(":label_text.bzl", "label_text")
load(":runfiles_path.bzl", "runfiles_path")

visibility(["//oci/..."])

def load_spec(ctx, *, executable, image, tags):
    """Writes the spec of a load.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      image: `OciImageInfo`.
      tags: `File`; references, one a line.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    file = ctx.actions.declare_file(executable.basename + ".delivery.json", sibling = executable)
    layers = [layer.tar for layer in image.layers]
    ctx.actions.write(
        content = json.encode_indent({
            "kind": "load",
            "label": label_text(ctx.label),
            "image": {
                "label": label_text(image.label),
                "config": _rlocation(image.config),
                "description": _rlocation(image.description),
                "layers": [_rlocation(layer) for layer in layers],
                "base_layout": _rlocation(image.base_layout) if image.base_layout else None,
            },
            "tags": _rlocation(tags),
        }),
        output = file,
    )
    return struct(
        file = file,
        runfiles = ctx.runfiles(
            files = [file, image.config, image.description, tags] + layers,
            transitive_files = image.base_layout_files,
        ),
    )

def _rlocation(file):
    return runfiles_path(file.short_path)
