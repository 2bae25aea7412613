"""Images of other rule sets: a target whose one file is a directory in the OCI layout, as rules_oci's `oci_image` is.

An aspect imports it in its own target, so that it is read once for any number of images and loads.
"""

load("//oci:providers.bzl", "OciBundleInfo", "OciImageInfo", "OciIndexInfo")
load(":attribute_error.bzl", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":label_text.bzl", "label_text")
load(":layout_import.bzl", "image_choice", "import_layout")
load(":layout_source.bzl", "layout_source")
load(":target_platform.bzl", "TARGET_PLATFORM_ATTRS", "target_platform")

visibility(["//oci/..."])

def _image_aspect_impl(target, ctx):
    if OciImageInfo in target or OciIndexInfo in target or OciBundleInfo in target:
        return []
    layout = layout_source(target)
    if not layout.directory or not layout.directory.is_directory:
        # The rule that has the attribute says what is wrong: it knows the attribute's name.
        return []
    return [OciImageInfo(
        base_layout = layout.directory,
        base_layout_files = layout.files,
        label = target.label,
        **import_layout(
            ctx,
            choice = image_choice(platform = target_platform(ctx)),
            label = target.label,
            layout = layout,
        )
    )]

image_aspect = aspect(
    implementation = _image_aspect_impl,
    doc = "Imports a directory in the OCI layout. Of several images in it the one for the target platform is taken.",
    attrs = TARGET_PLATFORM_ATTRS,
    apply_to_generating_rules = True,
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)

def image_of(ctx, *, attribute, target):
    """Returns the image that a target is.

    Args:
      ctx: rule context; the attribute has `image_aspect`.
      attribute: string; the attribute's name, for messages.
      target: `Target`.

    Returns:
      `OciImageInfo`.
    """
    if OciImageInfo in target:
        return target[OciImageInfo]
    fail_attribute(ctx.label, attribute, not_an_image_error(target, expected = "an oci_image"))
    return None

def not_an_image_error(target, *, expected):
    """Says that a target is not one of those that an attribute takes.

    Args:
      target: `Target`.
      expected: string; what the attribute takes beside those that `image_aspect` knows.

    Returns:
      What was found and what was expected.
    """
    return ("{} is not an image, it {}: expected {}, an oci_import, or a target with one directory in the OCI layout (as " +
            "rules_oci makes it); for a directory of source files use oci_import(layout = ...)").format(
        label_text(target.label),
        _what_it_is(target),
        expected,
    )

def _what_it_is(target):
    if OciIndexInfo in target:
        return "is an index of several"
    if OciBundleInfo in target:
        return "is a bundle of several"
    return "has " + _found(target[DefaultInfo].files.to_list())

def _found(files):
    if not files:
        return "no files"
    names = ", ".join(["`{}`".format(file.short_path) for file in files[:3]])
    return "the {} {}{}".format("file" if len(files) == 1 else "files", names, " ..." if len(files) > 3 else "")
