"""The shape of `images`: references, each with its image."""

visibility(["//oci/..."])

def references_by_target(images):
    """Puts the references of one image together.

    Args:
      images: dict of string to `Target` (or anything with a `label`); references and their images.

    Returns:
      list of tuples of a `Target` and the list of its references, both in the order in which they come first.
    """
    targets = {}
    references = {}
    for reference, target in images.items():
        targets.setdefault(target.label, target)
        references.setdefault(target.label, []).append(reference)
    return [(targets[label], references[label]) for label in targets]
