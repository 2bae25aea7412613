"""What a delivery delivers, as the JSON that `stevedore-deliver` reads beside its executable."""

load(":content.bzl", "image_names", "images_in", "is_index")
load(":label_text.bzl", "label_text")
load(":runfiles_path.bzl", "runfiles_path")
load(":written_spec.bzl", "places_beside", "written_spec")

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
    return _written_load(ctx, executable = executable, images = images, kind = "load", more = {})

def test_spec(ctx, *, executable, images, variables, test, without_engine, emulation):
    """Writes the spec of a load that becomes a test.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      images: list of structs of `content` and `tags`, as in `load_spec`.
      variables: dict of string to int; the test's variables, and each one's place in `images`.
      test: struct of `label`, a `Label`; `executable`, a `File`; `arguments`, a list of strings that come before those of the
        command line.
      without_engine: string; what becomes of the test where there is no engine, `fail` or `skip`.
      emulation: bool; whether an image for another platform than the engine's is loaded.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names (but that of the test) and itself.
    """
    return _written_load(ctx, executable = executable, images = images, kind = "test", more = {
        "variables": variables,
        "test": {
            "label": label_text(test.label),
            "executable": runfiles_path(test.executable.short_path),
            "arguments": test.arguments,
        },
        "without_engine": without_engine,
        "emulation": emulation,
    })

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
    places = places_beside(executable, [
        file
        for pushed in images
        for file in [pushed.destinations, pushed.content.manifest] +
                    [file for image in images_in(pushed.content) for file in _pushed_files(image)]
    ])
    return written_spec(
        ctx,
        executable = executable,
        layouts = _layouts([pushed.content for pushed in images]),
        places = places,
        spec = {
            "kind": "push",
            "label": label_text(ctx.label),
            "images": [
                {"content": _pushed_content(places, pushed.content), "destinations": places.paths[pushed.destinations]}
                for pushed in images
            ],
        },
    )

def prune_spec(ctx, *, executable):
    """Writes the spec of a removal of images that were loaded for tests.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.

    Returns:
      struct of `file`, the spec, and `runfiles`, itself.
    """
    return written_spec(
        ctx,
        executable = executable,
        layouts = [],
        places = places_beside(executable, []),
        spec = {
            "kind": "prune",
            "label": label_text(ctx.label),
        },
    )

def _written_load(ctx, *, executable, images, kind, more):
    places = places_beside(executable, [
        file
        for named in images
        for file in [named.tags] + [file for image in images_in(named.content) for file in _loaded_files(image)]
    ])
    return written_spec(
        ctx,
        executable = executable,
        layouts = _layouts([named.content for named in images]),
        places = places,
        spec = {
            "kind": kind,
            "label": label_text(ctx.label),
            "images": [
                {"content": _loaded_content(places, named.content), "tags": places.paths[named.tags]}
                for named in images
            ],
        } | more,
    )

def _layouts(contents):
    return [image.base_layout_files for content in contents for image in images_in(content)]

def _loaded_content(places, content):
    if not is_index(content):
        return {"image": _loaded_spec(places, content, name = label_text(content.label))}
    return {"index": {
        "label": label_text(content.label),
        "images": [
            _loaded_spec(places, image, name = name)
            for image, name in zip(content.images, image_names(content))
        ],
    }}

def _loaded_spec(places, image, *, name):
    return {
        "label": name,
        "config": places.paths[image.config],
        "description": places.paths[image.description],
        "layers": [_loaded_layer(places, layer) for layer in image.layers],
        "base_layout": _base_layout(places, image),
    }

def _loaded_layer(places, layer):
    if layer.delivered == "registry":
        return None
    if layer.delivered == "blob":
        return {"blob": places.paths[layer.blob]}
    return {"tar": places.paths[layer.tar]}

def _loaded_files(image):
    layers = [
        layer.blob if layer.delivered == "blob" else layer.tar
        for layer in image.layers
        if layer.delivered != "registry"
    ]
    return [image.config, image.description] + layers + _base_layouts(image)

def _pushed_content(places, content):
    if not is_index(content):
        return {"image": _pushed_spec(places, content, name = label_text(content.label))}
    return {"index": {
        "label": label_text(content.label),
        "manifest": places.paths[content.manifest],
        "images": [
            _pushed_spec(places, image, name = name)
            for image, name in zip(content.images, image_names(content))
        ],
    }}

def _pushed_spec(places, image, *, name):
    return {
        "label": name,
        "manifest": places.paths[image.manifest],
        "config": places.paths[image.config],
        "description": places.paths[image.description],
        "blobs": [None if layer.delivered == "registry" else places.paths[layer.blob] for layer in image.layers],
        "base_layout": _base_layout(places, image),
    }

def _pushed_files(image):
    blobs = [layer.blob for layer in image.layers if layer.delivered != "registry"]
    return [image.manifest, image.config, image.description] + blobs + _base_layouts(image)

def _base_layouts(image):
    return [image.base_layout] if image.base_layout else []

def _base_layout(places, image):
    return places.paths[image.base_layout] if image.base_layout else None
