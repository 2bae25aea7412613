"""Defines `oci_layer`."""

load("//oci:providers.bzl", "OciLayerInfo")
load("//oci/private:attribute_error.bzl", "check_attribute", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:compression.bzl", "COMPRESSIONS", "TAR_SUFFIXES")
load("//oci/private:compression_setting.bzl", "COMPRESSION_ATTRS", "default_compression")
load("//oci/private:image_path.bzl", "image_path_error")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:layer_actions.bzl", "layer_actions")
load("//oci/private:layer_recipe.bzl", "layer_recipe")
load("//oci/private:ownership.bzl", "mode_error", "mtime_error", "owner_error")

visibility("public")

def _oci_layer_impl(ctx):
    _check(ctx)
    layer = layer_actions(
        ctx,
        compression = ctx.attr.compression or default_compression(ctx),
        recipe = layer_recipe(
            ctx,
            srcs = ctx.attr.srcs,
            symlinks = ctx.attr.symlinks,
            dirs = ctx.attr.dirs,
            tars = ctx.attr.tars,
            owner = ctx.attr.owner,
            mode = ctx.attr.mode,
            mtime = ctx.attr.mtime,
            metadata = {glob: json.decode(fields) for glob, fields in ctx.attr.metadata.items()},
            include_runfiles = ctx.attr.include_runfiles,
            create_parents = ctx.attr.create_parents,
            passwd = ctx.file.passwd,
            group = ctx.file.group,
        ),
    )
    return [
        DefaultInfo(files = depset([layer.description])),
        layer,
        OutputGroupInfo(
            blob = depset([layer.blob]),
            tar = depset([layer.tar]),
        ),
    ]

def _check(ctx):
    for path, target in ctx.attr.srcs.items():
        check_attribute(ctx.label, "srcs", image_path_error(path, may_end_with_slash = True))
        if not target[DefaultInfo].files:
            fail_attribute(ctx.label, "srcs", "`{}`: {} has no files: expected at least one".format(path, label_text(target.label)))
    for path, target in ctx.attr.symlinks.items():
        check_attribute(ctx.label, "symlinks", image_path_error(path))
        if not target:
            fail_attribute(ctx.label, "symlinks", "`{}` has an empty target: expected a path".format(path))
    for path in ctx.attr.dirs:
        check_attribute(ctx.label, "dirs", image_path_error(path, may_end_with_slash = True))
    check_attribute(ctx.label, "owner", owner_error(ctx.attr.owner))
    check_attribute(ctx.label, "mode", mode_error(ctx.attr.mode))
    check_attribute(ctx.label, "mtime", mtime_error(ctx.attr.mtime))
    for glob, fields in ctx.attr.metadata.items():
        if not glob.startswith("/"):
            fail_attribute(ctx.label, "metadata", "`{glob}` is not absolute: did you mean `/{glob}`?".format(glob = glob))
        if not fields.startswith("{"):
            fail_attribute(ctx.label, "metadata", "`{}` has the value `{}`: expected `oci_metadata(...)`".format(glob, fields))

oci_layer = rule(
    implementation = _oci_layer_impl,
    doc = """A layer of an image: files, directories, executables with their runfiles, links, and the content of tars.

```starlark
oci_layer(
    name = "app_layer",
    srcs = {
        "/app/server": "//cmd/server",
        "/etc/app/": ":config_files",
    },
    symlinks = {"/usr/bin/server": "/app/server"},
    dirs = ["/var/lib/app"],
    metadata = {"/var/lib/app": oci_metadata(owner = "1000:1000", mode = "0700")},
)
```

The same inputs and attributes give the same bytes, on any machine: entries are sorted, owners are numbers, times are
`mtime`. Two entries with the same path are an error that names where both come from, unless they are the same directory.

The default output is the layer's description, a few bytes of JSON. The output groups `tar` and `blob` are the uncompressed
and the compressed layer.""",
    # @unsorted-dict-items
    attrs = {
        "srcs": attr.string_keyed_label_dict(
            doc = """What goes where: absolute paths in the image, and targets.

- An executable target: the executable at this path, its runfiles at the path followed by `.runfiles`
  (see `include_runfiles`).
- A target with a single file: the file at this path. If it is a directory (a tree artifact or a source directory), its
  content is at this path.
- A target with several files, or a path that ends with `/`: the path is a directory, and the files are in it by their
  paths relative to the target's package. A file of another package keeps its path in its repository.

A target without files and a path that is not absolute and normal are errors.""",
            allow_files = True,
        ),
        "symlinks": attr.string_dict(
            doc = "Symbolic links: absolute paths in the image, and what the links contain, word for word.",
        ),
        "dirs": attr.string_list(
            doc = "Directories, empty or not: absolute paths in the image. Their mode is `0755`; `metadata` can change it.",
        ),
        "tars": attr.label_list(
            doc = """Tars whose content becomes part of this layer: {}. Their entries keep owners, modes, times, hard links,
devices and extended attributes. `owner`, `mode` and `mtime` do not apply to them, `metadata` does. Use
`oci_image.layers` for tars that are to be layers of their own.""".format(
                ", ".join(["`{}`".format(suffix) for suffix in TAR_SUFFIXES]),
            ),
            allow_files = TAR_SUFFIXES,
        ),
        "owner": attr.string(
            doc = """The owner of all that is not from `tars`: `user:group`, each a number or a name. A name is looked up in
`passwd` and `group`, or else in this layer's own `/etc/passwd` and `/etc/group`; `root` is always 0. A name that is not
found is an error.""",
            default = "0:0",
        ),
        "mode": attr.string(
            doc = """The mode of files that are not from `tars`: three or four octal digits. An executable also gets the `x`
bits where it has the `r` bits: `0644` becomes `0755`. So does all that is in directories and in runfiles, since Bazel makes
every output executable and nothing can be told. Directories are `0755`.""",
            default = "0644",
        ),
        "mtime": attr.int(
            doc = "The modification time of all that is not from `tars`, in seconds since the epoch.",
            default = 0,
        ),
        "metadata": attr.string_dict(
            doc = """Owner, mode and time for some paths: globs over absolute paths in the image, and `oci_metadata(...)`. `*`
matches within a segment, `**` also across, `?` one character. If several match, the last one that sets a field wins. A
glob that matches nothing is an error.""",
        ),
        "include_runfiles": attr.bool(
            doc = "Whether an executable of `srcs` brings its runfiles.",
            default = True,
        ),
        "compression": attr.string(
            doc = """How the blob of this layer (what a registry gets) is compressed: `gzip`, which every engine reads;
`zstd`, smaller and faster, for Docker 23 and later; `none`. Empty: as the build setting
`@rules_stevedore//oci:compression` says, which is `gzip` unless it is set. A load into an engine never compresses.""",
            values = [""] + COMPRESSIONS,
        ),
        "create_parents": attr.bool(
            doc = """Whether parent directories that nothing else brings are written (`0755`, owner `0:0`; `/tmp` and `/var/tmp`
`1777`, `/root` `0700`), but for those that are symbolic links in many bases (`/bin`, `/sbin`, `/lib*`, `/var/run`,
`/var/lock`): name them in `dirs` if there is no base. An engine creates missing ones by itself, with a mode of its own.
Such an entry replaces the owner and mode that the directory has in a lower layer, or a link that is there: set `metadata`
for it, or turn this off, if they differ from these.""",
            default = True,
        ),
        "passwd": attr.label(
            doc = "A file in the format of `/etc/passwd` to look user names up in.",
            allow_single_file = True,
        ),
        "group": attr.label(
            doc = "A file in the format of `/etc/group` to look group names up in.",
            allow_single_file = True,
        ),
    } | COMPRESSION_ATTRS,
    provides = [OciLayerInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
