"""The variables by which a load in a test finds the container engine, and what it fetches, as that of `bazel run` would."""

load(":surroundings.bzl", "ENGINE_VARIABLES", "FETCH_VARIABLES")

visibility(["//oci/..."])

# `HOME` is not one of them: a test has a home folder of its own. Nor are those of proxies: the test's own connections, to the
# containers that it starts, would be led astray. Nor are `SSH_AUTH_SOCK` and `XDG_RUNTIME_DIR`: the values are part of a test's key,
# and these differ from one login to the next.
ENGINE_ENVIRONMENT = ENGINE_VARIABLES + FETCH_VARIABLES + ["STEVEDORE_LOCK_DIR"]
