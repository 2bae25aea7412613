"""The variables by which a test finds the container engine that `bazel run` would."""

load(":surroundings.bzl", "ENGINE_VARIABLES")

visibility(["//oci/..."])

# `HOME` is not one of them: a test has a home folder of its own.
ENGINE_ENVIRONMENT = ENGINE_VARIABLES + [
    "DOCKER_CONFIG",
    "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR",
]
