# Small programs on the library and on its floor: how long they take to build, and how large they are. Sourced by weight.sh.
# shellcheck shell=bash

# Makes the programs outside the repository, with the versions that its lock file names, and fetches what they need.
make_programs() {
    programs=$(mktemp -d)
    local here='path = "'$PWD'", default-features = false'
    local tokio='tokio = { version = "1", features = ["net", "rt", "time"] }'
    program store "s3lite = { $here, features = [\"tls\"] }" "$tokio"
    program plain "s3lite = { $here, features = [\"client\"] }" "$tokio"
    program config "s3lite = { $here }"
    program floor 'hyper = { version = "1", features = ["client", "http1"] }' \
        'hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }' \
        'hyper-rustls = { version = "0.27", default-features = false, features = ["http1", "native-tokio", "ring", "tls12"] }' \
        'rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }' "$tokio"
}

remove_programs() { rm -rf "${programs:-}"; }

# program NAME DEPENDENCY...
program() {
    local directory=$programs/$1 source=$1.rs
    mkdir -p "$directory/src"
    # The same program over plain http: its endpoint is an argument.
    [ "$1" != plain ] || source=store.rs
    cp "benches/weight/$source" "$directory/src/main.rs"
    cp Cargo.lock "$directory/Cargo.lock"
    {
        printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n[dependencies]\n' "$1"
        shift
        printf '%s\n' "$@"
    } >"$directory/Cargo.toml"
    (cd "$directory" && cargo fetch --quiet)
}

# build NAME TARGET-DIRECTORY: prints nothing but what is wrong.
build() { (cd "$programs/$1" && CARGO_TARGET_DIR=$programs/$2 cargo build --quiet --release -j 2); }

# Builds from nothing: wall time, and CPU time of all processes, in seconds.
build_times() {
    local TIMEFORMAT='%R %U %S'
    rm -rf "${programs:?}/$1-clean"
    { time build "$1" "$1-clean"; } 2>&1 | awk '{ print $1, $2 + $3 }'
}

# The programs take turns: what disturbs the machine should meet both. The shortest of two is least disturbed.
weigh_builds() {
    heading "clean release build, two cores, the shorter of two"
    local floor="" store=""
    for _ in first second; do
        floor=$(smaller "$floor" "$(build_times floor)") store=$(smaller "$store" "$(build_times store)")
    done
    figure "raw hyper + rustls, s" "${floor% *}" -
    figure "s3lite, s" "${store% *}" -
    figure "times the floor" "$(ratio "${store% *}" "${floor% *}")" "$MOST_BUILD_TIME"
    figure "times the floor in CPU time" "$(ratio "${store#* }" "${floor#* }")" -
}

# smaller "WALL CPU" "WALL CPU": the smaller of each; the first may be nothing yet.
smaller() {
    awk -v one="${1:-$2}" -v other="$2" 'BEGIN { split(one, a); split(other, b)
        print (a[1] < b[1] ? a[1] : b[1]), (a[2] < b[2] ? a[2] : b[2]) }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

weigh_sizes() {
    heading "size, stripped"
    size_rows "opt-level 3" CARGO_PROFILE_RELEASE_STRIP=true
    size_rows "opt-level z, LTO" CARGO_PROFILE_RELEASE_STRIP=true CARGO_PROFILE_RELEASE_OPT_LEVEL=z CARGO_PROFILE_RELEASE_LTO=true
}

# size_rows NAME SETTING...
size_rows() {
    local name=$1 floor store
    shift
    floor=$(size floor "$@") store=$(size store "$@")
    figure "raw hyper + rustls, KiB, $name" "$floor" -
    figure "s3lite, KiB, $name" "$store" -
    figure "above the floor, KiB, $name" $((store - floor)) "$MOST_SIZE_ABOVE"
}

# size NAME SETTING...: in KiB
size() {
    local name=$1
    shift
    (export "${@?}" && build "$name" sized)
    echo $(($(stat -c %s "$programs/sized/release/$name") / 1024))
}
