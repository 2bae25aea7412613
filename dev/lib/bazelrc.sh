#!/usr/bin/env bash
# Usage: bazelrc.sh ROOT
#
# Prints what Bazel needs to know inside the development root: the modules that
# a user gets from the Bazel Central Registry come from Debian's packages, and
# outputs are kept in the cache.
set -euo pipefail
# shellcheck source=cache.sh
source "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

root_name=${1##*/}
packaged=/usr/share/bazel

cat <<RC
# Written by dev/lib/bazelrc.sh.
startup --output_user_root=$stevedore_cache/bazel/$root_name
# A server is a daemon, and a large one.
startup --max_idle_secs=900

# The registry holds nothing, so that a missing module is an error at once.
common --registry=file://$stevedore_lib/registry
common --lockfile_mode=off
import $stevedore_lib/incompatible.bazelrc
# No WORKSPACE: its built-in part downloads rules_cc.
common --noenable_workspace

# An override of a module that is not in the graph is an error, so this follows
# MODULE.bazel; Debian's own /etc/bazel/bazelrc has the modules that
# are in every graph.
common --override_module=rules_rust=$packaged/rules/rust
RC
for module in "$stevedore_lib"/modules/*/; do
  module=${module%/}
  printf 'common --override_module=%s=%s\n' "${module##*/}" "$module"
done

cat <<RC

# Debian's Rust and Python, before any that rules_rust or rules_python would download.
common --extra_toolchains=@@apple_support+//:all
common --extra_toolchains=@@apple_support+//python:toolchain

# Shared by every clone, so that a fresh one is warm.
common --repository_cache=$stevedore_cache/bazel/repositories
common --disk_cache=$stevedore_cache/bazel/disk
common --experimental_disk_cache_gc_max_size=10G

# A sandbox that cannot be had is an error; the other is for what is tagged no-sandbox.
build --spawn_strategy=linux-sandbox,local
build --incompatible_sandbox_hermetic_tmp
# Debian turns this on, and it prints every sandbox command.
build --nosandbox_debug
# Bazel's own downloads of a Java toolchain: the root has one.
build --java_runtime_version=local_jdk
build --tool_java_runtime_version=local_jdk
RC

# What one workspace alone needs.
own=$stevedore_lib/workspaces/$(basename "$PWD").bazelrc
if [[ -e $own ]]; then printf 'import %s\n' "$own"; fi
