"""The repository that tells actions which run commands what this machine is like. They have it as a path, not as an input."""

load(":surroundings.bzl", "ENGINE_VARIABLES", "SURROUNDINGS", "write_surroundings")

visibility(["//oci/..."])

MACHINE_REPOSITORY = "stevedore_machine"

# Where the secrets are, each in a file with the variable's name.
_SECRETS = "secrets"

def _machine_impl(rctx):
    write_surroundings(rctx, variables = ENGINE_VARIABLES)
    _write_secrets(rctx)
    rctx.file("BUILD.bazel", "exports_files([\"{}\"])\n".format(SURROUNDINGS), executable = False)

def _write_secrets(rctx):
    # Not with getenv: Bazel writes the values of the variables that it watches into a file that everybody can read.
    found = {name: rctx.os.environ[name] for name in rctx.attr.secrets if rctx.os.environ.get(name)}
    rctx.delete(_SECRETS)
    if not found:
        return
    _execute(rctx, ["mkdir", "-m", "700", _SECRETS])
    for name, value in found.items():
        rctx.file("{}/{}".format(_SECRETS, name), value, executable = False, legacy_utf8 = False)
        _execute(rctx, ["chmod", "600", "{}/{}".format(_SECRETS, name)])

def _execute(rctx, command):
    result = rctx.execute(command)
    if result.return_code:
        fail("oci.secret: `{}` failed: {}".format(" ".join(command), result.stderr.strip()))

machine = repository_rule(
    implementation = _machine_impl,
    doc = "Environment variables of this machine.",
    attrs = {
        "secrets": attr.string_list(doc = "The names of variables that are secret."),
    },
    # `bazel fetch --configure` takes over a secret's new value. Neither of these is vendored or shared between machines.
    configure = True,
    local = True,
)
