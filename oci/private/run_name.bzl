"""Names that people give to caches and secrets. They become the names of files and volumes."""

visibility(["//oci/..."])

_MARKS = "._-"

def run_name_error(name):
    """Says what is wrong with a name.

    Args:
      name: string.

    Returns:
      `None`, or what is wrong and what is expected.
    """
    for character in name.elems():
        if not character.isalnum() and character not in _MARKS:
            return "`{}` has the character `{}`: expected a name of letters, digits, `.`, `_` and `-`".format(name, character)
    if not name[:1].isalnum():
        return "`{}` does not begin with a letter or a digit: expected a name like `npm`".format(name)
    return None
