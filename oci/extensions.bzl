"""The module extensions: images in registries, secrets, and prebuilt tools."""

load("//oci/private:machine.bzl", "MACHINE_REPOSITORY", "machine")
load("//oci/private:prebuilt.bzl", "PREBUILT_PLATFORMS", "prebuilt_tool", "prebuilt_toolchains")
load("//oci/private:pull_tag.bzl", "declare_pulls", "pull_tag")
load("//oci/private:secret_tag.bzl", "secret_tag", "secret_variables")
load("//oci/private:suggestion.bzl", "did_you_mean")

visibility("public")

# Which rule and which file name a kind of tool has.
_KINDS = {
    "agent": ("stevedore_agent_toolchain", "stevedore-agent"),
    "build": ("stevedore_build_toolchain", "stevedore-build"),
    "deliver": ("stevedore_deliver_toolchain", "stevedore-deliver"),
}

_prebuilt = tag_class(
    doc = """The prebuilt tools for one platform.

```starlark
stevedore = use_extension("@rules_stevedore//oci:extensions.bzl", "stevedore")
stevedore.prebuilt(
    platform = "linux_amd64",
    build_tool_sha256 = "...",
    build_tool_urls = ["https://example.com/stevedore-build"],
    deliver_tool_sha256 = "...",
    deliver_tool_urls = ["https://example.com/stevedore-deliver"],
    agent_tool_sha256 = "...",
    agent_tool_urls = ["https://example.com/stevedore-agent"],
)
use_repo(stevedore, "stevedore_prebuilt")

register_toolchains("@stevedore_prebuilt//:all")
```

A binary is downloaded when a build needs it. A platform or a tool that is not given is built from source.""",
    # @unsorted-dict-items
    attrs = {
        "name": attr.string(
            doc = "The name of the repository with the toolchains. Tags with the same name share it.",
            default = "stevedore_prebuilt",
        ),
        "platform": attr.string(
            doc = "What the binaries run on: {}.".format(", ".join(["`{}`".format(key) for key in PREBUILT_PLATFORMS])),
            mandatory = True,
        ),
        "build_tool_urls": attr.string_list(
            doc = "Where `stevedore-build` is, tried in order; `https://` or `file://`.",
        ),
        "build_tool_sha256": attr.string(
            doc = "The digest of `stevedore-build`, in hex.",
        ),
        "deliver_tool_urls": attr.string_list(
            doc = "Where `stevedore-deliver` is, tried in order; `https://` or `file://`.",
        ),
        "deliver_tool_sha256": attr.string(
            doc = "The digest of `stevedore-deliver`, in hex.",
        ),
        "agent_tool_urls": attr.string_list(
            doc = "Where `stevedore-agent` is, tried in order; `https://` or `file://`. It is for `platform`s of Linux only; a Mac uses that of `linux_arm64` or `linux_amd64`.",
        ),
        "agent_tool_sha256": attr.string(
            doc = "The digest of `stevedore-agent`, in hex.",
        ),
    },
)

def _stevedore_impl(module_ctx):
    hubs = {}
    for module in module_ctx.modules:
        for tag in module.tags.prebuilt:
            if not module.is_root:
                fail("stevedore.prebuilt: module `{}` is not the root module, which alone chooses tools: set `dev_dependency = True` in its use_extension".format(module.name))
            hub = hubs.setdefault(tag.name, {})
            for kind in _KINDS:
                _declare_tool(hub, kind = kind, tag = tag)
    for name, tools in hubs.items():
        prebuilt_toolchains(name = name, tools = tools)

    # What the extension declares depends on its tags alone.
    return module_ctx.extension_metadata(reproducible = True)

def _declare_tool(hub, *, kind, tag):
    urls = getattr(tag, kind + "_tool_urls")
    sha256 = getattr(tag, kind + "_tool_sha256")
    error = prebuilt_error(kind = kind, platform = tag.platform, sha256 = sha256, urls = urls)
    name = "{}_{}".format(kind, tag.platform)
    if not error and urls and name in hub:
        error = "`{}_tool_urls` is given twice for platform `{}`: remove one tag".format(kind, tag.platform)
    if error:
        fail("stevedore.prebuilt: {}".format(error))
    if not urls:
        return
    rule, file = _KINDS[kind]
    repository = "{}_{}".format(tag.name, name)
    prebuilt_tool(
        name = repository,
        file = file + (".exe" if tag.platform.startswith("windows_") else ""),
        rule = rule,
        sha256 = sha256,
        urls = urls,
    )
    hub[name] = repository

def prebuilt_error(*, kind, platform, urls, sha256):
    """Says what is wrong with one tool of a `prebuilt` tag.

    Args:
      kind: `agent`, `build` or `deliver`.
      platform: string; a key like `linux_amd64`.
      urls: list of strings.
      sha256: string; hex.

    Returns:
      `None`, or what is wrong and what to do.
    """
    if platform not in PREBUILT_PLATFORMS:
        return "`platform`: `{}` is unknown: {}".format(platform, did_you_mean(platform, PREBUILT_PLATFORMS.keys()))
    if kind == "agent" and urls and not platform.startswith("linux_"):
        return "`agent_tool_urls` is given for platform `{}`, but containers run on Linux: give it for `linux_amd64` or `linux_arm64`".format(platform)
    if sha256 and not urls:
        return "`{}_tool_sha256` is given without `{}_tool_urls`".format(kind, kind)
    if urls and (len(sha256) != 64 or sha256.lower().strip("0123456789abcdef")):
        return "`{}_tool_sha256`: `{}` is not 64 hex digits: expected the output of `sha256sum` for `{}`".format(kind, sha256, urls[0])
    return None

stevedore = module_extension(
    implementation = _stevedore_impl,
    doc = "Prebuilt tools instead of those built from source.",
    tag_classes = {"prebuilt": _prebuilt},
)

def _oci_impl(module_ctx):
    machine(name = MACHINE_REPOSITORY, secrets = secret_variables(module_ctx))
    return module_ctx.extension_metadata(reproducible = declare_pulls(module_ctx))

oci = module_extension(
    implementation = _oci_impl,
    doc = "Images in registries, and secrets for commands in containers.",
    tag_classes = {"pull": pull_tag, "secret": secret_tag},
)
