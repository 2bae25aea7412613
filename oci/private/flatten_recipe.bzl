"""What the layer of a flattened image is made of: all layers of the image."""

load(":image_outputs.bzl", "add_directory")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def flatten_recipe(ctx, *, image):
    """Makes the recipe of a layer that has what all layers of an image leave behind.

    Args:
      ctx: rule context.
      image: `OciImageInfo`.

    Returns:
      struct of `args`, the recipe as `Args`, and `inputs`, a `depset` of `File`.
    """

    # What is there compressed already is read so, rather than written once more as a tar.
    layers = [layer.tar if layer.delivered == "tar" else layer.blob for layer in image.layers]
    args = ctx.actions.args()
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(image.config, format = "--image-config=%s")
    args.add(image.description, format = "--image-description=%s")
    if image.base_layout:
        add_directory(args, "--base-layout", image.base_layout)
    args.add_all(layers, format_each = "--layer=%s", uniquify = False)
    return struct(
        args = args,
        inputs = depset([image.config, image.description] + layers, transitive = [image.base_layout_files]),
    )
