"""The attributes that say what runs in a container, and what is wrong with them."""

load(":agent.bzl", "AGENT_ATTRS")
load(":attribute_error.bzl", "check_attribute", "fail_attribute")
load(":byte_size.bzl", "byte_size_error")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS")
load(":image_aspect.bzl", "image_aspect")
load(":image_path.bzl", "image_path_error")
load(":label_text.bzl", "label_text")
load(":run_engine.bzl", "RUN_ENGINES", "RUN_ENGINE_ATTRS")
load(":run_name.bzl", "run_name_error")
load(":run_platform.bzl", "RUN_PLATFORM_ATTRS")
load(":run_secret.bzl", "run_secret_error")

visibility(["//oci/..."])

_SHELL = ["/bin/sh", "-e", "-c"]

# @unsorted-dict-items
RUN_ATTRS = {
    "base": attr.label(
        doc = """The image that the container is made of: an `oci_image`, an `oci_import`, or any target with one directory in the OCI
layout.""",
        allow_files = True,
        aspects = [image_aspect],
        mandatory = True,
    ),
    "commands": attr.string_list(
        doc = """What runs, one after the other, each as the last argument of `shell`. The first that fails ends it. Nothing is expanded
or escaped on the way: quotes, `$`, backslashes and line breaks are the shell's.""",
    ),
    "argv": attr.string_list(
        doc = "Instead of `commands`: one program and its arguments, without a shell.",
    ),
    "shell": attr.string_list(
        doc = "What runs each of `commands`: a program and its first arguments.",
        default = _SHELL,
    ),
    "run_env": attr.string_dict(
        doc = """Environment variables that the commands have, in addition to those of the base's config, or in their place. Nothing of
this machine's environment is there. `SOURCE_DATE_EPOCH` is also what times are limited to, see `normalize`.""",
    ),
    "run_user": attr.string(
        doc = "The user that the commands run as: `user`, `uid`, `user:group`, `uid:gid`. Empty: the base's.",
    ),
    "run_workdir": attr.string(
        doc = "Where the commands run, an absolute path; it is made if it is not there. Empty: the base's.",
    ),
    "inputs": attr.string_keyed_label_dict(
        doc = """What the commands can read, and where: absolute paths in the container, and targets. As in `oci_layer.srcs`, a target with
one file or directory is at the path; the files of a target with several, or of a path that ends with `/`, are below it by their
paths relative to the target's package. There must be nothing at the path in the base. They are not in what comes out, whatever
the commands do with them.""",
        allow_files = True,
    ),
    "caches": attr.string_dict(
        doc = """Directories that are kept from one run to the next: absolute paths in the container, and names. Runs that use a name
share the directory, also at the same time. It belongs to the engine (a volume of a daemon; a directory in the user's cache folder
for the sandbox), may be empty at any time, and is not in what comes out: what comes out must not depend on it.""",
    ),
    "secrets": attr.string_dict(
        doc = """Files with secrets, which are at `/run/secrets/NAME` while the commands run: names, and where they are from.
`file:PATH` is a file of this machine (`~` is the home folder); `env:NAME` a variable that `oci.secret` declares in
`MODULE.bazel`. They are in no layer, no output and no action's key: another value alone runs nothing again.""",
    ),
    "tmpfs": attr.string_dict(
        doc = """Directories in memory: absolute paths in the container, and how much fits in (`64m`, or empty for no limit). They are not
in what comes out.""",
    ),
    "memory": attr.string(
        doc = "How much memory the commands can have together: `512m`. Empty: no limit.",
    ),
    "cpus": attr.string(
        doc = "How many processors' time the commands can have together: `1.5`. Empty: no limit.",
    ),
    "timeout": attr.int(
        doc = "How many seconds the commands can take together. Then they are killed, and the action fails.",
        default = 600,
    ),
    "network": attr.string(
        doc = """What the commands can reach: `none`, nothing; `default`, what containers of the engine can by default; `host`, what this
machine can. What is downloaded is not in the action's key: with `none`, the same inputs make the same output.""",
        default = "none",
        values = ["none", "default", "host"],
    ),
    "engine": attr.string(
        doc = """What runs the container: `daemon`, the container engine that a load would use; `sandbox`, an OCI runtime (`crun`, `runc`)
on the machine that runs the action, without a daemon. Both make the same bytes. Empty: what the build setting
`@rules_stevedore//oci:run_engine` says, which is `daemon` unless it is set.""",
        values = [""] + RUN_ENGINES,
    ),
} | AGENT_ATTRS | DELIVER_TOOL_ATTRS | RUN_ENGINE_ATTRS | RUN_PLATFORM_ATTRS | {
    "_surroundings": attr.label(
        default = "@stevedore_machine//:surroundings.json",
        allow_single_file = True,
    ),
}

# Those that a person sets.
RUN_ATTRIBUTE_NAMES = [name for name in RUN_ATTRS if not name.startswith("_")]

def check_run_attrs(ctx):
    """Fails if an attribute is wrong, with what was found and what to write instead.

    Args:
      ctx: rule context with `RUN_ATTRS`.
    """
    _check_command(ctx)
    _check_limits(ctx)
    _check_places(ctx)
    for name in ctx.attr.run_env:
        if not name or "=" in name:
            fail_attribute(ctx.label, "run_env", "`{}` is not the name of a variable: expected one without `=`".format(name))
    for name, source in ctx.attr.secrets.items():
        check_attribute(ctx.label, "secrets", run_name_error(name))
        check_attribute(ctx.label, "secrets[\"{}\"]".format(name), run_secret_error(source))
    for path, name in ctx.attr.caches.items():
        check_attribute(ctx.label, "caches[\"{}\"]".format(path), run_name_error(name))

def _check_command(ctx):
    if not ctx.attr.commands and not ctx.attr.argv:
        fail_attribute(ctx.label, "commands", "is empty, and there is no `argv`: expected one of the two")
    if ctx.attr.commands and ctx.attr.argv:
        fail_attribute(ctx.label, "argv", "is given, and so is `commands`: expected one of the two")
    if ctx.attr.commands and not ctx.attr.shell:
        fail_attribute(ctx.label, "shell", "is empty: expected what runs `commands`, for example `{}`; without a shell use `argv`".format(_SHELL))
    if ctx.attr.run_workdir:
        check_attribute(ctx.label, "run_workdir", image_path_error(ctx.attr.run_workdir))

def _check_limits(ctx):
    if ctx.attr.memory:
        check_attribute(ctx.label, "memory", byte_size_error(ctx.attr.memory))
    if ctx.attr.cpus and not _is_positive(ctx.attr.cpus):
        fail_attribute(ctx.label, "cpus", "`{}` is not a number of processors: expected one like `2` or `0.5`".format(ctx.attr.cpus))
    if ctx.attr.timeout <= 0:
        fail_attribute(ctx.label, "timeout", "`{}` is not a time: expected seconds, at least 1".format(ctx.attr.timeout))

def _is_positive(text):
    whole, _, fraction = text.partition(".")
    return (whole + fraction).isdigit() and float(text) > 0

def _check_places(ctx):
    """Checks the paths that something else than the base's files is at."""
    taken = {}
    for attribute in ["inputs", "caches", "tmpfs"]:
        for path in getattr(ctx.attr, attribute):
            check_attribute(ctx.label, attribute, image_path_error(path, may_end_with_slash = attribute == "inputs"))
            place = path.rstrip("/")
            if not place:
                fail_attribute(ctx.label, attribute, "`/` is the whole container: expected a path below it")
            if place in taken:
                fail_attribute(ctx.label, attribute, "`{}` is in `{}` too: expected each path once".format(path, taken[place]))
            taken[place] = attribute
    for path, target in ctx.attr.inputs.items():
        if not target[DefaultInfo].files:
            fail_attribute(ctx.label, "inputs", "`{}`: {} has no files: expected at least one".format(path, label_text(target.label)))
    for path, size in ctx.attr.tmpfs.items():
        if size:
            check_attribute(ctx.label, "tmpfs[\"{}\"]".format(path), byte_size_error(size))
