#!/usr/bin/env bash
# Bring this machine and .venv to what the locks say; when they are there already, do nothing, fast.
#   scripts/install.sh run    the system packages and what Welkin needs to run
#   scripts/install.sh dev    what its developers need as well, but no system packages
#   scripts/install.sh test   both, and a database server
#   scripts/install.sh contract   both, and the system packages that only the long tests need
# Root is needed only while a system package is missing.  Python packages come from the index that pip is
# configured for, and are accepted only with the hashes in requirements/.
set -eu
cd "$(dirname "$0")/.."
mode=$1
python=${PYTHON:-python3}
log=.install.log

say() { echo "install: $*"; }

fail() {
    echo "install: $*" >&2
    exit 1
}

quietly() { # runs a command, and shows what it printed only if it failed
    # Without the lock's descriptor: a service that a package starts would hold it for ever.
    "$@" >"$log" 2>&1 9<&- || { tail -n 30 "$log" >&2; fail "failed: $*"; }
    rm -f "$log"
}

missing() { # prints the Debian packages among the arguments that are not installed
    dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
        awk -v wanted="$*" '$1 ~ /^.i$/ { have[$2] = 1 }
            END { n = split(wanted, names, " "); for (i = 1; i <= n; i++) if (!have[names[i]]) print names[i] }'
}

apt_install() {
    command -v apt-get >/dev/null || fail "this machine has no apt-get; install these yourself: $*"
    [ "$(id -u)" = 0 ] || fail "these system packages are missing, and only root may install them: $*"
    say "system packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update
    quietly apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

install_system() { # a file, and the name of the list of packages in it
    packages=$1
    [ -f "$packages" ] || return 0
    list=.venv/.packages-$2
    if [ ! -s "$list" ] || [ "$packages" -nt "$list" ]; then
        .venv/bin/python -c 'import runpy, sys; print(*runpy.run_path(sys.argv[1])[sys.argv[2]])' "$@" >"$list"
    fi
    read -r -a wanted <"$list"
    mapfile -t absent < <(missing "${wanted[@]}")
    [ ${#absent[@]} = 0 ] || apt_install "${absent[@]}"
}

install_for_guests() { install_system src/welkin/tools/packages.py SYSTEM_PACKAGES; }

make_venv() {
    [ ! -x .venv/bin/python ] || return 0
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Welkin needs Python 3.11 or newer"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    say "virtual environment: .venv"
    quietly "$python" -m venv --clear .venv
}

install_python() { # run or dev; the latter holds the former
    lock=requirements/$1.txt
    stamp=.venv/.installed-$1
    key=$(sha256sum "$lock" pyproject.toml)
    [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$key" ] || return 0
    say "Python packages: $lock"
    quietly .venv/bin/python -m pip install --no-input --disable-pip-version-check --require-hashes -r "$lock"
    quietly .venv/bin/python -m pip install --no-input --disable-pip-version-check --no-index --no-deps \
        --no-build-isolation --editable .
    echo "$key" >"$stamp"
}

# One at a time: two `make` in one checkout would write the same environment.
exec 9<Makefile
flock 9
make_venv
case $mode in
run)
    install_for_guests
    install_python run
    ;;
dev)
    install_python dev
    ;;
test)
    install_for_guests
    install_system tests/packages.py DATABASE_PACKAGES
    install_python dev
    ;;
contract)
    install_for_guests
    install_system tests/packages.py TEST_PACKAGES
    install_python dev
    ;;
*) fail "what to install? run, dev, test or contract" ;;
esac
