"""How a rule fails because of an attribute."""

load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def fail_attribute(label, attribute, error):
    """Fails the analysis of a target.

    Args:
      label: `Label` of the target.
      attribute: string; the attribute's name, or a place in it like `metadata["/**"]`.
      error: string; what was found, what was expected, what to do.
    """
    fail("{}: attribute `{}`: {}".format(label_text(label), attribute, error))

def check_attribute(label, attribute, error):
    """Fails the analysis of a target if there is an error.

    Args:
      label: `Label` of the target.
      attribute: string; the attribute's name, or a place in it.
      error: string or `None`; what was found, what was expected, what to do.
    """
    if error:
        fail_attribute(label, attribute, error)
