"""Unit tests of what checks and translates single values of the rules that run commands."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//oci/private:byte_size.bzl", "byte_size")
load("//oci/private:run_action.bzl", "run_requirements")
load("//oci/private:run_name.bzl", "run_name_error")
load("//oci/private:run_secret.bzl", "run_secret_error", "variable_name")

visibility("private")

def _requirements(run):
    engine, network, delivered = run
    layers = [struct(delivered = each) for each in delivered]
    return sorted(run_requirements(engine = engine, layers = layers, network = network))

# Each function, and pairs of what goes in and what comes out.
_CASES = [
    (byte_size, [
        ("1", 1),
        ("7b", 7),
        ("3k", 3072),
        ("64M", 64 << 20),
        ("2g", 2 << 30),
        ("", None),
        ("0", None),
        ("m", None),
        ("-1m", None),
        ("1.5g", None),
        ("64mb", None),
    ]),
    (run_name_error, [
        ("npm", None),
        ("pip-3.12_x", None),
        ("", "`` does not begin with a letter or a digit: expected a name like `npm`"),
        (".npmrc", "`.npmrc` does not begin with a letter or a digit: expected a name like `npm`"),
        ("a b", "`a b` has the character ` `: expected a name of letters, digits, `.`, `_` and `-`"),
    ]),
    (run_secret_error, [
        ("file:/etc/token", None),
        ("file:~/.npmrc", None),
        ("env:NPM_TOKEN", None),
        ("file:", "expected where the secret is, `file:PATH` or `env:NAME`, not the secret itself"),
        ("hunter2:x", "expected where the secret is, `file:PATH` or `env:NAME`, not the secret itself"),
        ("env:NPM-TOKEN", "`NPM-TOKEN` is not the name of a variable: expected letters, digits and `_`"),
    ]),
    (variable_name, [
        ("_A1", True),
        ("", False),
        ("1A", False),
        ("A=", False),
    ]),
    (_requirements, [
        (("daemon", "none", ["tar", "blob"]), ["no-remote-exec", "no-sandbox"]),
        (("daemon", "none", ["tar", "registry"]), ["no-remote-exec", "no-sandbox", "requires-network"]),
        (("daemon", "default", []), ["no-remote-exec", "no-sandbox", "requires-network"]),
        (("sandbox", "none", ["registry"]), ["no-sandbox"]),
        (("sandbox", "host", []), ["no-sandbox", "requires-network"]),
    ]),
]

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    for function, cases in _CASES:
        for given, expected in cases:
            asserts.equals(env, expected, function(given), "{} of {}".format(function, repr(given)))
    return unittest.end(env)

_values_test = unittest.make(_values_test_impl)

def run_value_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    unittest.suite(name, _values_test)
