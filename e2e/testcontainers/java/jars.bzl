"""Java libraries from Maven Central, without a tool that resolves them."""

visibility("private")

_BUILD = """\
load("@rules_java//java:defs.bzl", "java_import")

java_import(
    name = "jars",
    jars = glob(["*.jar"]),
    visibility = ["//visibility:public"],
)
"""

def _maven_jars_impl(ctx):
    for jar in json.decode(ctx.read(ctx.attr.lock)):
        ctx.download(
            jar["url"],
            output = jar["url"].rpartition("/")[2],
            sha256 = jar["sha256"],
        )
    ctx.file("BUILD.bazel", _BUILD, executable = False)

maven_jars = repository_rule(
    doc = "Makes `jars`: all archives of a list.",
    implementation = _maven_jars_impl,
    attrs = {
        "lock": attr.label(
            doc = "A JSON list of archives: `url`, and `sha256` in hexadecimal digits.",
            allow_single_file = [".json"],
            mandatory = True,
        ),
    },
)
