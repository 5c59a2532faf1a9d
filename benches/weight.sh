#!/usr/bin/env bash
# What s3lite weighs: packages, build time, size, what is left of unused features, and which targets it builds for.
#
#   benches/weight.sh                   the whole table; it builds four programs from nothing, some minutes
#   benches/weight.sh --packages-only   the packages alone, about a second
#   benches/weight.sh --check ...       fails if a figure is over its bound
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

# The bounds. They are targets that were set, not what was measured: they are not raised to fit.
export MOST_PACKAGES=62     # by default, and with the fewest features for put and get over TLS; the library included
export MOST_CORE_PACKAGES=30
export MOST_BUILD_TIME=1.35 # times a program on raw hyper and rustls
export MOST_SIZE_ABOVE=700  # KiB above that program
# Build scripts that are accepted beside those of the TLS provider: hyper has httparse, which asks for the compiler's version.
export ACCEPTED_BUILD_SCRIPTS="httparse"

over=()
check=false packages_only=false
for argument in "$@"; do
    case $argument in
        --check) check=true ;;
        --packages-only) packages_only=true ;;
        *)
            echo "usage: benches/weight.sh [--check] [--packages-only]" >&2
            exit 2
            ;;
    esac
done

# figure NAME MEASURED BOUND: prints a figure and notes if it is over; a bound of "-" is none.
figure() {
    local verdict=""
    if [ "$3" != - ] && awk -v measured="$2" -v bound="$3" 'BEGIN { exit !(measured > bound) }'; then
        verdict="  OVER"
        over+=("$1: $2, at most $3")
    fi
    printf '%-58s %10s %10s%s\n' "$1" "$2" "$3" "$verdict"
}

# none NAME WORDS: a figure that should be none. No pipe leads here: what a subshell notes is lost.
none() {
    local name=$1 found
    found=$(xargs <<<"$2") # one line, without blanks around
    if [ -z "$found" ]; then
        figure "$name" 0 0
    else
        figure "$name ($found)" "$(wc -w <<<"$found")" 0
    fi
}

heading() { printf '\n%-58s %10s %10s\n' "$1" measured "at most"; }

# shellcheck source=benches/weight/packages.sh
source benches/weight/packages.sh
# shellcheck source=benches/weight/programs.sh
source benches/weight/programs.sh
# shellcheck source=benches/weight/symbols.sh
source benches/weight/symbols.sh
# shellcheck source=benches/weight/targets.sh
source benches/weight/targets.sh

weigh_packages
if ! $packages_only; then
    trap remove_programs EXIT
    make_programs
    weigh_builds
    weigh_sizes
    weigh_symbols
    weigh_targets
fi

if [ ${#over[@]} -gt 0 ]; then
    printf '\nover the bound:\n' >&2
    printf '  %s\n' "${over[@]}" >&2
    if $check; then exit 1; fi
fi
