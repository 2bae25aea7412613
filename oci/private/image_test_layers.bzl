"""Which files of an image's layers its test carries: no more than what it reads."""

visibility(["//oci/..."])

def carried_by_test(expected, *, engine):
    """Says what of a layer's files is carried.

    Args:
      expected: dict that `image_expectations` makes.
      engine: string; one of `RUN_ENGINES`.

    Returns:
      Function of an `OciLayerInfo` that returns `tar`, `blob`, or `None`; or of `None`, which stands for the layers of a
      layout.
    """
    in_daemon = bool(expected["commands"]) and engine == "daemon"
    reads_files = _reads_files(expected) or bool(expected["commands"]) and engine == "sandbox"
    measures = bool(expected["layers"].get("max_size") or expected["layers"].get("max_layer_size"))

    def carried(layer):
        if not layer:
            return "blob" if reads_files or in_daemon or measures else None
        if layer.delivered == "tar":
            # Its description tells the size.
            return "tar" if reads_files or in_daemon else None
        if layer.delivered == "registry" and not reads_files and not measures:
            # The engine may have it; if it does not, the tool fetches it.
            return None
        return "blob" if reads_files or in_daemon or measures else None

    return carried

def _reads_files(expected):
    return bool(expected["files"] or expected["absent"] or expected["policies"])
