"""Where images are pushed to, as a JSON file for each."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")
load(":stamp.bzl", "add_workspace_status")

visibility(["//oci/..."])

def destination(*, content, references = (), repository = None, repository_file = None, tags = [], tags_file = None):
    """Says where one image, or one index, is pushed to: to references, or to a repository with tags.

    Args:
      content: `OciImageInfo` or `OciIndexInfo`.
      references: tuple of strings; repositories, each with a tag or without.
      repository: string or `None`.
      repository_file: `File` or `None`; has the repository instead.
      tags: list of strings.
      tags_file: `File` or `None`; more of them, one a line.

    Returns:
      A struct. All strings, also those in files, may have placeholders like `{{BUILD_USER}}`.
    """
    return struct(
        content = content,
        references = references,
        repository = repository,
        repository_file = repository_file,
        tags = tags,
        tags_file = tags_file,
    )

def destinations_action(ctx, *, destinations, stamped):
    """Registers the action that checks destinations and fills in the workspace status.

    One action knows all of them, since no two may be the same.

    Args:
      ctx: rule context.
      destinations: list of structs that `destination` returns.
      stamped: bool; whether the workspace status is filled in.

    Returns:
      list of structs of `content` and `destinations`, a `File` with the JSON of its destinations.
    """
    pushed = [
        struct(
            content = wanted.content,
            destinations = ctx.actions.declare_file(
                "{}{}.destinations.json".format(ctx.label.name, "" if len(destinations) == 1 else ".{}".format(number + 1)),
            ),
        )
        for number, wanted in enumerate(destinations)
    ]
    args = build_tool_args(ctx, "destinations")
    args.add(label_text(ctx.label), format = "--label=%s")
    inputs = add_workspace_status(ctx, args, stamped = stamped)
    args.add("--")
    for wanted, output in zip(destinations, pushed):
        inputs += _add_destination(args, output = output.destinations, wanted = wanted)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(inputs),
        mnemonic = "PushDestinations",
        outputs = [output.destinations for output in pushed],
        progress_message = "Writing destinations of %{label}",
    )
    return pushed

def _add_destination(args, *, wanted, output):
    args.add(label_text(wanted.content.label), format = "--image=%s")
    if wanted.repository:
        args.add(wanted.repository, format = "--repository=%s")
    if wanted.repository_file:
        args.add(wanted.repository_file, format = "--repository-file=%s")
    args.add_all(wanted.tags, format_each = "--tag=%s")
    if wanted.tags_file:
        args.add(wanted.tags_file, format = "--tags-file=%s")
    args.add_all(wanted.references, format_each = "--reference=%s")
    args.add(output, format = "--output=%s")
    return [file for file in (wanted.repository_file, wanted.tags_file) if file]
