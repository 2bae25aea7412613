"""What an image is expected to be, as the JSON that `stevedore-deliver` reads beside its executable.

It is read by `tools/delivery/src/spec/image_test.rs` and `tools/image_check/src/expected.rs`; they change together.
"""

load(":label_text.bzl", "label_text")
load(":written_spec.bzl", "places_beside", "written_spec")

visibility(["//oci/..."])

def image_test_spec(ctx, *, executable, image, expected, content_files, containers, carried):
    """Writes the spec of an image's test.

    Args:
      ctx: rule context.
      executable: `File`; what is run. The spec's name is its name followed by `.delivery.json`.
      image: `OciImageInfo`.
      expected: dict; see `tools/image_check/src/expected.rs`. Its `files` have no `content_file` yet.
      content_files: dict of paths in the image to `File`, whose content is expected there.
      containers: `None` if no command is run; else a struct of `agent` and `tags`, `File`s, and `settings`, a dict.
      carried: function of an `OciLayerInfo`; which of its files the test reads, `tar`, `blob`, or `None`.

    Returns:
      struct of `file`, the spec, and `runfiles`, all files that it names and itself.
    """
    layers = [_carried_layer(layer, carried(layer)) for layer in image.layers]
    base_layouts = [image.base_layout] if image.base_layout and carried(None) else []
    of_containers = [containers.agent, containers.tags] if containers else []
    places = places_beside(
        executable,
        [image.config, image.description] +
        [file for layer in layers if layer for file in layer.values()] +
        base_layouts +
        content_files.values() +
        of_containers,
    )
    return written_spec(
        ctx,
        executable = executable,
        layouts = [image.base_layout_files] if base_layouts else [],
        places = places,
        spec = {
            "kind": "image_test",
            "label": label_text(ctx.label),
            "image": {
                "label": label_text(image.label),
                "config": places.paths[image.config],
                "description": places.paths[image.description],
                "layers": [
                    {kind: places.paths[file] for kind, file in layer.items()} if layer else None
                    for layer in layers
                ],
                "base_layout": places.paths[base_layouts[0]] if base_layouts else None,
            },
            "expected": expected | {"files": _files(expected["files"], content_files, places)},
            "containers": _containers(containers, places),
        },
    )

def _carried_layer(layer, kind):
    return {kind: getattr(layer, kind)} if kind else None

def _files(files, content_files, places):
    return files | {
        path: files.get(path, {}) | {"content_file": places.paths[file]}
        for path, file in content_files.items()
    }

def _containers(containers, places):
    if not containers:
        return None
    return containers.settings | {
        "agent": places.paths[containers.agent],
        "tags": places.paths[containers.tags],
    }
