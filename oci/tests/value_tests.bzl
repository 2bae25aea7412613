"""Unit tests of the functions that check and translate single values."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//oci:defs.bzl", "oci_healthcheck", "oci_metadata")
load("//oci:extensions.bzl", "prebuilt_error")
load("//oci/private:compression.bzl", "tar_suffix")
load("//oci/private:exposed_port.bzl", "exposed_port", "exposed_port_error")
load("//oci/private:healthcheck.bzl", "duration_error", "healthcheck_error")
load("//oci/private:image_path.bzl", "image_path_error")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:ownership.bzl", "metadata_error", "mode_error", "mtime_error", "owner_error")
load("//oci/private:repo_tags.bzl", "remote_tags_error", "repo_tags_error", "repo_tags_file")
load("//oci/private:runfiles_path.bzl", "runfiles_path")
load("//oci/private:shell_words.bzl", "shell_words")
load("//oci/private:suggestion.bzl", "did_you_mean")
load("//oci/private:test_images.bzl", "variable_error")
load("//oci/private:value_or_file.bzl", "assignments_error", "assignments_file", "time_file")

visibility("private")

_SHA256 = "0123456789abcdef" * 4

def _directory_error(path):
    return image_path_error(path, may_end_with_slash = True)

def _reset_suggestion(name):
    return did_you_mean(name, ["cmd", "entrypoint", "exposed_ports", "workdir"])

def _healthcheck_error(arguments):
    test, interval, retries = arguments
    return healthcheck_error(durations = {"interval": interval}, retries = retries, test = test)

def _prebuilt_error(arguments):
    kind, platform, urls, sha256 = arguments
    return prebuilt_error(kind = kind, platform = platform, sha256 = sha256, urls = urls)

def _shell_words(text):
    split = shell_words(text)
    return split.error or split.words

# Each function, and pairs of what goes in and what comes out.
_CASES = [
    (image_path_error, [
        ("/", None),
        ("/app/server", None),
        ("/a/with space/ü", None),
        ("", "`` is not absolute: did you mean `/`?"),
        ("app", "`app` is not absolute: did you mean `/app`?"),
        ("/app/", "`/app/` is not a normal path: did you mean `/app`?"),
        ("//app", "`//app` is not a normal path: did you mean `/app`?"),
        ("/app/./bin", "`/app/./bin` is not a normal path: did you mean `/app/bin`?"),
        ("/app/../bin", "`/app/../bin` is not a normal path: did you mean `/bin`?"),
        ("/a\nb", "`/a\nb` contains a line break"),
    ]),
    (_directory_error, [
        ("/", None),
        ("/app/", None),
        ("/app//", "`/app//` is not a normal path: did you mean `/app`?"),
    ]),
    (owner_error, [
        ("0:0", None),
        ("www-data:1000", None),
        ("root", "`root` has no group: did you mean `root:root`?"),
        ("1:2:3", "`1:2:3` is not of the form `user:group` with numbers or names, for example `0:0` or `app:app`"),
        ("a b:c", "`a b:c` is not of the form `user:group` with numbers or names, for example `0:0` or `app:app`"),
        (":0", "`:0` is not of the form `user:group` with numbers or names, for example `0:0` or `app:app`"),
    ]),
    (mode_error, [
        ("644", None),
        ("0644", None),
        ("4755", None),
        ("04755", None),
        ("0o755", "`0o755` is not an octal number: did you mean `0755`?"),
        ("0888", "`0888` is not an octal number of three or four digits, for example `0644`"),
        ("u+x", "`u+x` is not an octal number of three or four digits, for example `0644`"),
        ("", "`` is not an octal number of three or four digits, for example `0644`"),
    ]),
    (mtime_error, [
        (0, None),
        (1767225600, None),
        (-1, "`-1` is before 1970: expected seconds since the epoch, `0` or more"),
    ]),
    (metadata_error, [
        ({"owner": "0:0", "mode": "0755", "mtime": 1}, None),
        ({}, "nothing to set: expected one of `owner`, `mode`, `mtime`"),
        ({"mode": 493}, "`mode`: got the number `493`, expected a string: did you mean `\"0755\"`?"),
        ({"mtime": "now"}, "`mtime`: got `now` (string), expected the type int"),
        ({"owner": "app"}, "`owner`: `app` has no group: did you mean `app:app`?"),
    ]),
    (duration_error, [
        ("30s", None),
        ("1m30s", None),
        ("1h2m3.5s", None),
        ("500ms", None),
        (30, "got `30` (int), expected a string: did you mean `\"30s\"`?"),
        ("30", "`30` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
        ("s", "`s` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
        ("", "`` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
        ("1d", "`1d` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
        ("1 s", "`1 s` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
    ]),
    (_healthcheck_error, [
        ((["NONE"], None, None), None),
        ((["CMD", "/check"], "30s", 0), None),
        (("/check", None, None), "`test`: got the string `/check`: did you mean `[\"CMD-SHELL\", \"/check\"]`?"),
        ((["/check"], None, None), "`test`: got `[\"/check\"]`, expected a list that begins with one of `CMD`, `CMD-SHELL`, `NONE`"),
        ((["NONE"], "1d", None), "`interval`: `1d` is not a duration: expected numbers with units, for example `30s` or `1m30s`"),
        ((["NONE"], None, -1), "`retries`: got `-1`, expected a number that is not negative"),
    ]),
    (exposed_port_error, [
        ("80", None),
        ("53/udp", None),
        ("0", "`0` is not a port: expected a number from 1 to 65535, for example `8080/tcp`"),
        ("65536", "`65536` is not a port: expected a number from 1 to 65535, for example `8080/tcp`"),
        ("http", "`http` is not a port: expected a number from 1 to 65535, for example `8080/tcp`"),
        ("80/http", "`80/http` has an unknown protocol: expected one of `80/sctp`, `80/tcp`, `80/udp`"),
    ]),
    (exposed_port, [
        ("80", "80/tcp"),
        ("53/udp", "53/udp"),
    ]),
    (tar_suffix, [
        ("a.tar", ".tar"),
        ("a.tar.gz", ".tar.gz"),
        ("a.tgz", ".tgz"),
        ("a.tar.zst", ".tar.zst"),
        ("a.tzst", ".tzst"),
        ("a.zip", None),
        ("tar", None),
    ]),
    (repo_tags_error, [
        (["app:dev"], None),
        (Label("//oci:tags"), None),
        ("//app:tags", None),
        (":tags", None),
        ("@repo//:tags", None),
        ("tags.txt", None),
        (
            "example.com/app:dev",
            "`example.com/app:dev` is a reference, and a string is the label of a file: did you mean `[\"example.com/app:dev\"]`?",
        ),
    ]),
    (remote_tags_error, [
        (["v1"], None),
        ("//app:tags", None),
        ("tags.txt", None),
        (
            "example.com/app:dev",
            "`example.com/app:dev` is a reference, and a string is the label of a file: expected a list of tags, for example `[\"dev\"]`",
        ),
    ]),
    (repo_tags_file, [
        ([], None),
        (["app:dev"], None),
        (":tags", ":tags"),
        (Label("//oci:tags"), Label("//oci:tags")),
    ]),
    (runfiles_path, [
        ("app/server", "_main/app/server"),
        ("../rules_x+/data", "rules_x+/data"),
    ]),
    (label_text, [
        (Label("//oci:defs.bzl"), "//oci:defs.bzl"),
    ]),
    (assignments_file, [
        ({"a": "b"}, None),
        (":labels", ":labels"),
        (Label("//oci:defs.bzl"), Label("//oci:defs.bzl")),
    ]),
    (assignments_error, [
        ({"a": "b"}, None),
        ("labels.txt", None),
        ("a=b=c", "`a=b=c` is an assignment, and a string is the label of a file: did you mean `{\"a\": \"b=c\"}`?"),
        (["a=b"], "`[\"a=b\"]` is a list: expected a dict, or the label of a file with `KEY=VALUE` a line"),
    ]),
    (time_file, [
        ("", None),
        ("2026-01-31T12:00:00Z", None),
        ("{{BUILD_TIMESTAMP}}", None),
        (":created", ":created"),
        ("created.txt", "created.txt"),
    ]),
    (_reset_suggestion, [
        ("Entrypoint", "did you mean `entrypoint`?"),
        ("exposed-port", "did you mean `exposed_ports`?"),
        ("ports", "did you mean `exposed_ports`?"),
        ("shell", "expected one of `cmd`, `entrypoint`, `exposed_ports`, `workdir`"),
    ]),
    (_shell_words, [
        ("", []),
        (" \t", []),
        ("--flag=a  b\tc", ["--flag=a", "b", "c"]),
        ("'' a\"\"", ["", "a"]),
        ("'a b'c \"d e\"", ["a bc", "d e"]),
        ("'a\\b\"' \"it's\"", ["a\\b\"", "it's"]),
        ("a\\ b \\\\ \\'", ["a b", "\\", "'"]),
        ("\"a\\\"b\\\\c\\d\"", ["a\"b\\c\\d"]),
        ("$HOME *", ["$HOME", "*"]),
        ("ü", ["ü"]),
        ("it's", "a quote is not closed"),
        ("a\\", "a backslash is the last character"),
    ]),
    (variable_error, [
        ("APP_IMAGE", None),
        ("_image2", None),
        ("", "`` is not the name of a variable: expected letters, digits and `_`, for example `APP_IMAGE`"),
        ("2ND_IMAGE", "`2ND_IMAGE` is not the name of a variable: expected letters, digits and `_`, for example `APP_IMAGE`"),
        ("APP-IMAGE", "`APP-IMAGE` is not the name of a variable: expected letters, digits and `_`, for example `APP_IMAGE`"),
        ("DOCKER_HOST", "`DOCKER_HOST` is read by the load itself: expected another variable, for example `APP_IMAGE`"),
    ]),
    (_prebuilt_error, [
        (("build", "linux_amd64", ["file:///tool"], _SHA256), None),
        (("build", "linux_arm64", [], ""), None),
        (("build", "linux-amd64", [], ""), "`platform`: `linux-amd64` is unknown: did you mean `linux_amd64`?"),
        (("build", "linux_amd64", [], _SHA256), "`build_tool_sha256` is given without `build_tool_urls`"),
        (
            ("build", "linux_amd64", ["file:///tool"], "abc"),
            "`build_tool_sha256`: `abc` is not 64 hex digits: expected the output of `sha256sum` for `file:///tool`",
        ),
        (("agent", "linux_arm64", ["file:///tool"], _SHA256), None),
        (("agent", "darwin_arm64", [], ""), None),
        (
            ("agent", "darwin_arm64", ["file:///tool"], _SHA256),
            "`agent_tool_urls` is given for platform `darwin_arm64`, but containers run on Linux: give it for `linux_amd64` or `linux_arm64`",
        ),
    ]),
]

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    for function, cases in _CASES:
        for given, expected in cases:
            asserts.equals(env, expected, function(given), "{} of {}".format(function, repr(given)))
    return unittest.end(env)

_values_test = unittest.make(_values_test_impl)

def _json_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, '{"mode":"0755"}', oci_metadata(mode = "0755"))
    asserts.equals(env, '{"mtime":0,"owner":"app:app"}', oci_metadata(owner = "app:app", mtime = 0))
    asserts.equals(
        env,
        '{"interval":"30s","retries":3,"test":["CMD","/check"]}',
        oci_healthcheck(test = ["CMD", "/check"], interval = "30s", retries = 3),
    )
    return unittest.end(env)

_json_test = unittest.make(_json_test_impl)

def value_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    unittest.suite(name, _values_test, _json_test)
