"""Credentials for a registry, from where Docker and podman keep them.

The places and their order are those of `tools/registry/src/credentials`, which deliveries use; docs/push.md lists them. Helpers
in Bazel's form are Bazel's own here: its flag `--credential_helper` holds for its downloads.
"""

visibility(["//oci/..."])

_HUB = "docker.io"

# The name under which the Docker CLI keeps Docker Hub, `authConfigKey` in
# https://github.com/docker/cli/blob/v29.7.2/cli/config/configfile/file.go#L26
_HUB_KEY = "https://index.docker.io/v1/"

# What a helper prints that has nothing for a registry:
# https://github.com/docker/docker-credential-helpers/blob/v0.9.4/credentials/error.go
_NOT_FOUND = "credentials not found in native keychain"

_HELPER_TIMEOUT_SECONDS = 60

def registry_credentials(rctx, *, registry, path):
    """Looks for credentials.

    Args:
      rctx: repository context.
      registry: string; `docker.io`, `localhost:5000`.
      path: string; the repository's path there.

    Returns:
      struct of `kind` (`none`, `basic`, `bearer`, `identity`), `auth` (for `basic` and `bearer`: an entry of
      `rctx.download`'s dict `auth`), `token` (for `identity`), `source` (where they come from, for messages), and `error`, a
      string or `None`.
    """
    for place in _places(rctx):
        text = place.text
        if text == None:
            file = rctx.path(place.path)
            if not file.exists:
                if place.required:
                    return _failed("`{}`, which `REGISTRY_AUTH_FILE` names, does not exist".format(place.path))
                continue
            text = rctx.read(file, watch = "no")
        if not text.strip():
            continue
        config = json.decode(text, default = None)
        if type(config) != "dict":
            return _failed("`{}` is not a JSON object".format(place.name))
        found = _in_file(rctx, config = config, name = place.name, path = path, registry = registry)
        if found:
            return found
    return struct(auth = None, error = None, kind = "none", source = "nobody's credentials", token = None)

def _places(rctx):
    env = rctx.os.environ
    places = []
    if env.get("REGISTRY_AUTH_FILE"):
        places.append(_place(env["REGISTRY_AUTH_FILE"], required = True))
    if env.get("DOCKER_AUTH_CONFIG"):
        places.append(_place("DOCKER_AUTH_CONFIG", text = env["DOCKER_AUTH_CONFIG"]))
    home = env.get("HOME") or env.get("USERPROFILE")
    docker = env.get("DOCKER_CONFIG") or (home and home + "/.docker")
    if docker:
        places.append(_place(docker + "/config.json"))
    if env.get("XDG_RUNTIME_DIR"):
        places.append(_place(env["XDG_RUNTIME_DIR"] + "/containers/auth.json"))
    elif rctx.os.name == "linux":
        user = rctx.execute(["id", "-u"]).stdout.strip()
        places.append(_place("/run/containers/{}/auth.json".format(user)))
    config = env.get("XDG_CONFIG_HOME") or (home and home + "/.config")
    if config:
        places.append(_place(config + "/containers/auth.json"))
    return places

def _place(name, *, text = None, required = False):
    return struct(name = name, path = name, required = required, text = text)

def _in_file(rctx, *, config, name, registry, path):
    server = _HUB_KEY if registry == _HUB else registry
    helpers = _dict(config, "credHelpers")
    for key, helper in helpers.items():
        if helper and is_key_of(key, registry):
            return _asked(rctx, helper = helper, server = key, source = "`credHelpers` of `{}`".format(name))
    auths = _dict(config, "auths")
    keys = exact_keys(registry, path) + [key for key in auths if is_key_of(key, registry)]
    for key in keys:
        found = _entry(_dict(auths, key), source = "`{}` of `{}`".format(key, name))
        if found:
            return found
    if config.get("credsStore") and not [key for key in helpers if is_key_of(key, registry)]:
        return _asked(rctx, helper = config["credsStore"], server = server, source = "`credsStore` of `{}`".format(name))
    return None

def _dict(parent, key):
    value = parent.get(key)
    return value if type(value) == "dict" else {}

def exact_keys(registry, path):
    """Returns the keys of `auths` that are for a repository, the most specific first.

    As `authKeyLookupOrder` in containers/image's
    [config.go](https://github.com/containers/image/blob/v5.36.1/pkg/docker/config/config.go#L857).

    Args:
      registry: string.
      path: string.

    Returns:
      list of strings.
    """
    parts = path.split("/")
    return ["/".join([registry] + parts[:count]) for count in range(len(parts), -1, -1)]

def is_key_of(key, registry):
    """Tells whether a key of `auths` or `credHelpers` names a registry, with a scheme or the API's version.

    Args:
      key: string.
      registry: string.

    Returns:
      bool.
    """
    host = key
    for scheme in ("https://", "http://"):
        if key.startswith(scheme):
            host = key[len(scheme):].partition("/")[0]
    host = host.rstrip("/").removesuffix("/v1").removesuffix("/v2")
    return host == registry or (registry == _HUB and host in ("index.docker.io", "registry-1.docker.io"))

def _entry(entry, *, source):
    if entry.get("registrytoken"):
        return _found("bearer", source, auth = bearer(entry["registrytoken"]))
    if entry.get("identitytoken"):
        return _found("identity", source, token = entry["identitytoken"])
    if entry.get("auth"):
        # Word for word: it is already what the header has.
        return _found("basic", source, auth = {
            "password": "".join(entry["auth"].split()),
            "pattern": "Basic <password>",
            "type": "pattern",
        })
    if entry.get("username"):
        return _found("basic", source, auth = _basic(entry["username"], entry.get("password") or ""))
    return None

def _asked(rctx, *, helper, server, source):
    program = "docker-credential-" + helper
    path = rctx.which(program)
    if not path:
        return _failed("`{}`, which {} names, is not on `PATH`".format(program, source))

    # A helper reads the server's address from its standard input, which `rctx.execute` cannot give.
    result = rctx.execute(
        ["sh", "-c", "printf %s \"$1\" | \"$2\" get", "sh", server, str(path)],
        quiet = True,
        timeout = _HELPER_TIMEOUT_SECONDS,
    )
    if result.return_code != 0:
        if result.stdout.strip() == _NOT_FOUND:
            return None
        return _failed("`{} get` for `{}`, which {} names, failed ({}): {}".format(
            program,
            server,
            source,
            result.return_code,
            (result.stderr or result.stdout).strip(),
        ))
    answer = json.decode(result.stdout, default = None)
    if type(answer) != "dict":
        return _failed("`{} get` for `{}` did not print a JSON object".format(program, server))
    user, secret = answer.get("Username") or "", answer.get("Secret") or ""
    source = "`{}`, which {} names".format(program, source)
    if user == "<token>":
        return _found("identity", source, token = secret)
    return _found("basic", source, auth = _basic(user, secret)) if user or secret else None

def bearer(token):
    """Makes the entry of `rctx.download`'s dict `auth` for a token.

    Args:
      token: string.

    Returns:
      dict.
    """
    return {"password": token, "pattern": "Bearer <password>", "type": "pattern"}

def _basic(user, password):
    return {"login": user, "password": password, "type": "basic"}

def _found(kind, source, *, auth = None, token = None):
    return struct(auth = auth, error = None, kind = kind, source = source, token = token)

def _failed(error):
    return struct(auth = None, error = error, kind = "none", source = "", token = None)
