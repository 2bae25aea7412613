"""The variables by which a load in a test finds the container engine, and what it fetches, as that of `bazel run` would."""

load(":surroundings.bzl", "ENGINE_VARIABLES")

visibility(["//oci/..."])

# `HOME` is not one of them: a test has a home folder of its own. Nor are those of proxies: the test's own connections, to the
# containers that it starts, would be led astray.
ENGINE_ENVIRONMENT = ENGINE_VARIABLES + [
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "SSH_AUTH_SOCK",
    "STEVEDORE_CACHE",
    "STEVEDORE_CREDENTIAL_HELPER",
    "STEVEDORE_LOCK_DIR",
    "XDG_RUNTIME_DIR",
]
