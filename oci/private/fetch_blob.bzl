"""The action that fetches a layer's blob from a registry: the only one that uses the network.

It runs when something reads the blob's bytes in the build, and never for an image's JSON, a load or a push.
"""

load("//oci:providers.bzl", "StevedoreToolInfo")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS")
load(":label_text.bzl", "label_text")
load(":surroundings.bzl", "SURROUNDINGS")

visibility(["//oci/..."])

FETCH_BLOB_ATTRS = DELIVER_TOOL_ATTRS

# It needs the network, the user's credentials and the content cache in the home folder, which neither a sandbox nor another
# machine has. A remote cache may keep what it fetched: the output is named by its digest.
_REQUIREMENTS = {
    "no-remote-exec": "1",
    "no-sandbox": "1",
    "requires-network": "1",
}

def fetch_blob(ctx, *, output, descriptor, repository, insecure, mirrors):
    """Registers the action.

    Args:
      ctx: rule context with `FETCH_BLOB_ATTRS`, of a target in a repository that has `surroundings.json`.
      output: `File`.
      descriptor: dict of the blob's `digest`, `size` and `mediaType`.
      repository: string; where the blob is.
      insecure: bool; whether plain HTTP is allowed.
      mirrors: list of strings; where it is, too.
    """
    args = ctx.actions.args()
    args.add("fetch")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(descriptor["digest"], format = "--digest=%s")
    args.add(descriptor["size"], format = "--size=%s")
    args.add(descriptor["mediaType"], format = "--media-type=%s")
    args.add(repository, format = "--repository=%s")
    args.add_all(mirrors, format_each = "--from=%s")
    if insecure:
        args.add("--insecure")

    # Not an input: it has this machine's paths, which would be in the action's key, and then no two machines could share what
    # is fetched. Nothing of the output depends on it. The action runs unsandboxed, so it is there nevertheless.
    args.add("{}/{}".format(ctx.label.workspace_root, SURROUNDINGS), format = "--surroundings=%s")
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        arguments = [args],
        env = {},
        executable = ctx.attr._deliver_tool[StevedoreToolInfo].files_to_run,
        execution_requirements = _REQUIREMENTS,
        inputs = depset(),
        mnemonic = "FetchBlob",
        outputs = [output],
        progress_message = "Fetching blob {} of {}".format(descriptor["digest"], repository),
        use_default_shell_env = False,
    )
