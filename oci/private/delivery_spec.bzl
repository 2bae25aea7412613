"""What a delivery delivers, as the JSON that `stevedore-deliver` reads beside its executable."""

load(":label_text.bzl", "label_text")
load(":runfiles_path.bzl", "runfiles_path")

visibility(["//oci/..."])

def load_spec(ctx, *, executable, images):
    """Writes the spec of a load.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      images: list of structs of `image`, an `OciImageInfo`, and `tags`, a `File` with references, one a line.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    file = ctx.actions.declare_file(executable.basename + ".delivery.json", sibling = executable)
    ctx.actions.write(
        content = json.encode_indent({
            "kind": "load",
            "label": label_text(ctx.label),
            "images": [
                {"image": _image_spec(named.image), "tags": _rlocation(named.tags)}
                for named in images
            ],
        }),
        output = file,
    )
    return struct(
        file = file,
        runfiles = ctx.runfiles(
            files = [file] + [named.tags for named in images],
            transitive_files = depset(transitive = [_files(named.image) for named in images]),
        ),
    )

def _image_spec(image):
    return {
        "label": label_text(image.label),
        "config": _rlocation(image.config),
        "description": _rlocation(image.description),
        "layers": [_rlocation(layer.tar) for layer in image.layers],
        "base_layout": _rlocation(image.base_layout) if image.base_layout else None,
    }

def _files(image):
    return depset(
        [image.config, image.description] + [layer.tar for layer in image.layers],
        transitive = [image.base_layout_files],
    )

def _rlocation(file):
    return runfiles_path(file.short_path)
