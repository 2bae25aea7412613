"""What can be delivered: an image, or an index with its images."""

load("//oci:providers.bzl", "OciImageInfo", "OciIndexInfo")
load(":attribute_error.bzl", "fail_attribute")
load(":image_aspect.bzl", "not_an_image_error")
load(":label_text.bzl", "label_text")
load(":references.bzl", "references_by_target")

visibility(["//oci/..."])

def content_of(ctx, *, attribute, target):
    """Returns what a target has that can be delivered.

    Args:
      ctx: rule context; the attribute has `image_aspect`.
      attribute: string; the attribute's name, for messages.
      target: `Target`.

    Returns:
      `OciImageInfo` or `OciIndexInfo`.
    """
    if OciIndexInfo in target:
        return target[OciIndexInfo]
    if OciImageInfo not in target:
        fail_attribute(ctx.label, attribute, not_an_image_error(target, expected = "an oci_index, an oci_image"))
    return target[OciImageInfo]

def content_by_references(ctx, *, attribute, images):
    """Returns what a dict of references says is delivered, and as what.

    Args:
      ctx: rule context; the attribute has `image_aspect`.
      attribute: string; the attribute's name, for messages.
      images: dict of string to `Target`.

    Returns:
      list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `references`, a tuple of strings; each target is
      there once.
    """
    return [
        struct(
            content = content_of(ctx, attribute = "{}[\"{}\"]".format(attribute, references[0]), target = target),
            references = tuple(references),
        )
        for target, references in references_by_target(images)
    ]

def images_in(content):
    """Returns the images that belong to what `content_of` returns.

    Args:
      content: `OciImageInfo` or `OciIndexInfo`.

    Returns:
      tuple of `OciImageInfo`.
    """
    return content.images if is_index(content) else (content,)

def image_names(content):
    """Returns what messages call the images that belong to what `content_of` returns.

    Args:
      content: `OciImageInfo` or `OciIndexInfo`.

    Returns:
      tuple of strings.
    """
    return content.names if is_index(content) else (label_text(content.label),)

def is_index(content):
    """Tells what `content_of` has returned.

    Args:
      content: `OciImageInfo` or `OciIndexInfo`.

    Returns:
      bool; whether it is an index.
    """
    return hasattr(content, "images")
