"""What a delivery delivers, as the JSON that `stevedore-deliver` reads beside its executable."""

load(":content.bzl", "images_in", "is_index")
load(":label_text.bzl", "label_text")
load(":runfiles_path.bzl", "runfiles_path")

visibility(["//oci/..."])

def load_spec(ctx, *, executable, images):
    """Writes the spec of a load.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      images: list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `tags`, a `File` with references, one a
        line.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    return _written(
        ctx,
        executable = executable,
        files = depset(
            [named.tags for named in images],
            transitive = [_loaded_files(image) for named in images for image in images_in(named.content)],
        ),
        spec = {
            "kind": "load",
            "label": label_text(ctx.label),
            "images": [
                {"content": _loaded_content(named.content), "tags": _rlocation(named.tags)}
                for named in images
            ],
        },
    )

def push_spec(ctx, *, executable, images):
    """Writes the spec of a push.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      images: list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `destinations`, a `File` that
        `destinations_action` makes.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    return _written(
        ctx,
        executable = executable,
        files = depset(
            [pushed.destinations for pushed in images],
            transitive = [_pushed_files(pushed.content) for pushed in images],
        ),
        spec = {
            "kind": "push",
            "label": label_text(ctx.label),
            "images": [
                {"content": _content_spec(pushed.content), "destinations": _rlocation(pushed.destinations)}
                for pushed in images
            ],
        },
    )

def _written(ctx, *, executable, files, spec):
    file = ctx.actions.declare_file(executable.basename + ".delivery.json", sibling = executable)
    ctx.actions.write(content = json.encode_indent(spec), output = file)
    return struct(
        file = file,
        runfiles = ctx.runfiles(files = [file], transitive_files = files),
    )

def _loaded_content(content):
    if not is_index(content):
        return {"image": _loaded_spec(content)}
    return {"index": {
        "label": label_text(content.label),
        "images": [_loaded_spec(image) for image in content.images],
    }}

def _loaded_spec(image):
    return {
        "label": label_text(image.label),
        "config": _rlocation(image.config),
        "description": _rlocation(image.description),
        "layers": [_loaded_layer(layer) for layer in image.layers],
        "base_layout": _base_layout(image),
    }

def _loaded_layer(layer):
    if layer.delivered == "registry":
        return None
    if layer.delivered == "blob":
        return {"blob": _rlocation(layer.blob)}
    return {"tar": _rlocation(layer.tar)}

def _loaded_files(image):
    layers = [
        layer.blob if layer.delivered == "blob" else layer.tar
        for layer in image.layers
        if layer.delivered != "registry"
    ]
    return depset([image.config, image.description] + layers, transitive = [image.base_layout_files])

def _content_spec(content):
    if not is_index(content):
        return {"image": _pushed_spec(content)}
    return {"index": {
        "label": label_text(content.label),
        "manifest": _rlocation(content.manifest),
        "images": [_pushed_spec(image) for image in content.images],
    }}

def _pushed_spec(image):
    return {
        "label": label_text(image.label),
        "manifest": _rlocation(image.manifest),
        "config": _rlocation(image.config),
        "description": _rlocation(image.description),
        "blobs": [None if layer.delivered == "registry" else _rlocation(layer.blob) for layer in image.layers],
        "base_layout": _base_layout(image),
    }

def _pushed_files(content):
    return depset(
        [content.manifest],
        transitive = [
            depset(
                [image.manifest, image.config, image.description] +
                [layer.blob for layer in image.layers if layer.delivered != "registry"],
                transitive = [image.base_layout_files],
            )
            for image in images_in(content)
        ],
    )

def _base_layout(image):
    return _rlocation(image.base_layout) if image.base_layout else None

def _rlocation(file):
    return runfiles_path(file.short_path)
