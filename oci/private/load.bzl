"""The rule behind the macro `oci_incremental_load`, which adds that `repo_tags` may be a list or a label."""

load(":attribute_error.bzl", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":delivery_spec.bzl", "load_spec")
load(":image_aspect.bzl", "image_aspect", "image_of")
load(":image_outputs.bzl", "docker_archive_action")
load(":label_text.bzl", "label_text")
load(":references.bzl", "references_by_target")
load(":stamp.bzl", "STAMP_ATTRS", "is_stamped")
load(":tags.bzl", "tags_action")

visibility(["//oci/..."])

def _oci_incremental_load_impl(ctx):
    images = _images_of(ctx)
    executable = deliver_executable(ctx)
    spec = load_spec(
        ctx,
        executable = executable.file,
        images = [struct(content = named.image, tags = named.tags) for named in images],
    )
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file]),
            runfiles = spec.runfiles.merge(executable.runfiles),
        ),
        OutputGroupInfo(
            docker_archive = depset([docker_archive_action(ctx, images = images)]),
        ),
    ]

def _images_of(ctx):
    """Returns a list of structs of `image`, an `OciImageInfo`, and `tags`, a `File`."""
    attr = ctx.attr
    if bool(attr.image) == bool(attr.images):
        fail_attribute(ctx.label, "images", "{}: expected either `image` (with `repo_tags`) or `images`".format(
            "`image` is given too (`{}`)".format(label_text(attr.image.label)) if attr.image else "is empty, and there is no `image`",
        ))
    if attr.image:
        return [_only_image(ctx)]
    if attr.repo_tags or ctx.file.repo_tags_file:
        fail_attribute(ctx.label, "repo_tags", "is `{}`, but the keys of `images` are the references: expected `repo_tags` only with `image`".format(
            ", ".join(attr.repo_tags) or ctx.file.repo_tags_file.short_path,
        ))
    return [
        struct(
            image = image_of(ctx, attribute = "images[\"{}\"]".format(references[0]), target = target),
            tags = tags_action(
                ctx,
                output = "{}.{}.tags.txt".format(ctx.label.name, number + 1),
                stamped = is_stamped(ctx),
                tags = references,
            ),
        )
        for number, (target, references) in enumerate(references_by_target(attr.images))
    ]

def _only_image(ctx):
    if ctx.attr.repo_tags and ctx.file.repo_tags_file:
        fail_attribute(ctx.label, "repo_tags", "is given as a list (`{}`) and as a file (`{}`): expected one of the two".format(
            ", ".join(ctx.attr.repo_tags),
            ctx.file.repo_tags_file.short_path,
        ))
    return struct(
        image = image_of(ctx, attribute = "image", target = ctx.attr.image),
        tags = tags_action(
            ctx,
            output = ctx.label.name + ".tags.txt",
            stamped = is_stamped(ctx),
            tags = ctx.attr.repo_tags,
            tags_file = ctx.file.repo_tags_file,
        ),
    )

oci_incremental_load = rule(
    implementation = _oci_incremental_load_impl,
    doc = "See the macro of the same name.",
    attrs = {
        "image": attr.label(
            doc = "The image: an `oci_image`, an `oci_import`, or a target with one directory in the OCI layout.",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "images": attr.string_keyed_label_dict(
            doc = "References and their images; instead of `image` and `repo_tags`.",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "repo_tags": attr.string_list(
            doc = "References.",
        ),
        "repo_tags_file": attr.label(
            doc = "A file with references, one a line; instead of `repo_tags`.",
            allow_single_file = True,
        ),
    } | DELIVER_TOOL_ATTRS | STAMP_ATTRS,
    executable = True,
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
