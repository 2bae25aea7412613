"""Finds out how a registry is reached at fetch: its scheme, and what a request has to carry.

Bazel's downloader shows neither headers nor a status. So what is not known beforehand is asked for with `curl`, without
credentials; where there is none, the registry is taken at its word when it answers.
"""

load(":curl.bzl", "curl", "curl_program")
load(":registry_challenge.bzl", "parse_challenge", "token_url", "well_known_challenge")
load(":registry_credentials.bzl", "bearer", "registry_credentials")

visibility(["//oci/..."])

# Where Docker Hub's API is.
_API_HOSTS = {"docker.io": "registry-1.docker.io"}

# What a token server wants to know of who asks, beside the token that it is given.
_CLIENT = "rules_stevedore"

def registry_connection(rctx, *, endpoint, insecure, www_authenticate):
    """Prepares requests to one repository at one registry.

    Args:
      rctx: repository context.
      endpoint: struct of `registry` and `path`.
      insecure: bool; whether plain HTTP, and credentials over it, are allowed.
      www_authenticate: string; what the registry would say in this header, or empty.

    Returns:
      struct of `base`, the URL of the repository in the registry's API, `auth`, an entry of `rctx.download`'s dict or `None`,
      `source`, where the credentials come from, `any_certificate`, whether the registry's certificate does not count, and `error`,
      a string or `None`.
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
        any_certificate = insecure and probe.scheme == "https",
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
    if not curl_program(rctx):
        return struct(challenge = challenge, error = None, scheme = "http" if may_be_plain else "https")
    said = []
    for scheme in ["https", "http"] if may_be_plain else ["https"]:
        answer = _asked(rctx, host = host, insecure = insecure, scheme = scheme)
        if not answer.error:
            return struct(challenge = challenge or answer.challenge, error = None, scheme = scheme)
        said.append(answer.error)
    return struct(challenge = None, error = "; ".join(said), scheme = "https")

def _asked(rctx, *, host, insecure, scheme):
    answer = curl(rctx, insecure = insecure, url = "{}://{}/v2/".format(scheme, host))
    challenges = {}
    for line in answer.said.split("\n"):
        name, _, value = line.partition(":")
        if not line.strip():
            break
        challenge = parse_challenge(value) if name.strip().lower() == "www-authenticate" else None
        if challenge:
            challenges[challenge.scheme] = challenge
    return struct(
        challenge = challenges.get("bearer") or challenges.get("basic") or parse_challenge(""),
        error = answer.error,
    )

def _authorization(rctx, *, challenge, credentials, path, insecure):
    """Returns an entry of `rctx.download`'s dict `auth` or `None`, and an error or `None`."""
    if challenge and challenge.scheme == "open":
        return None, None
    if credentials.kind == "bearer" or not challenge or challenge.scheme == "basic":
        error = None
        if credentials.kind == "identity":
            error = "{} is an identity token, and the registry hands out no tokens for it: log in with a name and a password".format(credentials.source)
        return credentials.auth, error
    url = token_url(challenge, path = path)
    realm_host = url.partition("://")[2].partition("/")[0]
    if credentials.kind != "none" and not url.startswith("https://") and not (insecure or is_loopback(realm_host)):
        return None, "the registry sends its clients to `{}` for a token, and {} must not travel in plain: set `insecure = True` if they may".format(
            challenge.realm,
            credentials.source,
        )
    form = None
    if credentials.kind == "identity":
        # https://distribution.github.io/distribution/spec/auth/oauth/
        url = challenge.realm
        form = {
            "client_id": _CLIENT,
            "grant_type": "refresh_token",
            "refresh_token": credentials.token,
            "scope": "repository:{}:pull".format(path),
            "service": challenge.service or "",
        }
    return _token(rctx, credentials = credentials, form = form, insecure = insecure, url = url)

def _token(rctx, *, credentials, form, insecure, url):
    output = "token.json"
    if form or insecure or url.startswith("http://"):
        error = curl(rctx, auth = credentials.auth, form = form, insecure = insecure, output = output, url = url).error
    else:
        result = rctx.download(
            url,
            allow_fail = True,
            auth = {url: credentials.auth} if credentials.auth else {},
            output = output,
        )
        error = None if result.success else "Bazel's warning above says why"
    answer = json.decode(rctx.read(output), default = None) if not error else None
    rctx.delete(output)
    if type(answer) == "dict":
        token = answer.get("token") or answer.get("access_token")
        if token:
            return bearer(token), None
    return None, "`{}` gave no token to {}: {}".format(url, credentials.source, error or "it answered with something else")
