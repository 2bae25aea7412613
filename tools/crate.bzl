"""The crates of the Cargo workspace as Bazel targets, laid out as Cargo lays them out."""

load("@rules_rust//rust:defs.bzl", "rust_binary", "rust_library", "rust_test")
load("@stevedore_crates//:defs.bzl", "all_crate_deps")

visibility(["//tools/..."])

_EDITION = "2021"

# As `version` in tools/Cargo.toml.
_VERSION = "0.1.0"

def _unit_test(name, *, crate, dev_deps, data, tags):
    """The tests within a crate."""
    rust_test(
        name = name + "_test",
        size = "small",
        # What tests read beside the sources is there under Cargo too.
        data = data + native.glob(["testdata/**"], allow_empty = True),
        crate = crate,
        edition = _EDITION,
        proc_macro_deps = all_crate_deps(proc_macro_dev = True),
        tags = tags,
        version = _VERSION,
        deps = all_crate_deps(normal_dev = True) + dev_deps,
    )

def _integration_tests(name, *, crate_deps, dev_deps, data, rustc_env, tags):
    """One target for each file in a crate's tests/ folder."""
    external = all_crate_deps(normal = True, normal_dev = True)
    external_macros = all_crate_deps(proc_macro = True, proc_macro_dev = True)

    # Modules that integration tests share are in folders, as Cargo wants it.
    shared = native.glob(["tests/*/**/*.rs"], allow_empty = True)
    for test in native.glob(["tests/*.rs"], allow_empty = True):
        stem = test.removeprefix("tests/").removesuffix(".rs")
        rust_test(
            name = "{}_{}_test".format(name, stem),
            size = "small",
            srcs = [test] + shared,
            data = data + native.glob(["testdata/**"], allow_empty = True),
            crate_name = stem + "_test",
            crate_root = test,
            edition = _EDITION,
            proc_macro_deps = external_macros,
            rustc_env = rustc_env,
            tags = tags,
            version = _VERSION,
            deps = external + crate_deps + dev_deps,
        )

def crate_library(name, *, deps = [], dev_deps = [], has_binary = False, testonly = False, visibility = ["//tools:__subpackages__"]):
    """A library crate with its tests.

    Args:
        name: Name of the target and of the folder; the crate is `stevedore_` and this.
        deps: Crates of this workspace that it depends on; those of others are read from its manifest.
        dev_deps: Crates of this workspace that only its tests depend on.
        has_binary: Whether its folder has a binary too, whose tests those in tests/ are then.
        testonly: Whether it is for tests alone.
        visibility: Who may depend on it.
    """
    rust_library(
        name = name,
        testonly = testonly,
        srcs = native.glob(["src/**/*.rs"]),
        crate_name = "stevedore_" + name,
        edition = _EDITION,
        proc_macro_deps = all_crate_deps(proc_macro = True),
        version = _VERSION,
        visibility = visibility,
        deps = all_crate_deps(normal = True) + deps,
    )
    _unit_test(
        name,
        crate = ":" + name,
        dev_deps = dev_deps,
        data = [],
        tags = [],
    )
    if not has_binary:
        _integration_tests(
            name,
            crate_deps = deps + [":" + name],
            dev_deps = dev_deps,
            data = [],
            rustc_env = {},
            tags = [],
        )

def crate_binary(name, *, deps = [], dev_deps = [], rustc_flags = [], target_compatible_with = [], test_tags = [], testonly = False, visibility = ["//visibility:private"]):
    """A binary crate with its tests.

    Args:
        name: Name of the target and of the program.
        deps: Crates of this workspace that it depends on; those of others are read from its manifest.
        dev_deps: Crates of this workspace that only its tests depend on.
        rustc_flags: Flags for its own compilation and link.
        target_compatible_with: What it runs on, if not on everything.
        test_tags: Tags of its tests.
        testonly: Whether it is for tests alone.
        visibility: Who may depend on it.
    """
    rust_binary(
        name = name,
        testonly = testonly,
        srcs = native.glob(["src/**/*.rs"]),
        crate_name = name.replace("-", "_"),
        crate_root = "src/main.rs",
        edition = _EDITION,
        proc_macro_deps = all_crate_deps(proc_macro = True),
        rustc_flags = rustc_flags,
        target_compatible_with = target_compatible_with,
        version = _VERSION,
        visibility = visibility,
        deps = all_crate_deps(normal = True) + deps,
    )
    _unit_test(
        name.replace("-", "_"),
        crate = ":" + name,
        dev_deps = dev_deps,
        data = [":" + name],
        tags = test_tags,
    )
    _integration_tests(
        name.replace("-", "_"),
        crate_deps = deps,
        dev_deps = dev_deps,
        data = [":" + name],
        # Cargo names the program to be tested in this way.
        tags = test_tags,
        rustc_env = {"CARGO_BIN_EXE_" + name: "$(rootpath :{})".format(name)},
    )
