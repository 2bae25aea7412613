"""A program of this machine, with the libraries that it needs, as one tar file."""

visibility("private")

def _run(ctx, arguments):
    result = ctx.execute(arguments)
    if result.return_code != 0:
        fail("`{}` failed ({}): {}".format(
            " ".join([str(argument) for argument in arguments]),
            result.return_code,
            result.stderr,
        ))
    return result.stdout

def _libraries(listed):
    """The paths in what `ldd` prints: `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)`."""
    words = [word for line in listed.splitlines() for word in line.split(" ")]
    return [word.strip() for word in words if word.strip().startswith("/")]

def _machine_program_impl(ctx):
    program = ctx.which(ctx.attr.program)
    if not program:
        fail("`{program}` is not there: install it with `apt-get install {package}`".format(
            package = ctx.attr.package,
            program = ctx.attr.program,
        ))
    files = [str(program)] + _libraries(_run(ctx, ["ldd", program]))
    _run(ctx, [
        "tar",
        "--create",
        "--file=rootfs.tar",
        "--directory=/",
        # Both are links, often: the image has nothing but these files.
        "--dereference",
        "--hard-dereference",
        "--format=gnu",
        "--mtime=@0",
        "--numeric-owner",
        "--owner=0",
        "--group=0",
        "--sort=name",
    ] + [file.removeprefix("/") for file in files])
    ctx.file("BUILD.bazel", 'exports_files(["rootfs.tar"])\n', executable = False)

machine_program = repository_rule(
    doc = "Makes `rootfs.tar`: a program that Debian's packages have installed, and its libraries, at their paths.",
    implementation = _machine_program_impl,
    attrs = {
        "package": attr.string(
            doc = "The package that has it, for the error message.",
            mandatory = True,
        ),
        "program": attr.string(
            doc = "The program's name.",
            mandatory = True,
        ),
    },
    environ = ["PATH"],
    local = True,
)
