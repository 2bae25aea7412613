"""Python packages from PyPI, without a tool that resolves them."""

visibility("private")

_BUILD = """\
load("@rules_python//python:defs.bzl", "py_library")

py_library(
    name = "packages",
    srcs = glob(["site-packages/**/*.py"]),
    data = glob(["site-packages/**"], exclude = ["**/*.py", "**/* *"]),
    imports = ["site-packages"],
    visibility = ["//visibility:public"],
)
"""

def _pypi_packages_impl(ctx):
    for wheel in json.decode(ctx.read(ctx.attr.lock)):
        ctx.download_and_extract(
            wheel["url"],
            output = "site-packages",
            sha256 = wheel["sha256"],
            type = "zip",
        )
    ctx.file("BUILD.bazel", _BUILD, executable = False)

pypi_packages = repository_rule(
    doc = "Makes `packages`: all wheels of a list, of which none is bound to a platform.",
    implementation = _pypi_packages_impl,
    attrs = {
        "lock": attr.label(
            doc = "A JSON list of wheels: `url`, and `sha256` in hexadecimal digits.",
            allow_single_file = [".json"],
            mandatory = True,
        ),
    },
)
