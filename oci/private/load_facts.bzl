"""What a load will bring, as a file that is there before anything is loaded."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":content.bzl", "image_names", "images_in")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def load_facts_action(ctx, *, images, output):
    """Registers the action that tells each image's IDs, digests, names and platform. Its inputs are a few kilobytes.

    Args:
      ctx: rule context.
      images: list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `tags`, a `File` with references, one a
        line.
      output: `File`.
    """
    args = build_tool_args(ctx, "load-facts")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(output, format = "--output=%s")
    args.add("--")
    for named in images:
        for image, name in zip(images_in(named.content), image_names(named.content)):
            args.add(name, format = "--image=%s")
            args.add(image.description, format = "--description=%s")
            args.add(named.tags, format = "--tags=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([named.tags for named in images] + [
            image.description
            for named in images
            for image in images_in(named.content)
        ]),
        mnemonic = "LoadFacts",
        outputs = [output],
        progress_message = "Describing load %{label}",
    )
