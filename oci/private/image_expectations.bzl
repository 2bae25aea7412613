"""The attributes that say what an image is expected to be, and what is wrong with them."""

load(":attribute_error.bzl", "check_attribute", "fail_attribute")
load(":byte_size.bzl", "byte_size", "byte_size_error")
load(":exposed_port.bzl", "exposed_port", "exposed_port_error")
load(":image_path.bzl", "image_path_error")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

# What the config has as one value; an empty one may be expected too, so `given` tells which of them is looked at.
OPTIONAL_EXPECTATIONS = ["cmd", "entrypoint", "exposed_ports", "stop_signal", "user", "volumes", "workdir"]

# What no file may be: the attributes, and what the spec calls them.
_POLICIES = ["no_setuid", "no_shell", "no_world_writable"]

# Fields that only the values of one function have.
_FIELDS = {"argv": "oci_expected_command", "mode": "oci_expected_file"}

# @unsorted-dict-items
IMAGE_EXPECTATION_ATTRS = {
    "given": attr.string_list(
        doc = "Those of the attributes of the config with one value that are looked at.",
    ),
    "entrypoint": attr.string_list(doc = "The program and its first arguments."),
    "cmd": attr.string_list(doc = "Further arguments."),
    "user": attr.string(doc = "The user."),
    "workdir": attr.string(doc = "The working directory."),
    "stop_signal": attr.string(doc = "The signal that stops a container."),
    "exposed_ports": attr.string_list(doc = "All ports."),
    "volumes": attr.string_list(doc = "The paths of all volumes."),
    "env": attr.string_dict(doc = "Variables and their values."),
    "env_matches": attr.string_dict(doc = "Variables and expressions for their values."),
    "env_absent": attr.string_list(doc = "Variables that are not set."),
    "labels": attr.string_dict(doc = "Labels and their values."),
    "labels_match": attr.string_dict(doc = "Labels and expressions for their values."),
    "labels_absent": attr.string_list(doc = "Labels that are not there."),
    "layer_count": attr.int(doc = "How many layers there are.", default = -1),
    "max_layer_count": attr.int(doc = "How many layers there are at most.", default = -1),
    "max_size": attr.string(doc = "How large the layers are together at most, uncompressed."),
    "max_layer_size": attr.string(doc = "How large each layer is at most, uncompressed."),
    "files": attr.string_dict(doc = "Paths, and what is expected there: `oci_expected_file(...)`."),
    "file_contents": attr.string_keyed_label_dict(
        doc = "Paths, and files with the content that is expected there.",
        allow_files = True,
    ),
    "absent": attr.string_list(doc = "Paths, or globs of paths, at which there is nothing."),
    "no_shell": attr.bool(doc = "Whether there is no shell."),
    "no_setuid": attr.bool(doc = "Whether no file has the setuid or setgid bit."),
    "no_world_writable": attr.bool(doc = "Whether everybody can write no file, and no directory without the sticky bit."),
    "exempt": attr.string_list(doc = "Globs of paths that `no_shell`, `no_setuid` and `no_world_writable` do not look at."),
    "commands": attr.string_dict(doc = "Commands by names: `oci_expected_command(...)`."),
}

def image_expectations(ctx):
    """Returns what the attributes say, or fails with what is wrong with them.

    Args:
      ctx: rule context with `IMAGE_EXPECTATION_ATTRS`.

    Returns:
      dict, as `tools/image_check/src/expected.rs` reads it, but for the files with expected contents.
    """
    _check(ctx)
    attr = ctx.attr
    return {
        "config": _config(attr),
        "layers": _layers(attr),
        "files": {path: json.decode(text) for path, text in attr.files.items()},
        "absent": attr.absent,
        "policies": [name for name in _POLICIES if getattr(attr, name)],
        "exempt": attr.exempt,
        "commands": [{"name": name} | json.decode(text) for name, text in attr.commands.items()],
    }

def expected_content_files(ctx):
    """Returns the files with expected contents.

    Args:
      ctx: rule context with `IMAGE_EXPECTATION_ATTRS`.

    Returns:
      dict of paths in the image to `File`.
    """
    return {path: target[DefaultInfo].files.to_list()[0] for path, target in ctx.attr.file_contents.items()}

def _config(attr):
    config = {name: getattr(attr, name) for name in attr.given}
    if "exposed_ports" in config:
        config["exposed_ports"] = [exposed_port(port) for port in attr.exposed_ports]
    names = ["env", "env_absent", "env_matches", "labels", "labels_absent", "labels_match"]
    return config | {name: getattr(attr, name) for name in names if getattr(attr, name)}

def _layers(attr):
    counts = {"count": attr.layer_count, "max_count": attr.max_layer_count}
    sizes = {"max_size": attr.max_size, "max_layer_size": attr.max_layer_size}
    return (
        {name: count for name, count in counts.items() if count >= 0} |
        {name: byte_size(size) for name, size in sizes.items() if size}
    )

def _check(ctx):
    attr = ctx.attr
    for name in ["max_size", "max_layer_size"]:
        if getattr(attr, name):
            check_attribute(ctx.label, name, byte_size_error(getattr(attr, name)))
    for name in ["layer_count", "max_layer_count"]:
        if getattr(attr, name) < -1:
            fail_attribute(ctx.label, name, "`{}` is not a number of layers: expected `0` or more".format(getattr(attr, name)))
    for port in attr.exposed_ports:
        check_attribute(ctx.label, "exposed_ports", exposed_port_error(port))
    _check_paths(ctx)
    _check_values(ctx)
    _check_contents(ctx)
    for name in ["env", "labels"]:
        _check_keys(ctx, name)
    if not _has_expectations(attr):
        fail_attribute(ctx.label, "image", "{} is all that is given: expected what it is to be, for example `user`, `files`, `absent` or `commands`".format(
            label_text(attr.image.label),
        ))

def _check_paths(ctx):
    for name in ["files", "file_contents"]:
        for path in getattr(ctx.attr, name):
            check_attribute(ctx.label, name, image_path_error(path))
            if path in ctx.attr.absent:
                fail_attribute(ctx.label, "absent", "`{}` is in `{}` too: expected it in one of the two".format(path, name))
    for name in ["absent", "exempt"]:
        for pattern in getattr(ctx.attr, name):
            check_attribute(ctx.label, name, image_path_error(pattern))

def _check_values(ctx):
    for name, function in {"commands": "oci_expected_command", "files": "oci_expected_file"}.items():
        for key, text in getattr(ctx.attr, name).items():
            found = _function_of(text)
            if found != function:
                fail_attribute(ctx.label, name, "`{}` has the value `{}`: expected `{}(...)`".format(
                    key,
                    found + "(...)" if found else text,
                    function,
                ))
            if not key.strip():
                fail_attribute(ctx.label, name, "a key is empty: expected a name")

def _function_of(text):
    """Returns the name of the function that made a value, or `None`."""
    value = json.decode(text, None)
    if type(value) != "dict":
        return None
    for field, function in _FIELDS.items():
        if field in value:
            return function
    return None

def _check_contents(ctx):
    for path, target in ctx.attr.file_contents.items():
        files = target[DefaultInfo].files.to_list()
        if len(files) != 1 or files[0].is_directory:
            fail_attribute(ctx.label, "file_contents", "`{}`: {} has {}: expected one file".format(
                path,
                label_text(target.label),
                "a directory" if len(files) == 1 else "{} files".format(len(files)),
            ))
        content = json.decode(ctx.attr.files.get(path, "{}")).get("content")
        if content and content["text"] != None:
            fail_attribute(ctx.label, "file_contents", "`{}` has a content in `files` too: expected it in one of the two".format(path))

def _check_keys(ctx, name):
    """Fails if a variable or label is expected to be there and to be absent."""
    absent = getattr(ctx.attr, name + "_absent")
    matching = "env_matches" if name == "env" else "labels_match"
    for attribute in [name, matching]:
        for key in getattr(ctx.attr, attribute):
            if not key:
                fail_attribute(ctx.label, attribute, "a key is empty: expected a name")
            if key in absent:
                fail_attribute(ctx.label, name + "_absent", "`{}` is in `{}` too: expected it in one of the two".format(key, attribute))

def _has_expectations(attr):
    numbers = [attr.layer_count, attr.max_layer_count]
    others = [
        getattr(attr, name)
        for name in IMAGE_EXPECTATION_ATTRS
        if name not in OPTIONAL_EXPECTATIONS + ["exempt", "layer_count", "max_layer_count"]
    ]
    return bool([number for number in numbers if number >= 0] or [value for value in others if value])
