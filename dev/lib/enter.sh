#!/usr/bin/env bash
# Usage: enter.sh ROOT COMMAND [ARGUMENT]…
#
# Runs a command inside the root, in the same folder, on the same terminal and
# with the same standard input; its exit code is the command's own, since every
# step here replaces the process by the next.
#
# The root becomes `/` by pivot_root in a mount namespace, not by chroot: the
# kernel refuses user namespaces to a process in a chroot, and Bazel's
# linux-sandbox and rootless engines need them.
set -euo pipefail
# shellcheck source=cache.sh
source "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# A command in the root may call another that enters it.
if [[ -e $stevedore_inside ]]; then
  shift
  exec "$@"
fi

if [[ -z ${STEVEDORE_PIVOT:-} ]]; then
  if [[ $EUID != 0 ]]; then
    die "entering the development root \`$1\` needs the right to mount: run this as root"
  fi
  # Slave: what is mounted on the machine later is seen inside too, and a
  # server left running inside never keeps one of the machine's disks busy.
  STEVEDORE_PIVOT=1 exec unshare --mount --propagation slave "${BASH_SOURCE[0]}" "$@"
fi
unset STEVEDORE_PIVOT

root=$1
shift
folder=$PWD

# Binds a folder or file of the machine at its own path, unless a folder that
# is bound already holds it.
bound=()
bind() {
  local path=$1 outer
  if [[ ! -e $path || $path == / ]]; then return; fi
  for outer in "${bound[@]}"; do
    if [[ $path == "$outer" || $path == "$outer"/* ]]; then return; fi
  done
  if [[ -d $path ]]; then
    mkdir -p "$root$path"
  else
    mkdir -p "$root${path%/*}"
    touch "$root$path"
  fi
  mount --rbind "$path" "$root$path"
  bound+=("$path")
}

# The folders that may hold the cache (and so this root) come first, that no
# bind carries earlier ones along: Bazel's sandbox visits every mount.
bind /tmp
bind "$HOME"
bind "$stevedore_repo"
bind "$stevedore_cache"
bind "$folder"
if [[ -n ${TMPDIR:-} ]]; then bind "$TMPDIR"; fi
bind /dev
bind /proc
bind /sys
# Not all of /run: a package or dockerd inside must not find the machine's
# systemd. Its engine is welcome.
if [[ -S /run/docker.sock ]]; then bind /run/docker.sock; fi
for file in /etc/hosts /etc/resolv.conf; do
  # The file itself, which may be a link into the machine's /run.
  if [[ -e $file ]]; then mount --bind "$(readlink -f "$file")" "$root$file"; fi
done

mkdir -p "$root/.machine"
mount --rbind "$root" "$root"
cd "$root"
pivot_root . .machine
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umount --lazy /.machine
cd "$folder"

# These name folders of the machine's own toolchains.
unset CARGO_HOME CARGO_TARGET_DIR RUSTUP_HOME RUSTUP_TOOLCHAIN RUSTC RUSTC_WRAPPER JAVA_HOME
unset LD_LIBRARY_PATH LD_PRELOAD
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
exec "$@"
