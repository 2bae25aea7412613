"""The images of a test: variables, each with the load that brings its image."""

load("//oci:providers.bzl", "OciLoadInfo")
load(":attribute_error.bzl", "check_attribute", "fail_attribute")
load(":engine_environment.bzl", "ENGINE_ENVIRONMENT")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def variable_error(name):
    """Says what is wrong with the name of a variable that gets an image's reference.

    Args:
      name: string.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if not name or name[0].isdigit() or not name.replace("_", "a").isalnum():
        return "`{}` is not the name of a variable: expected letters, digits and `_`, for example `APP_IMAGE`".format(name)
    if name in ENGINE_ENVIRONMENT:
        return "`{}` is read by the load itself: expected another variable, for example `APP_IMAGE`".format(name)
    return None

def test_images(ctx):
    """Returns the images of a test, each once, and what the variables say of them.

    Args:
      ctx: rule context with the attribute `images`, a dict of variables to targets.

    Returns:
      struct of `images`, a list of structs of `content` and `tags` as `OciLoadInfo` has them, and `variables`, a dict of
      variables to places in that list.
    """
    if not ctx.attr.images:
        fail_attribute(ctx.label, "images", "is empty: expected variables, each with an oci_incremental_load, for example `{\"APP_IMAGE\": \":load\"}`")
    images = []
    places = {}
    variables = {}
    for name, target in ctx.attr.images.items():
        check_attribute(ctx.label, "images", variable_error(name))
        if target.label not in places:
            places[target.label] = len(images)
            images.append(_image_of(ctx, name, target))
        variables[name] = places[target.label]
    return struct(images = images, variables = variables)

def _image_of(ctx, name, target):
    attribute = "images[\"{}\"]".format(name)
    label = label_text(target.label)
    if OciLoadInfo not in target:
        fail_attribute(ctx.label, attribute, "{} loads no image: expected an oci_incremental_load (of that image, if it is one)".format(label))
    images = target[OciLoadInfo].images
    if len(images) != 1:
        fail_attribute(ctx.label, attribute, "{} loads {} images, and a variable has one: expected an oci_incremental_load of one `image`, and such a one for each variable".format(label, len(images)))
    return images[0]
