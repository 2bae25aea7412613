"""Downloads of manifests, configs and blobs from a registry, at fetch."""

load(":curl.bzl", "curl")
load(":registry_connection.bzl", "registry_connection")

visibility(["//oci/..."])

# A registry may translate a manifest for a client that does not know its type, and then its digest is another one.
_ACCEPT = ", ".join([
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
])

# What follows a file's name until its content was compared with the digest.
_UNCHECKED = ".unchecked"

def registry_source(*, repository, mirrors, insecure, www_authenticate):
    """Says where a repository is.

    Args:
      repository: struct that `repository_name` returns.
      mirrors: list of strings; `HOST`, or `HOST/PREFIX`. They are tried before the registry, in this order.
      insecure: bool; whether plain HTTP is allowed.
      www_authenticate: string; what the registry would say in this header, or empty.

    Returns:
      struct for `registry_downloads`.
    """
    endpoints = []
    for mirror in mirrors:
        host, _, prefix = mirror.rstrip("/").partition("/")
        path = "{}/{}".format(prefix, repository.path) if prefix else repository.path
        endpoints.append(struct(path = path, registry = host, www_authenticate = ""))
    endpoints.append(struct(
        path = repository.path,
        registry = repository.registry,
        www_authenticate = www_authenticate,
    ))
    return struct(
        # By endpoint; filled when one is needed.
        connections = {},
        endpoints = endpoints,
        insecure = insecure,
        name = repository.name,
    )

def registry_downloads(rctx, *, source, wanted):
    """Downloads several things, side by side. What Bazel's repository cache has is taken from there, without a request.

    Args:
      rctx: repository context.
      source: struct that `registry_source` returns.
      wanted: list of structs of `kind` (`manifests` or `blobs`), `reference` (a digest, or for a manifest a tag) and `output`.

    Returns:
      struct of `digests`, a dict of outputs to digests, and `error`, a string or `None`.
    """
    digests = {}
    missing = [each for each in wanted if not _from_cache(rctx, each, digests)]
    failures = []
    for endpoint in source.endpoints:
        if not missing:
            break
        connection = _connection(rctx, source, endpoint)
        if connection.error:
            failures.append(connection.error)
            continue
        missing = _download(rctx, connection, missing, digests)
        failures += [
            "`{}` is not to be had with {} (Bazel's warning above says why)".format(_url(connection, each), connection.source)
            for each in missing[:1]
        ]
    error = None
    if missing:
        error = "failed to fetch {} of `{}`: {}".format(_shown(missing[0]), source.name, "; ".join(failures))
    return struct(digests = digests, error = error)

def _from_cache(rctx, wanted, digests):
    sha256 = _sha256(wanted)
    if not sha256:
        return False

    # Without a URL Bazel looks into its cache alone.
    result = rctx.download([], allow_fail = True, output = wanted.output, sha256 = sha256)
    if result.success:
        digests[wanted.output] = wanted.reference
    return result.success

def _connection(rctx, source, endpoint):
    key = "{}/{}".format(endpoint.registry, endpoint.path)
    if key not in source.connections:
        source.connections[key] = registry_connection(
            rctx,
            endpoint = endpoint,
            insecure = source.insecure,
            www_authenticate = endpoint.www_authenticate,
        )
    return source.connections[key]

def _download(rctx, connection, wanted, digests):
    """Fills `digests` and returns what could not be had."""
    pending = []
    for each in wanted:
        url = _url(connection, each)
        auth, from_url = connection.auth, url
        if connection.any_certificate or (url.startswith("http://") and not _sha256(each)):
            # Bazel takes plain HTTP only where it knows the checksum, and certificates only of those that it trusts.
            auth, from_url = None, _by_curl(rctx, connection, each, url)
        pending.append((each, from_url and rctx.download(
            from_url,
            allow_fail = True,
            # For this URL alone: a storage that it redirects to gets no credentials.
            auth = {url: auth} if auth else {},
            block = False,
            headers = _headers(each),
            output = each.output,
            sha256 = _sha256(each),
        )))
    failed = []
    for each, download in pending:
        result = download.wait() if download else None
        rctx.delete(each.output + _UNCHECKED)
        if result and result.success:
            digests[each.output] = "sha256:" + result.sha256
        else:
            failed.append(each)
    return failed

def _by_curl(rctx, connection, wanted, url):
    """Returns the URL of the file that something was downloaded to, or `None`."""
    output = wanted.output + _UNCHECKED
    file = rctx.path(output)
    rctx.file(output, executable = False)
    error = curl(
        rctx,
        auth = connection.auth,
        headers = _headers(wanted),
        insecure = connection.any_certificate,
        output = str(file),
        url = url,
    ).error
    if error:
        # As Bazel does where it downloads.
        # buildifier: disable=print
        print("Download from " + error)
        return None
    return "file://" + str(file)

def _headers(wanted):
    return {"Accept": _ACCEPT} if wanted.kind == "manifests" else {}

def _url(connection, wanted):
    return "{}/{}/{}".format(connection.base, wanted.kind, wanted.reference)

def _sha256(wanted):
    return wanted.reference.removeprefix("sha256:") if wanted.reference.startswith("sha256:") else ""

def _shown(wanted):
    return "{} `{}`".format({"blobs": "blob", "manifests": "manifest"}[wanted.kind], wanted.reference)
