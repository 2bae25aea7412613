"""Defines `oci_pull`."""

load("//oci/private:pull_repository.bzl", "PULL_ATTRS", "pull_repository")

visibility("public")

def _oci_pull_impl(rctx):
    # The name that Bazel gives a repository of a module extension ends with the one that it was declared with.
    declared = rctx.name.split("+")[-1].split("~")[-1]
    pull_repository(rctx, name = rctx.attr.repository_name or declared)

oci_pull = repository_rule(
    implementation = _oci_pull_impl,
    doc = """An image in a registry, for example as a base. See [Pulled bases](pull.md).

In `MODULE.bazel`, use the extension `oci` instead. This rule is for extensions of your own, and for workspaces without Bzlmod:

```starlark
load("@rules_stevedore//oci:oci_pull.bzl", "oci_pull")

oci_pull(
    name = "debian",
    digest = "sha256:...",
    image = "docker.io/library/debian",
)
```""",
    attrs = PULL_ATTRS | {
        "repository_name": attr.string(
            doc = "What the repository is called by those who use it, if Bazel's own name for it ends otherwise.",
        ),
    },
)
