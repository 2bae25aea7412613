"""Finds out how a registry is reached at fetch: its scheme, and what a request has to carry.

Bazel's downloader shows neither headers nor a status. So what is not known beforehand is asked for with `curl`, without
credentials; where there is none, the registry is taken at its word when it answers.
"""

load(":registry_challenge.bzl", "parse_challenge", "token_url", "well_known_challenge")
load(":registry_credentials.bzl", "bearer", "registry_credentials")

visibility(["//oci/..."])

# Where Docker Hub's API is.
_API_HOSTS = {"docker.io": "registry-1.docker.io"}

_PROBE_TIMEOUT_SECONDS = 30

def registry_connection(rctx, *, endpoint, insecure, www_authenticate):
    """Prepares requests to one repository at one registry.

    Args:
      rctx: repository context.
      endpoint: struct of `registry` and `path`.
      insecure: bool; whether plain HTTP, and credentials over it, are allowed.
      www_authenticate: string; what the registry would say in this header, or empty.

    Returns:
      struct of `base`, the URL of the repository in the registry's API, `auth`, an entry of `rctx.download`'s dict or `None`,
      `source`, where the credentials come from, and `error`, a string or `None`.
    """
    host = _API_HOSTS.get(endpoint.registry, endpoint.registry)
    probe = _probe(rctx, host = host, insecure = insecure, www_authenticate = www_authenticate)
    credentials = registry_credentials(rctx, path = endpoint.path, registry = endpoint.registry)
    auth, error = None, probe.error or credentials.error
    plain = probe.scheme == "http" and not (insecure or is_loopback(host))
    if not error and not plain:
        auth, error = _authorization(
            rctx,
            challenge = probe.challenge,
            credentials = credentials,
            insecure = insecure,
            path = endpoint.path,
        )
    return struct(
        auth = auth,
        base = "{}://{}/v2/{}".format(probe.scheme, host, endpoint.path),
        error = error,
        source = credentials.source,
    )

def is_loopback(host):
    """Tells whether a host is this machine, which may speak plain HTTP.

    Args:
      host: string; with a port or without.

    Returns:
      bool.
    """
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name in ("localhost", "127.0.0.1", "[::1]")

def _probe(rctx, *, host, insecure, www_authenticate):
    """Returns a struct of `scheme`, `challenge` (`None`: not known) and `error`."""
    challenge, error = well_known_challenge(host), None
    if www_authenticate:
        challenge = parse_challenge(www_authenticate)
        if not challenge:
            error = "attribute `www_authenticate`: `{}`: expected `Basic` or `Bearer realm=\"https://...\",service=\"...\"`".format(www_authenticate)
    may_be_plain = insecure or is_loopback(host)
    if error or (challenge and not may_be_plain):
        return struct(challenge = challenge, error = error, scheme = "https")
    curl = rctx.which("curl")
    if not curl:
        return struct(challenge = challenge, error = None, scheme = "http" if may_be_plain else "https")
    said = []
    for scheme in ["https", "http"] if may_be_plain else ["https"]:
        answer = _asked(rctx, curl = curl, host = host, scheme = scheme)
        if not answer.error:
            return struct(challenge = challenge or answer.challenge, error = None, scheme = scheme)
        said.append(answer.error)
    return struct(challenge = None, error = "; ".join(said), scheme = "https")

def _asked(rctx, *, curl, host, scheme):
    url = "{}://{}/v2/".format(scheme, host)
    result = rctx.execute(
        [curl, "--silent", "--show-error", "--include", "--suppress-connect-headers", url],
        quiet = True,
        timeout = _PROBE_TIMEOUT_SECONDS,
    )
    if result.return_code != 0:
        return struct(challenge = None, error = "`{}`: {}".format(url, result.stderr.strip() or "no answer"))
    challenges = {}
    for line in result.stdout.split("\n"):
        name, _, value = line.partition(":")
        if not line.strip():
            break
        challenge = parse_challenge(value) if name.strip().lower() == "www-authenticate" else None
        if challenge:
            challenges[challenge.scheme] = challenge
    return struct(
        challenge = challenges.get("bearer") or challenges.get("basic") or parse_challenge(""),
        error = None,
    )

def _authorization(rctx, *, challenge, credentials, path, insecure):
    """Returns an entry of `rctx.download`'s dict `auth` or `None`, and an error or `None`."""
    if challenge and challenge.scheme == "open":
        return None, None
    if credentials.kind == "bearer" or not challenge or challenge.scheme == "basic":
        if credentials.kind == "identity":
            return None, _identity_error(credentials)
        return credentials.auth, None
    if credentials.kind == "identity":
        return None, _identity_error(credentials)
    url = token_url(challenge, path = path)
    realm_host = url.partition("://")[2].partition("/")[0]
    if credentials.auth and not url.startswith("https://") and not (insecure or is_loopback(realm_host)):
        return None, "the registry sends its clients to `{}` for a token, and {} must not travel in plain: set `insecure = True` if they may".format(
            challenge.realm,
            credentials.source,
        )
    return _token(rctx, credentials = credentials, url = url)

def _token(rctx, *, credentials, url):
    output = "token.json"
    result = rctx.download(
        url,
        allow_fail = True,
        auth = {url: credentials.auth} if credentials.auth else {},
        output = output,
    )
    answer = json.decode(rctx.read(output), default = None) if result.success else None
    rctx.delete(output)
    if type(answer) == "dict":
        token = answer.get("token") or answer.get("access_token")
        if token:
            return bearer(token), None
    return None, "`{}` gave no token to {}{}".format(
        url,
        credentials.source,
        "" if result.success else " (Bazel's warning above says why)",
    )

def _identity_error(credentials):
    return ("{} is an identity token, which Bazel's downloader cannot use: log in with a name and a password, or give Bazel a " +
            "credential helper (`--credential_helper`)").format(credentials.source)
