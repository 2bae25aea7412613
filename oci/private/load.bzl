"""The rule behind the macro `oci_incremental_load`, which adds that `repo_tags` may be a list or a label."""

load(":attribute_error.bzl", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":delivery_spec.bzl", "load_spec")
load(":image_aspect.bzl", "image_aspect", "image_of")
load(":image_outputs.bzl", "docker_archive_action")
load(":stamp.bzl", "STAMP_ATTRS", "is_stamped")
load(":tags.bzl", "tags_action")

visibility(["//oci/..."])

def _oci_incremental_load_impl(ctx):
    if ctx.attr.repo_tags and ctx.file.repo_tags_file:
        fail_attribute(ctx.label, "repo_tags", "is given as a list (`{}`) and as a file (`{}`): expected one of the two".format(
            ", ".join(ctx.attr.repo_tags),
            ctx.file.repo_tags_file.short_path,
        ))
    image = image_of(ctx, attribute = "image", target = ctx.attr.image)
    tags = tags_action(
        ctx,
        stamped = is_stamped(ctx),
        tags = ctx.attr.repo_tags,
        tags_file = ctx.file.repo_tags_file,
    )
    executable = deliver_executable(ctx)
    spec = load_spec(ctx, executable = executable.file, image = image, tags = tags)
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file]),
            runfiles = spec.runfiles.merge(executable.runfiles),
        ),
        OutputGroupInfo(
            docker_archive = depset([docker_archive_action(ctx, image = image, tags = tags)]),
        ),
    ]

oci_incremental_load = rule(
    implementation = _oci_incremental_load_impl,
    doc = "See the macro of the same name.",
    attrs = {
        "image": attr.label(
            doc = "The image: an `oci_image`, an `oci_import`, or a target with one directory in the OCI layout.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
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
