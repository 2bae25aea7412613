"""The rule behind the macro `oci_incremental_load`, which adds that `repo_tags` may be a list or a label."""

load("//oci:providers.bzl", "OciBundleInfo", "OciLoadInfo")
load(":attribute_error.bzl", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":content.bzl", "content_by_references", "content_of")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":delivery_spec.bzl", "load_spec")
load(":image_aspect.bzl", "image_aspect")
load(":image_outputs.bzl", "docker_archive_action")
load(":label_text.bzl", "label_text")
load(":load_facts.bzl", "load_facts_action")
load(":stamp.bzl", "STAMP_ATTRS", "is_stamped")
load(":tags.bzl", "tags_action", "tags_of_contents")
load(":target_platform.bzl", "TARGET_PLATFORM_ATTRS")

visibility(["//oci/..."])

def _oci_incremental_load_impl(ctx):
    images = _images_of(ctx)
    executable = deliver_executable(ctx)
    spec = load_spec(ctx, executable = executable.file, images = images)
    facts = ctx.outputs.facts or ctx.actions.declare_file(ctx.label.name + ".json")
    load_facts_action(ctx, images = images, output = facts)
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file, facts]),
            runfiles = spec.runfiles.merge_all([executable.runfiles, ctx.runfiles(files = [facts])]),
        ),
        OutputGroupInfo(
            docker_archive = depset([docker_archive_action(ctx, images = images)]),
        ),
        OciLoadInfo(
            images = tuple(images),
            label = ctx.label,
        ),
    ]

def _images_of(ctx):
    """Returns a list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `tags`, a `File`."""
    attr = ctx.attr
    if bool(attr.image) == bool(attr.images):
        fail_attribute(ctx.label, "images", "{}: expected either `image` (with `repo_tags`) or `images`".format(
            "`image` is given too (`{}`)".format(label_text(attr.image.label)) if attr.image else "is empty, and there is no `image`",
        ))
    if attr.images:
        _check_no_tags(ctx, "the keys of `images` are the references: expected `repo_tags` only with `image`")
        contents = content_by_references(ctx, attribute = "images", images = attr.images)
        return tags_of_contents(ctx, contents = contents, stamped = is_stamped(ctx))
    if OciBundleInfo in attr.image:
        return _bundle(ctx, attr.image[OciBundleInfo])
    return [_only_image(ctx)]

def _bundle(ctx, bundle):
    label = label_text(bundle.label)
    _check_no_tags(ctx, "the oci_bundle {} has the references: expected `repo_tags` only with an image or an index".format(label))
    if ctx.attr.stamp != -1:
        fail_attribute(ctx.label, "stamp", "is `{}`, but whether the references are stamped is said in the oci_bundle {}: set it there".format(
            ctx.attr.stamp,
            label,
        ))
    return tags_of_contents(ctx, contents = bundle.images, stamped = bundle.stamped)

def _check_no_tags(ctx, reason):
    """Fails if there are tags, where something else says what they are."""
    if ctx.attr.repo_tags or ctx.file.repo_tags_file:
        fail_attribute(ctx.label, "repo_tags", "is `{}`, but {}".format(
            ", ".join(ctx.attr.repo_tags) or ctx.file.repo_tags_file.short_path,
            reason,
        ))

def _only_image(ctx):
    if ctx.attr.repo_tags and ctx.file.repo_tags_file:
        fail_attribute(ctx.label, "repo_tags", "is given as a list (`{}`) and as a file (`{}`): expected one of the two".format(
            ", ".join(ctx.attr.repo_tags),
            ctx.file.repo_tags_file.short_path,
        ))
    return struct(
        content = content_of(ctx, attribute = "image", target = ctx.attr.image),
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
        "facts": attr.output(
            doc = "A file that tells what is loaded, as JSON, as a target of its own. Without it, it is none, and is called `<name>.json`.",
        ),
        "image": attr.label(
            doc = "What is loaded: an image, an index, or an `oci_bundle`.",
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
    } | DELIVER_TOOL_ATTRS | STAMP_ATTRS | TARGET_PLATFORM_ATTRS,
    executable = True,
    provides = [OciLoadInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
