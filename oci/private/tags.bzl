"""The references that an image gets, as a file with one a line."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")
load(":stamp.bzl", "add_workspace_status")

visibility(["//oci/..."])

def tags_action(ctx, *, output, tags, stamped, tags_file = None):
    """Registers the action that checks references and fills in the workspace status.

    Args:
      ctx: rule context.
      output: string; the name of the file.
      tags: list of strings; references like `app:dev`, with placeholders like `{{BUILD_USER}}`.
      stamped: bool; whether the workspace status is filled in.
      tags_file: `File` or `None`; more of them, one a line.

    Returns:
      `File`.
    """
    output = ctx.actions.declare_file(output)
    inputs = [tags_file] if tags_file else []
    args = build_tool_args(ctx, "tags")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add_all(tags, format_each = "--tag=%s")
    if tags_file:
        args.add(tags_file, format = "--tags-file=%s")
    inputs += add_workspace_status(ctx, args, stamped = stamped)
    args.add(output, format = "--output=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(inputs),
        mnemonic = "ImageTags",
        outputs = [output],
        progress_message = "Writing tags of %{label}",
    )
    return output

def tags_of_contents(ctx, *, contents, stamped):
    """Registers the actions of the references of several images.

    Args:
      ctx: rule context.
      contents: list of structs of `content` and `references`, as `content_by_references` returns it.
      stamped: bool; whether the workspace status is filled in.

    Returns:
      list of structs of `content`, and `tags`, a `File` with the references, one a line.
    """
    return [
        struct(
            content = named.content,
            tags = tags_action(
                ctx,
                output = "{}.{}.tags.txt".format(ctx.label.name, number + 1),
                stamped = stamped,
                tags = named.references,
            ),
        )
        for number, named in enumerate(contents)
    ]
