#!/usr/bin/env bash
# Prove the first two commands of a new user on a machine that has nothing: a fresh Debian 12 with python3, make
# and certificates only, made in a temporary folder and thrown away.
#   tests/fresh.sh           make install, make check
#   tests/fresh.sh up down   these targets instead
# Needs root and mmdebstrap.  What is committed is tested, not what lies in the working tree.  How this machine
# reaches its package indexes (apt's sources, pip's configuration, certificates) is carried over.
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(install check)

[ "$(id -u)" = 0 ] || { echo "fresh: only root can make a new root" >&2; exit 2; }
command -v mmdebstrap >/dev/null || { echo "fresh: install mmdebstrap first" >&2; exit 2; }

if [ "${FRESH_INSIDE:-}" != yes ]; then
    # A mount namespace of our own: whatever happens, no mount stays behind.
    FRESH_INSIDE=yes exec unshare --mount --pid --fork --kill-child -- "$0" "$@"
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/welkin-fresh.XXXXXX")
chmod 755 "$root"
remove() { # never through a mount: /dev is this machine's own
    for mounted in "$root/proc" "$root/dev"; do
        ! mountpoint --quiet "$mounted" || umount --recursive --lazy "$mounted"
    done
    rm -rf --one-file-system "$root"
}
trap remove EXIT

sources=$(ls /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
echo "fresh: a Debian 12 in $root"
mmdebstrap --quiet --variant=minbase --include=python3,make,ca-certificates bookworm "$root" "$sources"

# Indexes, certificates and names, as this machine has them.
grep -lsi '^acquire' /etc/apt/apt.conf.d/* | xargs -r cp -t "$root/etc/apt/apt.conf.d"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for file in /etc/pip.conf ~/.config/pip/pip.conf ~/.pip/pip.conf; do
    [ ! -f "$file" ] || install -D -m 600 "$file" "$root$file"
done
# Nothing that is installed in there may start a service: it would run on this machine.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

git clone --quiet --no-hardlinks "$repo" "$root/root/welkin"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
for target in "${targets[@]}"; do
    echo "fresh: make $target"
    start=$SECONDS
    env --unset=VIRTUAL_ENV --unset=PYTHONPATH --unset=FRESH_INSIDE PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        chroot "$root" make -C /root/welkin "$target"
    echo "fresh: make $target took $((SECONDS - start)) s"
done
