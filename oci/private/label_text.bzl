"""How labels are written in messages and in specs."""

visibility(["//oci/..."])

def label_text(label):
    """Returns a label as a user of its repository writes it.

    Args:
      label: `Label`.

    Returns:
      `//pkg:name` for the main repository, the canonical `@@repo//pkg:name` for another.
    """
    text = str(label)
    return text[2:] if text.startswith("@@//") else text
