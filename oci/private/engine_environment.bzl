"""What a load in a test knows of the container engine.

By its variables it finds the engine, and what it fetches, as that of `bazel run` would.
"""

load(":surroundings.bzl", "ENGINE_VARIABLES", "FETCH_VARIABLES")

visibility(["//oci/..."])

# `HOME` is not one of them: a test has a home folder of its own. Nor are those of proxies: the test's own connections, to the
# containers that it starts, would be led astray. Nor are `SSH_AUTH_SOCK` and `XDG_RUNTIME_DIR`: the values are part of a test's key,
# and these differ from one login to the next.
ENGINE_ENVIRONMENT = ENGINE_VARIABLES + FETCH_VARIABLES + ["STEVEDORE_LOCK_DIR"]

# How it deals with the engine that is there, or is not.
ENGINE_ATTRS = {
    "emulation": attr.bool(
        doc = """Whether an image for another platform than the engine's is loaded, for an engine that can run it nevertheless.
Otherwise it is an error, before the test starts.""",
    ),
    "without_engine": attr.string(
        doc = """What happens where no container engine answers: the test fails (`fail`), or is reported as skipped and passes (`skip`).
Bazel keeps that result on this machine as it keeps any other, also when an engine is there later; it does not go into a remote cache.""",
        default = "fail",
        values = ["fail", "skip"],
    ),
}
