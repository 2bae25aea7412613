"""Providers of the rules: what a layer, an image, an index, a bundle and a load are made of."""

visibility("public")

def _check_files(*, provider, fields):
    for field, value in fields.items():
        if type(value) != "File":
            fail("{}: field `{}` must be a File, got `{}` ({})".format(provider, field, value, type(value)))

_DELIVERED = ["blob", "registry", "tar"]

def _init_oci_layer_info(*, label, description, tar, blob, blob_description, delivered = "tar"):
    if type(label) != "Label":
        fail("OciLayerInfo: field `label` must be a Label, got `{}` ({})".format(label, type(label)))
    if delivered not in _DELIVERED:
        fail("OciLayerInfo: field `delivered` must be one of `{}`, got `{}`".format("`, `".join(_DELIVERED), delivered))
    files = {
        "description": description,
        "tar": tar,
        "blob": blob,
        "blob_description": blob_description,
    }
    _check_files(provider = "OciLayerInfo", fields = files)
    return {"delivered": delivered, "label": label} | files

OciLayerInfo, _new_oci_layer_info = provider(
    doc = """One layer of an image.

Each field is an output of an action of its own wherever Bazel can then leave something out: asking for `description`
writes no tar, asking for `tar` compresses nothing.""",
    # @unsorted-dict-items
    fields = {
        "label": "`Label`: the target that the layer comes from; for messages and for the image's history.",
        "description": """`File`, JSON: `{"diff_id": "sha256:<hex>", "size"?: <bytes of the uncompressed tar>}`. The
diff_id is the digest of the uncompressed tar
([image-spec, config.md](https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-diffid)). That of a layer
from a registry, whose size is not known, also has `blob`, `repository` and `remote`; see `OciImageInfo.description`.""",
        "delivered": """`string`: which of the files a delivery carries. `tar`: a load takes `tar`, a push `blob`. `blob`: both take
`blob`. `registry`: neither is carried; the blob is fetched from the registry that `description` names when the destination
lacks it.""",
        "tar": "`File`: the uncompressed tar.",
        "blob": """`File`: the layer as a registry stores it: gzip, zstd, or (with `compression = "none"`) the same file as
`tar`.""",
        "blob_description": """`File`, JSON: the descriptor of `blob`, `{"mediaType": ..., "digest": "sha256:<hex>",
"size": <bytes>}`
([image-spec, descriptor.md](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md)).""",
    },
    init = _init_oci_layer_info,
)

def _init_oci_image_info(
        *,
        label,
        config,
        manifest,
        digest,
        description,
        layers = (),
        base_layout = None,
        base_layout_files = depset()):
    if type(label) != "Label":
        fail("OciImageInfo: field `label` must be a Label, got `{}` ({})".format(label, type(label)))
    files = {
        "config": config,
        "manifest": manifest,
        "digest": digest,
        "description": description,
    }
    _check_files(provider = "OciImageInfo", fields = files)
    if type(layers) != "tuple":
        fail("OciImageInfo: field `layers` must be a tuple of OciLayerInfo, got a {}".format(type(layers)))
    if base_layout != None:
        _check_files(provider = "OciImageInfo", fields = {"base_layout": base_layout})
    if type(base_layout_files) != "depset":
        fail("OciImageInfo: field `base_layout_files` must be a depset of Files, got a {}".format(type(base_layout_files)))
    return {"label": label} | files | {
        "layers": layers,
        "base_layout": base_layout,
        "base_layout_files": base_layout_files,
    }

OciImageInfo, _new_oci_image_info = provider(
    doc = """An image: its metadata as files of a few kilobytes, and where the bytes of its layers are.

The layers are, from the bottom up, those of `base_layout` (if there is one; how many it has is known only when the build
runs, and `description` tells), then those of `layers`.""",
    # @unsorted-dict-items
    fields = {
        "label": "`Label`: the target that defines the image; for messages.",
        "config": """`File`, JSON: the image's config, byte for byte; its sha256 is the image's ID in Docker
([image-spec, config.md](https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md)).""",
        "manifest": """`File`, JSON: the image's manifest, byte for byte
([image-spec, manifest.md](https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md)). Asking for it compresses
the layers.""",
        "digest": "`File`, text: the digest of `manifest`, `sha256:<hex>`, without a newline.",
        "description": """`File`, JSON: what a delivery reads. `{"config": <descriptor>, "platform": {"os",
"architecture", "variant"?}, "layers": [{"diff_id", "size"?, "blob"?: <descriptor>, "repository"?: <string>, "remote"?:
{"insecure": <bool>, "mirrors": [<string>, ...]}}, ...]}`, the bottom layer first; `size` is that of the uncompressed tar in
bytes, if it is known; `blob` is there for the layers of `base_layout` and for those from a registry, and `repository` too if it
is known where they were pulled from; `remote` is there if the bytes are to be fetched from there.""",
        "layers": "`tuple` of `OciLayerInfo`: the layers that are files of this build, the bottom one first.",
        "base_layout": """`File` or `None`: a directory in the
[OCI layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md) whose image's layers are below
`layers`.""",
        "base_layout_files": """`depset` of `File`: `base_layout`, and what its blobs link to if they are symbolic links (as
rules_oci makes them). An action or a runfiles tree that reads `base_layout` needs them all.""",
    },
    init = _init_oci_image_info,
)

def _init_oci_index_info(*, label, manifest, digest, images, names):
    if type(label) != "Label":
        fail("OciIndexInfo: field `label` must be a Label, got `{}` ({})".format(label, type(label)))
    files = {
        "manifest": manifest,
        "digest": digest,
    }
    _check_files(provider = "OciIndexInfo", fields = files)
    if type(images) != "tuple":
        fail("OciIndexInfo: field `images` must be a tuple of OciImageInfo, got a {}".format(type(images)))
    if type(names) != "tuple" or len(names) != len(images):
        fail("OciIndexInfo: field `names` must be a tuple with a string for each of `images`, got `{}` ({})".format(names, type(names)))
    return {"label": label, "images": images, "names": names} | files

OciIndexInfo, _new_oci_index_info = provider(
    doc = "An index: several images, of which an engine takes the one for its platform.",
    # @unsorted-dict-items
    fields = {
        "label": "`Label`: the target that defines the index; for messages.",
        "manifest": """`File`, JSON: the index, byte for byte
([image-spec, image-index.md](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md)). Asking for it
compresses the images' layers.""",
        "digest": "`File`, text: the digest of `manifest`, `sha256:<hex>`, without a newline.",
        "images": "`tuple` of `OciImageInfo`: the images, in the order in which the index has them.",
        "names": """`tuple` of strings, one for each of `images`: what messages call it. That is its label, and the platform too where
one target is built for several.""",
    },
    init = _init_oci_index_info,
)

def _init_oci_bundle_info(*, label, images, stamped):
    if type(label) != "Label":
        fail("OciBundleInfo: field `label` must be a Label, got `{}` ({})".format(label, type(label)))
    if type(images) != "tuple":
        fail("OciBundleInfo: field `images` must be a tuple of structs, got a {}".format(type(images)))
    if type(stamped) != "bool":
        fail("OciBundleInfo: field `stamped` must be a bool, got `{}` ({})".format(stamped, type(stamped)))
    return {"images": images, "label": label, "stamped": stamped}

OciBundleInfo, _new_oci_bundle_info = provider(
    doc = "Several images that are delivered together, each to its own references.",
    # @unsorted-dict-items
    fields = {
        "label": "`Label`: the target that defines the bundle; for messages.",
        "images": """`tuple` of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `references`, a `tuple` of strings:
repositories, each with a tag or without, and perhaps with placeholders like `{{KEY}}`.""",
        "stamped": "`bool`: whether placeholders are replaced by values of the workspace status.",
    },
    init = _init_oci_bundle_info,
)

def _init_oci_load_info(*, label, images):
    if type(label) != "Label":
        fail("OciLoadInfo: field `label` must be a Label, got `{}` ({})".format(label, type(label)))
    if type(images) != "tuple" or not images:
        fail("OciLoadInfo: field `images` must be a tuple of structs, one at least, got `{}` ({})".format(images, type(images)))
    for named in images:
        _check_files(provider = "OciLoadInfo", fields = {"images.tags": named.tags})
    return {"images": images, "label": label}

OciLoadInfo, _new_oci_load_info = provider(
    doc = "What an `oci_incremental_load` loads: for rules that load the same themselves.",
    # @unsorted-dict-items
    fields = {
        "label": "`Label`: the target that loads them; for messages.",
        "images": """`tuple` of structs, one at least, of `content`, an `OciImageInfo` or `OciIndexInfo`, and `tags`, a `File`
with the references that it gets, one a line; the file may be empty.""",
    },
    init = _init_oci_load_info,
)

def _init_tool_info(*, files_to_run, runfiles):
    if type(files_to_run) != "FilesToRunProvider" or not files_to_run.executable:
        fail("StevedoreToolInfo: field `files_to_run` must be the FilesToRunProvider of an executable, got `{}` ({})".format(
            files_to_run,
            type(files_to_run),
        ))
    if type(runfiles) != "runfiles":
        fail("StevedoreToolInfo: field `runfiles` must be runfiles, got a {}".format(type(runfiles)))
    return {
        "files_to_run": files_to_run,
        "runfiles": runfiles,
    }

StevedoreToolInfo, _new_stevedore_tool_info = provider(
    doc = "A tool behind one of the two toolchain types, as `ctx.toolchains[...].stevedore` has it.",
    fields = {
        "files_to_run": "`FilesToRunProvider`: the tool's executable.",
        "runfiles": "`runfiles`: what the executable needs when it is run; none for a file.",
    },
    init = _init_tool_info,
)
