# Where the development environment keeps what it downloads and builds.
# Sourced by the other scripts; it sets variables and changes nothing.
# shellcheck shell=bash disable=SC2034 # the variables are for those scripts

stevedore_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
stevedore_repo=$(cd "$stevedore_lib/../.." && pwd -P)
export HOME=${HOME:-/root}
stevedore_cache=${STEVEDORE_DEV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rules_stevedore}
# Cargo's outputs. Clones share them; those that are worked on at the same time
# want a folder each.
stevedore_target=${STEVEDORE_DEV_TARGET:-$stevedore_cache/target}

# Present only inside the development root; names its path on the machine.
stevedore_inside=/etc/stevedore-dev-root

die() {
  printf 'error: %s\n' "$1" >&2
  shift
  for cause in "$@"; do
    printf 'caused by: %s\n' "$cause" >&2
  done
  exit 1
}
