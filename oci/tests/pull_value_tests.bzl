"""Unit tests of what a fetch of a pulled base decides: names, challenges, credentials' keys, platforms, manifests."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//oci/private:curl.bzl", "curl_config")
load("//oci/private:pull_repository.bzl", "pull_error")
load("//oci/private:pulled_build.bzl", "tag_of_load")
load("//oci/private:pulled_images.bzl", "wanted_entries")
load("//oci/private:pulled_manifest.bzl", "index_entries", "index_error", "manifest_error", "parse_config", "parse_manifest")
load("//oci/private:pulled_platform.bzl", "best_platform", "parse_platform", "platform_name", "platform_text")
load("//oci/private:registry_challenge.bzl", "parse_challenge", "token_url", "well_known_challenge")
load("//oci/private:registry_connection.bzl", "is_loopback")
load("//oci/private:registry_credentials.bzl", "exact_keys", "is_key_of")
load("//oci/private:repository_name.bzl", "repository_name")

visibility("private")

_DIGEST = "sha256:" + "0123456789abcdef" * 4

_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"

def _repository(text):
    found = repository_name(text)
    return found.error or found.name

def _challenge(text):
    found = parse_challenge(text)
    return found and (found.scheme, found.realm, found.service)

def _well_known_token(host):
    challenge = well_known_challenge(host)
    return challenge and (token_url(challenge, path = "a/b") if challenge.scheme == "bearer" else challenge.scheme)

def _token_url(header):
    return token_url(parse_challenge(header), path = "team/app")

def _best(arguments):
    target, platforms = arguments
    found = best_platform(parse_platform(target), [parse_platform(platform) for platform in platforms])
    return found and platform_text(found)

def _platform_name(text):
    platform = parse_platform(text)
    return platform and platform_name(platform)

def _pull_error(arguments):
    digest, tag = arguments
    return pull_error(digest = digest, tag = tag)

def _tag_of_load(arguments):
    digest, tag = arguments
    return tag_of_load(digest = digest, tag = tag)

def _curl_config(arguments):
    auth, form = arguments
    return curl_config(auth = auth, form = form)

def _is_key_of(arguments):
    return is_key_of(*arguments)

def _exact_keys(arguments):
    return exact_keys(*arguments)

# Each function, and pairs of what goes in and what comes out.
_CASES = [
    (_repository, [
        ("debian", "docker.io/library/debian"),
        ("team/app", "docker.io/team/app"),
        ("index.docker.io/library/debian", "docker.io/library/debian"),
        ("ghcr.io/team/app", "ghcr.io/team/app"),
        ("localhost/app", "localhost/app"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
        ("https://ghcr.io/team/app", "`https://ghcr.io/team/app`: expected the registry's host at the beginning, without `https://`"),
        ("debian:12", "`debian:12` has a tag: write `image = \"debian\"`, and the tag's digest as `digest`"),
        ("debian@sha256:0", "`debian@sha256:0` has a digest: write `image = \"debian\"` and `digest = \"sha256:0\"`"),
        ("ghcr.io/Team/app", "`ghcr.io/Team/app` is not a repository: expected one like `docker.io/library/debian`, in lower case"),
        ("ghcr.io/", "`ghcr.io/` is not a repository: expected one like `docker.io/library/debian`, in lower case"),
    ]),
    (_tag_of_load, [
        ((_DIGEST, "12"), "12"),
        ((_DIGEST, ""), "sha256-0123456789ab"),
    ]),
    (_pull_error, [
        ((_DIGEST, ""), None),
        ((_DIGEST, "12"), None),
        (("", "12"), None),
        (("", ""), "attribute `digest`: is not set: expected the image's digest, or a `tag`, whose digest is then printed"),
        (("sha256:abc", ""), "attribute `digest`: `sha256:abc`: expected `sha256:` and 64 hex digits"),
        (("sha512:" + "0" * 64, ""), "attribute `digest`: `sha512:{}`: expected `sha256:` and 64 hex digits".format("0" * 64)),
    ]),
    (_challenge, [
        ("", ("open", None, None)),
        ("Basic realm=\"x\"", ("basic", None, None)),
        (
            "Bearer realm=\"https://auth.example/token\",service=\"a, b\",scope=\"x\"",
            ("bearer", "https://auth.example/token", "a, b"),
        ),
        ("bearer  service=\"s\", realm=\"http://h/t\"", ("bearer", "http://h/t", "s")),
        ("Bearer service=\"s\"", None),
        ("Negotiate", None),
    ]),
    (_token_url, [
        (
            "Bearer realm=\"https://auth.example/token\",service=\"a b\"",
            "https://auth.example/token?service=a%20b&scope=repository:team/app:pull",
        ),
        ("Bearer realm=\"https://auth.example/token?x=1\"", "https://auth.example/token?x=1&scope=repository:team/app:pull"),
    ]),
    (_well_known_token, [
        ("registry-1.docker.io", "https://auth.docker.io/token?service=registry.docker.io&scope=repository:a/b:pull"),
        ("team.azurecr.io", "https://team.azurecr.io/oauth2/token?service=team.azurecr.io&scope=repository:a/b:pull"),
        ("europe-docker.pkg.dev", "https://europe-docker.pkg.dev/v2/token?service=europe-docker.pkg.dev&scope=repository:a/b:pull"),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "basic"),
        ("registry.k8s.io", "open"),
        ("registry.example", None),
    ]),
    (is_loopback, [
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False),
        ("ghcr.io", False),
    ]),
    (_curl_config, [
        ((None, None), ""),
        (
            ({"login": "me", "password": "a\"b\\c", "type": "basic"}, None),
            "user = \"me:a\\\"b\\\\c\"\n",
        ),
        (
            ({"password": "x", "pattern": "Bearer <password>", "type": "pattern"}, {"grant_type": "refresh_token"}),
            "header = \"Authorization: Bearer x\"\ndata-urlencode = \"grant_type=refresh_token\"\n",
        ),
    ]),
    (_exact_keys, [
        (("quay.io:443", "a/b"), ["quay.io:443/a/b", "quay.io:443/a", "quay.io:443"]),
    ]),
    (_is_key_of, [
        (("https://index.docker.io/v1/", "docker.io"), True),
        (("index.docker.io", "docker.io"), True),
        (("https://ghcr.io", "ghcr.io"), True),
        (("ghcr.io/v2/", "ghcr.io"), True),
        (("https://localhost:5000/v2/", "localhost:5000"), True),
        (("ghcr.io/team", "ghcr.io"), False),
        (("https://ghcr.io:443", "ghcr.io"), False),
        (("docker.io.example.com", "docker.io"), False),
    ]),
    (_platform_name, [
        ("linux/amd64", "linux_amd64"),
        ("linux/arm64/v8", "linux_arm64_v8"),
        ("linux", None),
        ("linux//v8", None),
        ("a/b/c/d", None),
    ]),
    (_best, [
        (("linux/amd64", ["linux/arm64", "linux/amd64"]), "linux/amd64"),
        (("linux/arm64/v8", ["linux/amd64", "linux/arm64"]), "linux/arm64"),
        (("linux/arm64/v8", ["linux/arm64/v9", "linux/arm64/v8"]), "linux/arm64/v8"),
        (("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"]), "linux/arm/v6"),
        (("linux/arm/v7", ["linux/arm/v6", "linux/arm"]), "linux/arm"),
        (("linux/amd64", ["linux/amd64/v3"]), None),
        (("windows/amd64", ["linux/amd64"]), None),
        (("linux/s390x", ["linux/amd64", "linux/arm64"]), None),
    ]),
]

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    for function, cases in _CASES:
        for given, expected in cases:
            asserts.equals(env, expected, function(given), "{} of {}".format(function, repr(given)))
    return unittest.end(env)

_values_test = unittest.make(_values_test_impl)

def _descriptor(media_type, **more):
    return {"digest": _DIGEST, "mediaType": media_type, "size": 1} | more

def _manifest(*, config = _OCI_CONFIG, layers = []):
    return {"config": _descriptor(config), "layers": layers, "schemaVersion": 2}

# What a registry's JSON is, and a part of what is said of it.
_MANIFESTS = [
    (_manifest(layers = [_descriptor(_OCI_LAYER)]), None),
    (_manifest(layers = [_descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls = ["https://x"])]), None),
    (_manifest(layers = [_descriptor(_OCI_LAYER + "+encrypted")]), "is encrypted"),
    (_manifest(layers = [_descriptor("text/html")]), "is of the media type `text/html`, which is not known"),
    (_manifest(layers = [_descriptor(_OCI_LAYER, size = "1")]), "has the size `1`: expected a number of bytes"),
    (_manifest(layers = [_descriptor(_OCI_LAYER, digest = "sha512:0")]), "has the digest `sha512:0`"),
    (_manifest(layers = ["x"]), "layer 0 of its manifest is not an object"),
    (_manifest(config = "application/vnd.cncf.helm.config.v1+json"), "expected an image"),
    ({"fsLayers": [], "schemaVersion": 1}, "is of Docker's schema 1"),
    ({"mediaType": "x", "schemaVersion": 2}, "has neither `manifests` nor `layers` (`mediaType` is `x`)"),
    ([], "is no JSON object"),
]

def _manifests_test_impl(ctx):
    env = unittest.begin(ctx)
    for content, expected in _MANIFESTS:
        parsed = parse_manifest(json.encode(content))
        error = parsed.error or manifest_error(parsed.content)
        message = "{}: `{}` is not in `{}`".format(content, expected, error)
        asserts.true(env, (expected in error) if expected and error else expected == error, message)
    asserts.true(env, "is no JSON object" in parse_manifest("<html>").error, "HTML")
    asserts.true(env, parse_manifest(json.encode({"manifests": []})).is_index, "an index")
    asserts.equals(
        env,
        "`manifests[0]` of its index has the digest `md5:0`: expected `sha256:` and 64 hex digits",
        index_error({"manifests": [{"digest": "md5:0"}]}),
    )
    return unittest.end(env)

_manifests_test = unittest.make(_manifests_test_impl)

def _configs_test_impl(ctx):
    env = unittest.begin(ctx)
    for content, layers, expected in [
        ({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [_DIGEST]}}, 1, None),
        ({"architecture": "amd64", "os": "linux"}, 0, None),
        (
            {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [_DIGEST]}},
            2,
            "its manifest has 2 layers, its config `diff_ids` of 1: expected as many",
        ),
        ({"os": "linux"}, 0, "its config has no `os` or no `architecture`: expected an image's config"),
        ("x", 0, "its config is no JSON object"),
    ]:
        asserts.equals(env, expected, parse_config(json.encode(content), layers = layers).error)
    return unittest.end(env)

_configs_test = unittest.make(_configs_test_impl)

_INDEX = {"manifests": [
    _descriptor("x", platform = {"architecture": "amd64", "os": "linux"}),
    _descriptor("x", platform = {"architecture": "arm64", "os": "linux", "variant": "v8"}),
    _descriptor("x", annotations = {"vnd.docker.reference.type": "attestation-manifest"}, platform = {"architecture": "unknown", "os": "unknown"}),
    _descriptor("x", platform = {"architecture": "unknown", "os": "unknown"}),
]}

def _index_test_impl(ctx):
    env = unittest.begin(ctx)
    entries = index_entries(_INDEX)
    for platforms, expected in [
        ([], ["linux/amd64", "linux/arm64/v8"]),
        (["linux/arm64", "linux/amd64"], ["linux/amd64", "linux/arm64/v8"]),
        (["linux/arm64/v8"], ["linux/arm64/v8"]),
        (["linux/amd64/v1"], ["linux/amd64"]),
    ]:
        found, error = wanted_entries(entries, platforms)
        asserts.equals(env, None, error)
        asserts.equals(env, expected, [platform_text(entry.platform) for entry in found])
    _, error = wanted_entries(entries[:2], ["linux/s390x"])
    asserts.equals(
        env,
        "attribute `platforms`: its index has nothing for `linux/s390x`: there is `linux/amd64`, `linux/arm64/v8`",
        error,
    )
    _, error = wanted_entries(entries, ["amd64"])
    asserts.equals(env, "attribute `platforms`: `amd64`: expected one like `linux/amd64` or `linux/arm64/v8`", error)
    return unittest.end(env)

_index_test = unittest.make(_index_test_impl)

def pull_value_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    unittest.suite(name, _values_test, _manifests_test, _configs_test, _index_test)
