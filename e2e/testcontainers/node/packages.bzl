"""The packages of a `package-lock.json`."""

visibility("private")

_BUILD = """exports_files(["node_modules.tar"], visibility = ["//visibility:public"])\n"""

# What no program reads.
_LEFT_OUT = [
    "*.d.cts",
    "*.d.mts",
    "*.d.ts",
    "*.map",
    "*.md",
]

def _locked(ctx):
    """Gives the packages that are installed: their folders, and what the lock file tells of them."""
    lock = json.decode(ctx.read(ctx.attr.package_lock))
    version = lock.get("lockfileVersion")
    if version != 3:
        fail("`{}` has `lockfileVersion` {}: write it anew with npm 7 or later".format(ctx.attr.package_lock, version))

    # "" is the project itself. What is optional is compiled on installation, or for another system.
    packages = {
        folder: package
        for folder, package in lock["packages"].items()
        if folder and not package.get("optional") and not package.get("dev")
    }
    for folder, package in packages.items():
        if "resolved" not in package or "integrity" not in package:
            fail("`{}` does not tell where `{}` is: `npm install --package-lock-only --no-omit-lockfile-registry-resolved`".format(
                ctx.attr.package_lock,
                folder,
            ))
    return packages

def _archive(folder):
    return "archives/{}.tgz".format(folder.replace("/", "_"))

def _tar(ctx, arguments):
    result = ctx.execute(["tar", "--no-same-owner"] + arguments)
    if result.return_code != 0:
        fail("`tar {}` failed:\n{}".format(" ".join(arguments), result.stderr))

def _npm_packages_impl(ctx):
    packages = _locked(ctx)
    ctx.report_progress("downloading {} packages of `{}`".format(len(packages), ctx.attr.package_lock))
    downloads = {
        folder: ctx.download(
            url = package["resolved"],
            output = _archive(folder),
            integrity = package["integrity"],
            block = False,
        )
        for folder, package in packages.items()
    }
    for folder, download in downloads.items():
        download.wait()
        ctx.file(folder + "/.keep", "")
        ctx.delete(folder + "/.keep")

        # The first folder of an archive is not always called `package`.
        _tar(ctx, ["--extract", "--file=" + _archive(folder), "--strip-components=1", "--directory=" + folder])
    _tar(
        ctx,
        ["--create", "--file=node_modules.tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0"] +
        ["--exclude=" + pattern for pattern in _LEFT_OUT] +
        ["node_modules"],
    )
    ctx.delete("archives")
    ctx.delete("node_modules")
    ctx.file("BUILD.bazel", _BUILD, executable = False)

npm_packages = repository_rule(
    doc = """\
Downloads the packages of a `package-lock.json`, compares each with its digest there, and packs them into
`node_modules.tar`. Nothing of them is run.""",
    implementation = _npm_packages_impl,
    attrs = {
        "package_lock": attr.label(
            doc = "The `package-lock.json`.",
            allow_single_file = ["package-lock.json"],
            mandatory = True,
        ),
    },
)
