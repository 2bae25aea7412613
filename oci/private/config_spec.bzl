"""What the attributes of `oci_image` say about its config, as the JSON that `stevedore-build config` reads."""

load(":attribute_error.bzl", "check_attribute", "fail_attribute")
load(":exposed_port.bzl", "exposed_port", "exposed_port_error")
load(":image_path.bzl", "image_path_error")
load(":label_text.bzl", "label_text")
load(":suggestion.bzl", "did_you_mean")

visibility(["//oci/..."])

RESETTABLE = [
    "cmd",
    "entrypoint",
    "env",
    "exposed_ports",
    "healthcheck",
    "labels",
    "stop_signal",
    "user",
    "volumes",
    "workdir",
]

def config_spec(ctx, *, layers, platform):
    """Makes the spec of an image's config.

    Args:
      ctx: rule context of `oci_image`.
      layers: list of `OciLayerInfo`; the layers that this image adds.
      platform: struct that `target_platform` returns.

    Returns:
      A string (JSON).
    """
    _check(ctx, platform = platform)
    return json.encode({
        "label": label_text(ctx.label),
        "layers": [label_text(layer.label) for layer in layers],
        "os": ctx.attr.os or None,
        "architecture": ctx.attr.architecture or None,
        "variant": ctx.attr.variant or None,
        "target_os": platform.os,
        "target_architecture": platform.architecture or "unknown",
        "target_variant": platform.variant,
        "os_version": ctx.attr.os_version or None,
        "os_features": ctx.attr.os_features,
        "created": ctx.attr.created or None,
        "author": ctx.attr.author or None,
        "history": ctx.attr.history,
        "comment": ctx.attr.comment or None,
        "entrypoint": ctx.attr.entrypoint or None,
        "cmd": ctx.attr.cmd or None,
        "env": [[key, value] for key, value in ctx.attr.env.items()],
        "labels": ctx.attr.labels,
        "user": ctx.attr.user or None,
        "workdir": ctx.attr.workdir or None,
        "exposed_ports": [exposed_port(port) for port in ctx.attr.exposed_ports],
        "volumes": ctx.attr.volumes,
        "stop_signal": ctx.attr.stop_signal or None,
        "healthcheck": json.decode(ctx.attr.healthcheck) if ctx.attr.healthcheck else None,
        "reset": ctx.attr.reset,
    })

def manifest_spec(ctx):
    """Makes the spec of an image's manifest, as the JSON that `stevedore-build manifest` reads.

    Args:
      ctx: rule context of `oci_image`.

    Returns:
      A string (JSON).
    """
    for key in ctx.attr.annotations:
        if not key:
            fail_attribute(ctx.label, "annotations", "a key is empty: expected a name, for example `org.opencontainers.image.source`")
    return json.encode({
        "annotations": ctx.attr.annotations,
        "label": label_text(ctx.label),
    })

def _check(ctx, *, platform):
    for key in ctx.attr.env:
        if not key or "=" in key:
            fail_attribute(ctx.label, "env", "`{}` is not the name of a variable: expected one without `=`".format(key))
    for key in ctx.attr.labels:
        if not key:
            fail_attribute(ctx.label, "labels", "a key is empty: expected a name, for example `org.opencontainers.image.source`")
    for port in ctx.attr.exposed_ports:
        check_attribute(ctx.label, "exposed_ports", exposed_port_error(port))
    for path in ctx.attr.volumes:
        check_attribute(ctx.label, "volumes", _path_error(ctx, path))
    if ctx.attr.workdir:
        check_attribute(ctx.label, "workdir", _path_error(ctx, ctx.attr.workdir))
    if ctx.attr.healthcheck and not ctx.attr.healthcheck.startswith("{"):
        fail_attribute(ctx.label, "healthcheck", "`{}`: expected `oci_healthcheck(...)`".format(ctx.attr.healthcheck))
    _check_reset(ctx)
    if not ctx.attr.base and not ctx.attr.architecture and not platform.architecture:
        fail_attribute(
            ctx.label,
            "architecture",
            "the target platform's cpu has no name in images that is known here: set it, for example to `amd64`",
        )

def _check_reset(ctx):
    values = {
        "cmd": ctx.attr.cmd,
        "entrypoint": ctx.attr.entrypoint,
        "healthcheck": ctx.attr.healthcheck,
        "stop_signal": ctx.attr.stop_signal,
        "user": ctx.attr.user,
        "workdir": ctx.attr.workdir,
    }
    for field in ctx.attr.reset:
        if field not in RESETTABLE:
            fail_attribute(ctx.label, "reset", "`{}` cannot be reset: {}".format(field, did_you_mean(field, RESETTABLE)))
        if values.get(field):
            fail_attribute(ctx.label, "reset", "`{field}` is also set: the attribute `{field}` replaces what the base has, remove one of the two".format(field = field))

def _path_error(ctx, path):
    # A path on Windows has a drive; whether the image is for Windows, only its base may know.
    if ctx.attr.os == "windows" or path[1:3] in (":\\", ":/"):
        return None
    return image_path_error(path, may_end_with_slash = True)
