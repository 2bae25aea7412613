"""How a registry wants to be told who asks.

A registry says so in the header `WWW-Authenticate`
([distribution's specification](https://distribution.github.io/distribution/spec/auth/token/)). Bazel's downloader does not show
headers, so those of the well-known registries are here.
"""

visibility(["//oci/..."])

_OPEN = struct(scheme = "open", realm = None, service = None)
_BASIC = struct(scheme = "basic", realm = None, service = None)

def _bearer(realm, service):
    return struct(realm = realm, scheme = "bearer", service = service)

# What these registries answer to `curl --include https://HOST/v2/`.
_HOSTS = {
    "cgr.dev": _bearer("https://cgr.dev/token", "cgr.dev"),
    "docker.elastic.co": _bearer("https://docker-auth.elastic.co/auth", "token-service"),
    "gcr.io": _bearer("https://gcr.io/v2/token", "gcr.io"),
    "ghcr.io": _bearer("https://ghcr.io/token", "ghcr.io"),
    "lscr.io": _bearer("https://ghcr.io/token", "ghcr.io"),
    "mcr.microsoft.com": _OPEN,
    "nvcr.io": _bearer("https://nvcr.io/proxy_auth", None),
    "public.ecr.aws": _bearer("https://public.ecr.aws/token/", "public.ecr.aws"),
    "quay.io": _bearer("https://quay.io/v2/auth", "quay.io"),
    "registry-1.docker.io": _bearer("https://auth.docker.io/token", "registry.docker.io"),
    "registry.gitlab.com": _bearer("https://gitlab.com/jwt/auth", "container_registry"),
    "registry.k8s.io": _OPEN,
}

def well_known_challenge(host):
    """Tells what a well-known registry asks for.

    Args:
      host: string; the host that is connected to, with its port if it has one.

    Returns:
      struct as `parse_challenge` returns it, or `None` if the registry is not known here.
    """
    if host in _HOSTS:
        return _HOSTS[host]
    if host.endswith(".azurecr.io"):
        return _bearer("https://{}/oauth2/token".format(host), host)
    if host.endswith(".pkg.dev") or host.endswith(".gcr.io"):
        return _bearer("https://{}/v2/token".format(host), host)
    if ".dkr.ecr." in host and host.rpartition(".amazonaws.com")[1]:
        return _BASIC
    return None

def parse_challenge(text):
    """Parses the value of a header `WWW-Authenticate`.

    Args:
      text: string; `Bearer realm="https://auth.example/token",service="registry.example"`, or `Basic realm="..."`.

    Returns:
      struct of `scheme` (`bearer`, `basic`, or `open` for an empty text), and with `bearer`, `realm` and `service` (string or
      `None`); or `None` if it is something else.
    """
    scheme, _, rest = text.strip().partition(" ")
    scheme = scheme.lower()
    if not scheme:
        return _OPEN
    if scheme == "basic":
        return _BASIC
    parameters = _parameters(rest)
    if scheme != "bearer" or "://" not in parameters.get("realm", ""):
        return None
    return _bearer(parameters["realm"], parameters.get("service"))

def _parameters(text):
    # Between quotes a comma is no separator: every second part is a value.
    parts = text.split("\"")
    return {
        parts[index].rpartition(",")[2].strip(" =").lower(): parts[index + 1]
        for index in range(0, len(parts) - 1, 2)
    }

def token_url(challenge, *, path):
    """Makes the URL at which a token for pulling is had.

    Args:
      challenge: struct that `parse_challenge` returns, of the scheme `bearer`.
      path: string; the repository's path at the registry.

    Returns:
      string.
    """
    query = ["scope=" + _encoded("repository:{}:pull".format(path))]
    if challenge.service:
        query.insert(0, "service=" + _encoded(challenge.service))
    return challenge.realm + ("&" if "?" in challenge.realm else "?") + "&".join(query)

def _encoded(text):
    for character, code in {"%": "%25", " ": "%20", "&": "%26", "#": "%23", "+": "%2B", "\"": "%22"}.items():
        text = text.replace(character, code)
    return text
