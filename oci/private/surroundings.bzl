"""What actions that fetch blobs or run commands have to know of the machine, and their keys must not."""

visibility(["//oci/..."])

SURROUNDINGS = "surroundings.json"

# Where credentials, certificates and caches are: names and paths, nothing secret, and nothing that changes by the hour.
# (`DOCKER_AUTH_CONFIG` is left out, whose value is a secret, and so are the keys and tokens of AWS.)
FETCH_VARIABLES = [
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AZURE_CONFIG_DIR",
    "CLOUDSDK_CONFIG",
    "DOCKER_CONFIG",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "STEVEDORE_CACHE",
    "STEVEDORE_CREDENTIAL_HELPER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
]

# Where the same is by default, and how the network is reached.
_WATCHED = FETCH_VARIABLES + [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
]

# Where the container engine is, how it is reached, and what runs where there is none.
ENGINE_VARIABLES = [
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DOCKER_CERT_PATH",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "STEVEDORE_RUNTIME",
    "STEVEDORE_UNPACKED_BYTES",
]

# These differ from one terminal to the next, and a repository is not fetched again for that.
_UNWATCHED = [
    "PATH",
    "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR",
]

def write_surroundings(rctx, *, variables = []):
    """Writes the environment variables of this machine that a fetch of a blob needs.

    Args:
      rctx: repository context.
      variables: list of strings; the names of others that are written too. The repository is fetched again when one changes.
    """
    values = {name: rctx.getenv(name) for name in _WATCHED + variables}
    values |= {name: rctx.os.environ.get(name) for name in _UNWATCHED}
    found = {name: value for name, value in values.items() if value}
    rctx.file(SURROUNDINGS, json.encode_indent(found), executable = False)
