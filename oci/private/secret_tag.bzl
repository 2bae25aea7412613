"""The tag `oci.secret`."""

load(":run_secret.bzl", "variable_name")

visibility(["//oci/..."])

secret_tag = tag_class(
    doc = """An environment variable of this machine that `secrets` of `oci_run_and_commit` and the like may name. See
[Commands in containers](run.md#secrets).

```starlark
oci = use_extension("@rules_stevedore//oci:extensions.bzl", "oci")
oci.secret(env = "NPM_TOKEN")
```

Its value is kept in a file of a repository, which only the user can read. Bazel does not watch it, since it writes down what it
watches: a new value is taken over when Bazel's server starts (`bazel shutdown` ends it), and by `bazel fetch --configure`.""",
    attrs = {
        "env": attr.string(
            doc = "The variable's name.",
            mandatory = True,
        ),
    },
)

def secret_variables(module_ctx):
    """Returns the variables that tags name.

    Args:
      module_ctx: module context.

    Returns:
      list of strings, sorted.
    """
    names = {}
    for module in module_ctx.modules:
        for tag in module.tags.secret:
            if not variable_name(tag.env):
                fail("oci.secret: attribute `env`: `{}` is not the name of a variable: expected letters, digits and `_`".format(tag.env))
            names[tag.env] = None
    return sorted(names)
