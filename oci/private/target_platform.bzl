"""What the target platform is called in an image's config."""

visibility(["//oci/..."])

# Operating systems that containers have. On any other platform (macOS) an image is for Linux nevertheless.
_OPERATING_SYSTEMS = {
    "@platforms//os:freebsd": "freebsd",
    "@platforms//os:linux": "linux",
    "@platforms//os:windows": "windows",
}

# Architecture, and the variant after a slash, as Go and so the image specification name them:
# https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#platform-variants
_ARCHITECTURES = {
    "@platforms//cpu:aarch64": "arm64/v8",
    "@platforms//cpu:armv7": "arm/v7",
    "@platforms//cpu:ppc": "ppc64le",
    "@platforms//cpu:riscv64": "riscv64",
    "@platforms//cpu:s390x": "s390x",
    "@platforms//cpu:x86_32": "386",
    "@platforms//cpu:x86_64": "amd64",
}

TARGET_PLATFORM_ATTRS = {
    "_architectures": attr.label_keyed_string_dict(
        default = {Label(constraint): name for constraint, name in _ARCHITECTURES.items()},
        providers = [platform_common.ConstraintValueInfo],
    ),
    "_operating_systems": attr.label_keyed_string_dict(
        default = {Label(constraint): name for constraint, name in _OPERATING_SYSTEMS.items()},
        providers = [platform_common.ConstraintValueInfo],
    ),
}

def target_platform(ctx):
    """Translates the target platform.

    Args:
      ctx: rule context with `TARGET_PLATFORM_ATTRS`.

    Returns:
      struct of `os`, `architecture` (`None` if the platform's cpu has no name in images that is known here) and `variant`
      (string or `None`).
    """
    architecture = _matching(ctx, ctx.attr._architectures)
    name, _, variant = (architecture or "").partition("/")
    return struct(
        architecture = name or None,
        os = _matching(ctx, ctx.attr._operating_systems) or "linux",
        variant = variant or None,
    )

def _matching(ctx, names):
    for target, name in names.items():
        if ctx.target_platform_has_constraint(target[platform_common.ConstraintValueInfo]):
            return name
    return None
