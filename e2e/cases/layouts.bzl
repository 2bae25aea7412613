"""OCI-layout directories: broken ones, and ones in the shape that rules_oci gives them."""

visibility("//...")

_BLOB_OF_LAYER = "blob=$(ls -S \"$layout\"/blobs/sha256/* | head -n 1)"

# What is done to a good layout, as shell commands; its directory is `$layout`, its largest blob, the layer, is `$blob`.
_DAMAGE = {
    "changed_blob": "printf 'x' | dd of=\"$blob\" conv=notrunc status=none",
    "index_is_a_list": "echo '[]' > \"$layout/index.json\"",
    "missing_blob": "rm \"$blob\"",
    "shortened_blob": "truncate --size=-1 \"$blob\"",
}

def _damaged_layout_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        command = "set -eu; layout=$2; cp -rL \"$1\"/. \"$layout\"; chmod -R u+w \"$layout\"; {}; {}".format(
            _BLOB_OF_LAYER,
            _DAMAGE[ctx.attr.damage],
        ),
        arguments = [ctx.file.layout.path, output.path],
        inputs = [ctx.file.layout],
        outputs = [output],
        mnemonic = "DamageLayout",
    )
    return [DefaultInfo(files = depset([output]))]

damaged_layout = rule(
    doc = "A copy of an OCI layout with one thing wrong.",
    implementation = _damaged_layout_impl,
    attrs = {
        "damage": attr.string(
            doc = "What is wrong with the copy.",
            mandatory = True,
            values = _DAMAGE.keys(),
        ),
        "layout": attr.label(
            doc = "The layout to copy.",
            allow_single_file = True,
            mandatory = True,
        ),
    },
)

def _linked_layout_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        # A link from `OUTPUT/blobs/sha256/` to the blobs of another directory beside OUTPUT, as rules_oci's image.sh makes it.
        command = """\
set -eu
mkdir -p "$2/blobs/sha256"
cp "$1/oci-layout" "$1/index.json" "$2"
for blob in "$1"/blobs/sha256/*; do
  ln -s "../../../$(basename "$1")/blobs/sha256/$(basename "$blob")" "$2/blobs/sha256/"
done
""",
        arguments = [ctx.file.layout.path, output.path],
        inputs = [ctx.file.layout],
        outputs = [output],
        mnemonic = "LinkLayout",
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output, ctx.file.layout]),
    )]

linked_layout = rule(
    doc = "An OCI layout whose blobs are links to another directory that is only in the runfiles: the shape of rules_oci's `oci_image`.",
    implementation = _linked_layout_impl,
    attrs = {
        "layout": attr.label(
            doc = "The layout that the links point to; it lies beside this one.",
            allow_single_file = True,
            mandatory = True,
        ),
    },
)
