"""The rule behind the macro `oci_push`, which adds that `remote_tags` may be a list or a label."""

load("//oci:providers.bzl", "OciBundleInfo")
load(":attribute_error.bzl", "check_attribute", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":content.bzl", "content_by_references", "content_of")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":delivery_spec.bzl", "push_spec")
load(":destinations.bzl", "destination", "destinations_action")
load(":image_aspect.bzl", "image_aspect")
load(":label_text.bzl", "label_text")
load(":stamp.bzl", "STAMP_ATTRS", "is_stamped")

visibility(["//oci/..."])

def _oci_push_impl(ctx):
    wanted = _wanted(ctx)
    images = destinations_action(ctx, destinations = wanted.destinations, stamped = wanted.stamped)
    executable = deliver_executable(ctx)
    spec = push_spec(ctx, executable = executable.file, images = images)
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file]),
            runfiles = spec.runfiles.merge(executable.runfiles),
        ),
    ]

def _wanted(ctx):
    """Returns a struct of `destinations`, a list of what `destination` returns, and `stamped`."""
    attr = ctx.attr
    if bool(attr.image) == bool(attr.images):
        fail_attribute(ctx.label, "images", "{}: expected either `image` (with `repository`) or `images`".format(
            "`image` is given too (`{}`)".format(label_text(attr.image.label)) if attr.image else "is empty, and there is no `image`",
        ))
    if attr.images:
        _check_unused(ctx, "the keys of `images` are the references: expected it only with `image`")
        return struct(
            destinations = _by_references(content_by_references(ctx, attribute = "images", images = attr.images)),
            stamped = is_stamped(ctx),
        )
    if OciBundleInfo in attr.image:
        return _bundle(ctx, attr.image[OciBundleInfo])
    return struct(destinations = [_only_image(ctx)], stamped = is_stamped(ctx))

def _bundle(ctx, bundle):
    label = label_text(bundle.label)
    _check_unused(ctx, "the oci_bundle {} has the references: expected it only with an image or an index".format(label))
    if ctx.attr.stamp != -1:
        fail_attribute(ctx.label, "stamp", "is `{}`, but whether the references are stamped is said in the oci_bundle {}: set it there".format(
            ctx.attr.stamp,
            label,
        ))
    return struct(destinations = _by_references(bundle.images), stamped = bundle.stamped)

def _by_references(images):
    return [destination(content = image.content, references = image.references) for image in images]

def _only_image(ctx):
    attr, file = ctx.attr, ctx.file
    if not attr.repository and not file.repository_file:
        fail_attribute(ctx.label, "repository", "is not set: expected where `{}` is pushed to, for example `registry.example/team/app`".format(
            label_text(attr.image.label),
        ))
    for attribute, value, other in [
        ("repository", attr.repository, file.repository_file),
        ("remote_tags", ", ".join(attr.remote_tags), file.remote_tags_file),
    ]:
        if value and other:
            fail_attribute(ctx.label, attribute, "is given as such (`{}`) and as a file (`{}`): expected one of the two".format(
                value,
                other.short_path,
            ))
    return destination(
        content = content_of(ctx, attribute = "image", target = attr.image),
        repository = attr.repository,
        repository_file = file.repository_file,
        tags = attr.remote_tags,
        tags_file = file.remote_tags_file,
    )

def _check_unused(ctx, reason):
    """Fails if it is said where an image is pushed to, where something else says it."""
    for attribute, value in {
        "repository": ctx.attr.repository,
        "repository_file": ctx.file.repository_file,
        "remote_tags": ctx.attr.remote_tags or ctx.file.remote_tags_file,
    }.items():
        check_attribute(ctx.label, attribute, "is set, but {}".format(reason) if value else None)

oci_push = rule(
    implementation = _oci_push_impl,
    doc = "See the macro of the same name.",
    attrs = {
        "image": attr.label(
            doc = "What is pushed: an image, an index, or an `oci_bundle`.",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "images": attr.string_keyed_label_dict(
            doc = "References and their images; instead of `image` and `repository`.",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "remote_tags": attr.string_list(
            doc = "Tags.",
        ),
        "remote_tags_file": attr.label(
            doc = "A file with tags, one a line; instead of `remote_tags`.",
            allow_single_file = True,
        ),
        "repository": attr.string(
            doc = "The repository.",
        ),
        "repository_file": attr.label(
            doc = "A file with the repository; instead of `repository`.",
            allow_single_file = True,
        ),
    } | DELIVER_TOOL_ATTRS | STAMP_ATTRS,
    executable = True,
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
