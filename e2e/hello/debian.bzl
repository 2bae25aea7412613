"""A Debian root file system as one tar file, made by debootstrap."""

visibility("private")

# What differs from run to run, or from machine to machine, and belongs to no container.
_LEFT_OUT = [
    "./dev/*",
    "./etc/hostname",
    "./etc/resolv.conf",
    "./proc/*",
    "./sys/*",
    "./var/cache/apt/*",
    "./var/cache/ldconfig/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
]

def _program(ctx, name):
    path = ctx.which(name) or ctx.path("/usr/sbin/" + name)
    if not path.exists:
        fail("`{name}` is not there: install it with `apt-get install {name}`".format(name = name))
    return path

def _run(ctx, arguments):
    result = ctx.execute(arguments, timeout = 1800)
    if result.return_code != 0:
        fail("`{}` failed ({}); debootstrap needs root:\n{}{}".format(
            " ".join([str(argument) for argument in arguments]),
            result.return_code,
            result.stdout,
            result.stderr,
        ))

def _debian_rootfs_impl(ctx):
    ctx.report_progress("running debootstrap")
    _run(ctx, [_program(ctx, "debootstrap"), "--variant=minbase", ctx.attr.suite, "root", ctx.attr.mirror])
    ctx.report_progress("writing rootfs.tar")
    _run(
        ctx,
        [
            _program(ctx, "tar"),
            "--create",
            "--file=rootfs.tar",
            "--directory=root",
            "--format=gnu",
            "--sort=name",
            "--numeric-owner",
            "--anchored",
        ] + ["--exclude=" + pattern for pattern in _LEFT_OUT] + ["."],
    )
    ctx.delete("root")
    ctx.file("BUILD.bazel", 'exports_files(["rootfs.tar"])\n', executable = False)

debian_rootfs = repository_rule(
    doc = "Makes `rootfs.tar`: a minimal Debian, without device files.",
    implementation = _debian_rootfs_impl,
    attrs = {
        "mirror": attr.string(
            doc = "Where Debian's packages are.",
            default = "http://deb.debian.org/debian",
        ),
        "suite": attr.string(
            doc = "The release's code name.",
            mandatory = True,
        ),
    },
)
