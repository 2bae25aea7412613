"""The tag `oci.pull`, and what its tags declare."""

load("//oci:oci_pull.bzl", "oci_pull")
load(":pull_repository.bzl", "PULL_ATTRS")

visibility(["//oci/..."])

pull_tag = tag_class(
    doc = """An image in a registry, for example as a base. See [Pulled bases](pull.md).

```starlark
oci = use_extension("@rules_stevedore//oci:extensions.bzl", "oci")
oci.pull(
    name = "debian",
    digest = "sha256:...",
    image = "docker.io/library/debian",
    platforms = ["linux/amd64", "linux/arm64"],
)
use_repo(oci, "debian")
```

`@debian` (also `@debian//:base`) is the image for the target platform, `@debian//:linux_amd64` that for one platform. When the
repository is fetched, manifests and configs are downloaded, a few kilobytes; a layer is downloaded when something reads its
bytes.""",
    attrs = {
        "name": attr.string(
            doc = "The name of the repository.",
            mandatory = True,
        ),
    } | PULL_ATTRS,
)

def declare_pulls(module_ctx):
    """Declares the repositories of all tags.

    Args:
      module_ctx: module context.

    Returns:
      bool; whether every tag has a digest, so that each repository is the same at any time.
    """
    declared = {}
    for module in module_ctx.modules:
        for tag in module.tags.pull:
            attributes = {name: getattr(tag, name) for name in PULL_ATTRS}
            if tag.name not in declared:
                oci_pull(name = tag.name, repository_name = tag.name, **attributes)
                declared[tag.name] = struct(attributes = attributes, module = module.name)
            elif declared[tag.name].attributes != attributes:
                fail("oci.pull `{}`: modules `{}` and `{}` mean different images by this name: give one of them another".format(
                    tag.name,
                    declared[tag.name].module,
                    module.name,
                ))
    return not [name for name, pull in declared.items() if not pull.attributes["digest"]]
