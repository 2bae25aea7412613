#!/usr/bin/env bash
# Sets the development root up and prints its path.
#
# The root is a Debian system in one folder of the cache: it has a current
# Bazel, Rust and Docker, and nothing on the machine itself changes. This runs
# before there is any toolchain, so it needs only what a minimal Debian has
# (bash, coreutils, util-linux, apt, dpkg, gpgv) and the right to mount.
#
# A finished root is never changed: its folder is named after the hash of what
# went into it. An interrupted set-up leaves a `*.partial` folder that the next
# one removes; the packages it had downloaded are kept.
#
# shellcheck disable=SC2016 # backticks in messages quote a value
set -euo pipefail
# shellcheck source=cache.sh
source "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# forky is what becomes the next stable release. Should it lose a package
# for a while, as testing suites do, sid has it.
readonly suites=(forky sid)
# Raised when the steps below make another root from the same packages.
readonly recipe=1
readonly mirror=${STEVEDORE_DEV_MIRROR:-http://deb.debian.org/debian}
readonly certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
readonly downloads=$stevedore_cache/downloads
readonly log=$stevedore_cache/root.log

packages() {
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$stevedore_lib/packages"
}

# Everything that a root is made from. The certificates are part of it since a
# machine behind a proxy of its own downloads nothing without them.
fingerprint() {
  {
    packages
    printf '%s\n' "$recipe" "$mirror"
    if [[ -r $certificates ]]; then cat "$certificates"; fi
  } | sha256sum | cut -c1-12
}

# Puts debootstrap, and what it needs, on PATH without installing anything:
# apt works out what this machine lacks, and the packages are only unpacked.
provide_debootstrap() {
  if command -v debootstrap wget >/dev/null; then return; fi
  if ! command -v apt-get >/dev/null; then
    die "no \`debootstrap\` on PATH, and no \`apt-get\` to fetch it with: install debootstrap"
  fi
  local unpacked=$downloads/debootstrap
  if [[ ! -e $unpacked/complete ]]; then
    local apt=$downloads/apt
    rm -rf "$unpacked"
    mkdir -p "$unpacked" "$apt/lists/partial" "$apt/archives/partial"
    local options=(
      -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt"
      -o "Dir::Cache::archives=$apt/archives" -o Debug::NoLocking=true
      -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root
    )
    apt-get "${options[@]}" update
    apt-get "${options[@]}" --yes --no-install-recommends --download-only install debootstrap wget
    local deb
    for deb in "$apt"/archives/*.deb; do
      dpkg-deb --extract "$deb" "$unpacked"
    done
    touch "$unpacked/complete"
  fi
  local triple
  triple=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>&1) || triple=$(uname -m)-linux-gnu
  export PATH=$unpacked/usr/sbin:$unpacked/usr/bin:$unpacked/sbin:$unpacked/bin:$PATH
  export LD_LIBRARY_PATH=$unpacked/usr/lib/$triple:$unpacked/lib/$triple
  export DEBOOTSTRAP_DIR=$unpacked/usr/share/debootstrap
}

# The base system. A debootstrap that is older than the suite has no script for
# it; the one for sid fits every later suite too.
bootstrap() {
  local suite=$1 root=$2
  local scripts=${DEBOOTSTRAP_DIR:-/usr/share/debootstrap}/scripts script=()
  if [[ ! -e $scripts/$suite ]]; then script=("$scripts/sid"); fi
  mkdir -p "$downloads/base"
  # In a mount namespace of its own: whatever debootstrap mounts goes with it.
  unshare --mount --propagation private \
    debootstrap --variant=minbase --cache-dir="$downloads/base" "$suite" "$root" "$mirror" "${script[@]}"
}

# Files that have to be there before the packages are installed.
configure() {
  local root=$1
  cat >"$root/etc/apt/apt.conf.d/90stevedore" <<'CONF'
// A mirror may lag behind the few days that a testing suite's index is valid.
Acquire::Check-Valid-Until "false";
Acquire::Retries "3";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
CONF
  # The machine's own are bound over these. Removing one later would take it
  # from every process inside, so they are plain files from the start.
  rm -f "$root/etc/hosts" "$root/etc/resolv.conf"
  touch "$root/etc/hosts" "$root/etc/resolv.conf"
  # 101 is "not allowed": no package starts a daemon.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 0755 "$root/usr/sbin/policy-rc.d"
  # What this machine trusts, the root trusts. Both the bundle that most
  # programs read and the key store of Java (so Bazel's) are made from these.
  if [[ -r $certificates ]]; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    awk -v folder="$root/usr/local/share/ca-certificates" '
      /-----BEGIN CERTIFICATE-----/ { file = sprintf("%s/machine-%03d.crt", folder, ++count) }
      file { print > file }
      /-----END CERTIFICATE-----/ { close(file); file = "" }' "$certificates"
  fi
  printf '%s\n' "${root%.partial}" >"$root$stevedore_inside"
}

# Names the packages that the suite does not have, if that is what failed.
name_missing() {
  local root=$1 suite=$2 package
  for package in $(packages); do
    if [[ -z $("$stevedore_lib/enter.sh" "$root" apt-cache show --no-all-versions "$package") ]]; then
      printf 'caused by: `%s` has no package `%s`\n' "$suite" "$package"
    fi
  done
}

install_packages() {
  local suite=$1 root=$2
  local enter=("$stevedore_lib/enter.sh" "$root")
  mkdir -p "$downloads/packages/partial"
  local options=(
    -o "Dir::Cache::archives=$downloads/packages" -o APT::Sandbox::User=root
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io
  )
  "${enter[@]}" apt-get "${options[@]}" update || return
  # shellcheck disable=SC2046 # one word a package
  if ! "${enter[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get "${options[@]}" --yes install $(packages); then
    name_missing "$root" "$suite"
    return 1
  fi
  "${enter[@]}" update-ca-certificates
}

build() {
  local suite=$1 partial=$2
  rm -rf --one-file-system "$partial"
  bootstrap "$suite" "$partial" &&
    configure "$partial" &&
    install_packages "$suite" "$partial"
}

# Whether a process has the folder as its root.
is_in_use() {
  local process_root
  for process_root in /proc/[0-9]*/root; do
    if [[ $process_root -ef $1 ]]; then return 0; fi
  done
  return 1
}

# Ends the Bazel servers of roots that are no longer current, and removes those
# roots; one in which something else runs, such as an engine, stays for now.
remove_outdated() {
  local current=$1 old pid_file
  for old in "$stevedore_cache"/root-*; do
    if [[ ! -d $old || $old == "$current" ]]; then continue; fi
    for pid_file in "$stevedore_cache/bazel/${old##*/}"/*/server/server.pid.txt; do
      if [[ -r $pid_file && /proc/$(<"$pid_file")/root -ef $old ]]; then kill "$(<"$pid_file")"; fi
    done
    local tries=50
    while is_in_use "$old" && ((tries-- > 0)); do sleep 0.1; done
    if ((tries >= 0)); then
      rm -rf --one-file-system "$old" "$stevedore_cache/bazel/${old##*/}"
    fi
  done
}

main() {
  if [[ -e $stevedore_inside ]]; then
    cat "$stevedore_inside"
    return
  fi
  local root
  root=$stevedore_cache/root-$(fingerprint)
  if [[ ! -d $root ]]; then
    if [[ $EUID != 0 ]]; then
      die "making the development root in \`$stevedore_cache\` needs the right to mount: run this as root, or put a \`bazelisk\` on PATH and use that"
    fi
    mkdir -p "$downloads"
    # One set-up at a time; whoever waited finds the root done.
    exec 9>"$stevedore_cache/root.lock"
    if ! flock --nonblock 9; then
      printf 'waiting for another set-up of %s\n' "$stevedore_cache" >&2
      flock 9
    fi
  fi
  if [[ ! -d $root ]]; then
    printf 'setting up a Debian root with Bazel, Rust and Docker: about 3 minutes, 3 GB in %s\n' "$stevedore_cache" >&2
    provide_debootstrap >"$log" 2>&1 || die "could not get debootstrap; see \`$log\`" "$(tail -n 1 "$log")"
    local suite done=
    for suite in "${suites[@]}"; do
      # 9>&-: nothing that outlives the set-up may hold its lock.
      if build "$suite" "$root.partial" >>"$log" 2>&1 9>&-; then
        done=1
        break
      fi
      printf 'warning: no root from the suite `%s`: %s\n' "$suite" \
        "$(grep -E '^(E:|caused by:)' "$log" | tail -n 3)" >&2
    done
    if [[ -z $done ]]; then
      die "could not set up \`$root\` from ${suites[*]}; the whole log is \`$log\`" "$(tail -n 1 "$log")"
    fi
    mv "$root.partial" "$root"
    remove_outdated "$root"
  fi
  printf '%s\n' "$root"
}

main
