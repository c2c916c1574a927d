# Sourced by the scripts: counting, timing, and what a machine may lack.
# shellcheck shell=bash

passed=0
failed=0

say() { printf '\n== %s\n' "$*"; }

# step NAME COMMAND...: one check; says how long it took and counts it.
step() {
    local name=$1 begun=$SECONDS
    shift
    say "$name"
    if "$@"; then
        passed=$((passed + 1))
        echo "-- ok: $name ($((SECONDS - begun)) s)"
    else
        failed=$((failed + 1))
        echo "-- FAILED: $name ($((SECONDS - begun)) s)"
    fi
}

# tests NAME COMMAND...: a run of tests, whose summaries are counted. A run that fails without a
# failed test (it did not compile) is one failure. The caller names a file for them in `log`.
tests() {
    local name=$1 status=0 ran bad
    shift
    say "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    ran=$(count 'passed')
    bad=$(($(count 'failed') + $(count 'timed out')))
    if ((status != 0 && bad == 0)); then bad=1; fi
    passed=$((passed + ran))
    failed=$((failed + bad))
}

# Adds up the numbers before a word in the summaries of both runners: `test result: ok. 3 passed; 0 failed`
# and `Summary [0.1s] 3 tests run: 3 passed (1 slow), 0 skipped`.
count() {
    sed 's/\x1b\[[0-9;]*m//g' "$log" |
        grep -E '^test result:|^ *Summary \[' |
        grep -oE "[0-9]+ $1" |
        awk '{ sum += $1 } END { print sum + 0 }' || true
}

# The last line of a script, and its status.
finish() {
    echo
    echo "$passed passed, $failed failed"
    ((failed == 0))
}

# need COMMAND [PACKAGE]: installs what is missing, where that is possible.
need() {
    local command=$1 package=${2:-$1}
    command -v "$command" >/dev/null && return
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        say "installing $package"
        apt-get install -y -qq "$package" >/dev/null ||
            { apt-get update -qq && apt-get install -y -qq "$package" >/dev/null; }
    else
        echo "$command is missing: install it, or run this as root on a system with apt-get" >&2
        return 1
    fi
}

need_rust() {
    command -v cargo >/dev/null || {
        echo "cargo is missing: see https://rustup.rs" >&2
        return 1
    }
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
}
