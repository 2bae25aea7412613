#!/usr/bin/env bash
# Usage: tool.sh VERB [ARGUMENT]…
#
# Builds `stevedore-dev`, the Rust program behind the commands in dev/, and
# runs it inside the development root.
set -euo pipefail
# shellcheck source=cache.sh
source "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

root=$("$stevedore_lib/root.sh")
"$stevedore_repo/dev/cargo" build --quiet --release --package stevedore_dev
exec "$stevedore_lib/enter.sh" "$root" env \
  STEVEDORE_WORKSPACE="$stevedore_repo" \
  STEVEDORE_DEV_CACHE="$stevedore_cache" \
  "$stevedore_target/release/stevedore-dev" "$@"
