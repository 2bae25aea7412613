"""How layers are compressed, and how their files are named."""

visibility(["//oci/..."])

COMPRESSIONS = ["gzip", "zstd", "none"]

TAR_SUFFIXES = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"]

_BLOB_SUFFIXES = {"gzip": ".tar.gz", "zstd": ".tar.zst"}

def blob_suffix(compression):
    """Returns the file name's suffix of a compressed layer.

    Args:
      compression: `gzip` or `zstd`.
    """
    return _BLOB_SUFFIXES[compression]

def tar_suffix(filename):
    """Finds out by its name whether a file is a tar.

    Args:
      filename: string.

    Returns:
      The longest matching one of `TAR_SUFFIXES`, or `None`.
    """
    matching = [suffix for suffix in TAR_SUFFIXES if filename.endswith(suffix)]
    return max(matching, key = len) if matching else None
