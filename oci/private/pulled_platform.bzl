"""Platforms of the images behind a pulled reference: their names, and which one suits a target platform."""

visibility(["//oci/..."])

# What is meant where no variant is given, as containerd reads it:
# https://github.com/containerd/platforms/blob/v0.2.1/database.go
_DEFAULT_VARIANTS = {"amd64": "v1", "arm": "v7", "arm64": "v8"}

def platform_text(platform):
    """Writes a platform as Docker does.

    Args:
      platform: struct or dict-like of `os`, `architecture` and `variant` (string or `None`).

    Returns:
      string; `linux/arm64/v8`.
    """
    return "/".join([part for part in (platform.os, platform.architecture, platform.variant) if part])

def parse_platform(text):
    """Parses a platform as Docker writes it.

    Args:
      text: string; `linux/amd64`, `linux/arm64/v8`.

    Returns:
      struct of `os`, `architecture` and `variant` (string or `None`); or `None` if it is not one.
    """
    parts = text.split("/")
    if len(parts) not in (2, 3) or "" in parts:
        return None
    return struct(architecture = parts[1], os = parts[0], variant = parts[2] if len(parts) == 3 else None)

def platform_name(platform):
    """Names the target of a platform's image.

    Args:
      platform: struct of `os`, `architecture` and `variant`.

    Returns:
      string; `linux_arm64_v8`.
    """
    return platform_text(platform).replace("/", "_")

def asks_for(wanted, platform):
    """Tells whether a platform is one that an attribute names: without a variant it names them all.

    Args:
      wanted: struct that `parse_platform` returns.
      platform: struct of `os`, `architecture` and `variant`.

    Returns:
      bool.
    """
    return (
        wanted.os == platform.os and
        wanted.architecture == platform.architecture and
        (not wanted.variant or wanted.variant == _variant(platform))
    )

def best_platform(target, platforms):
    """Chooses the image for a target platform.

    Args:
      target: struct of `os`, `architecture` and `variant` (string or `None`).
      platforms: list of structs of the same; what there is.

    Returns:
      One of `platforms`, the first of those that suit best, or `None`.
    """
    best, best_rank = None, None
    for platform in platforms:
        rank = _rank(target, platform)
        if rank != None and (best_rank == None or rank < best_rank):
            best, best_rank = platform, rank
    return best

def _rank(target, platform):
    """Returns how far a platform is from the target, 0 being the same, or `None` if its images do not run there."""
    if target.os != platform.os or target.architecture != platform.architecture:
        return None
    wanted, found = _variant(target), _variant(platform)
    if wanted == found:
        return 0
    if not (wanted and found and wanted[1:].isdigit() and found[1:].isdigit()):
        return None

    # A processor runs what was made for an older variant.
    distance = int(wanted[1:]) - int(found[1:])
    return distance if distance > 0 else None

def _variant(platform):
    return platform.variant or _DEFAULT_VARIANTS.get(platform.architecture)
