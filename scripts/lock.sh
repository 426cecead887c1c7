#!/usr/bin/env bash
# Choose exact versions for every dependency and write them down with their hashes.
#   scripts/lock.sh            keep the versions that still fit, add what is missing
#   scripts/lock.sh --upgrade  take the newest versions
# No index is named in the result: whoever installs uses the index that pip is configured for.
set -eu
cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        --resolver=backtracking --output-file="$output" "$@"
    # A link into a local folder or a named index would tie the lock to one machine.
    if grep -nE '^(--|-[if] )|://|^ *# via .*file:' "$output"; then
        echo "lock: $output names a place to download from" >&2
        exit 1
    fi
    echo "lock: wrote $output"
}

compile requirements/run.txt --extra=build "$@" pyproject.toml
# The same version of a package in both: what is tested is what runs.
compile requirements/dev.txt --extra=build --extra=testing --extra=dev --constraint=requirements/run.txt "$@" pyproject.toml
# The judge of `make conformance`, in an environment of its own.
compile requirements/tempest.txt "$@" requirements/tempest.in
# What `make fuzz` makes requests with, likewise.
compile requirements/fuzz.txt "$@" requirements/fuzz.in
# The clients that `make test` and `make contract` drive, likewise.
compile requirements/openstackclient.txt "$@" requirements/openstackclient.in
