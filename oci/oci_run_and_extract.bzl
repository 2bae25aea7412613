"""Defines `oci_run_and_extract`."""

load("//oci/private:attribute_error.bzl", "check_attribute", "fail_attribute")
load("//oci/private:image_aspect.bzl", "image_of")
load("//oci/private:image_path.bzl", "image_path_error")
load("//oci/private:run_action.bzl", "run_action")
load("//oci/private:run_attrs.bzl", "RUN_ATTRS", "check_run_attrs")
load("//oci/private:run_platform.bzl", "run_platform")

visibility("public")

def _oci_run_and_extract_impl(ctx):
    check_run_attrs(ctx)
    _check(ctx)
    wanted = tuple([
        struct(output = _declare(ctx, path, name), path = path.removesuffix("/"))
        for path, name in ctx.attr.files.items()
    ])
    outputs = [file.output for file in wanted]
    run_action(
        ctx,
        base = image_of(ctx, attribute = "base", target = ctx.attr.base),
        collect = struct(files = wanted, layer = None),
        flags = {},
        mnemonic = "RunAndExtract",
        outputs = outputs,
    )
    return [
        DefaultInfo(
            files = depset(outputs),
            runfiles = ctx.runfiles(outputs),
        ),
        OutputGroupInfo(**{
            name: depset([output])
            for name, output in zip(ctx.attr.files.values(), outputs)
        }),
    ]

def _declare(ctx, path, name):
    if path.endswith("/"):
        return ctx.actions.declare_directory(name.removesuffix("/"))
    return ctx.actions.declare_file(name)

def _check(ctx):
    if not ctx.attr.files:
        fail_attribute(ctx.label, "files", "is empty: expected paths in the container, each with the name of an output")
    names = {}
    for path, name in ctx.attr.files.items():
        place = "files[\"{}\"]".format(path)
        check_attribute(ctx.label, "files", image_path_error(path, may_end_with_slash = True))
        if path == "/":
            fail_attribute(ctx.label, "files", "`/` is the whole container: expected a path below it")
        check_attribute(ctx.label, place, _name_error(name))
        if name.removesuffix("/") in names:
            fail_attribute(ctx.label, place, "`{}` is also the output for `{}`: expected a name for each".format(name, names[name.removesuffix("/")]))
        names[name.removesuffix("/")] = path

def _name_error(name):
    error = image_path_error("/" + name, may_end_with_slash = True)
    if not name or name.startswith("/") or error:
        return "`{}` is not the name of an output: expected a path below the package, for example `out/report.txt`".format(name)
    return None

oci_run_and_extract = rule(
    implementation = _oci_run_and_extract_impl,
    doc = """Files and directories that commands make in a container, as outputs. See [Commands in containers](run.md).

```starlark
oci_run_and_extract(
    name = "manual",
    base = ":typesetter",
    commands = ["pandoc /in/manual.md --output /out.pdf"],
    files = {"/out.pdf": "manual.pdf"},
    inputs = {"/in/manual.md": "manual.md"},
)
```

There is an output group for each output, with the output's name.""",
    # @unsorted-dict-items
    attrs = {
        "files": attr.string_dict(
            doc = """What is taken out: absolute paths in the container, and names of outputs, which are in the target's package. A path
that ends with `/` is a directory with all that is in it, as one output. Owners and times are not kept, nor is what is neither a
file, a directory nor a symbolic link.""",
            mandatory = True,
        ),
    } | RUN_ATTRS,
    cfg = run_platform,
)
