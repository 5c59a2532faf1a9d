# Which targets the library checks for, of those whose standard library is here. Sourced by weight.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # programs.sh assigns where the programs are

weigh_targets() {
    printf '\n%s\n' "targets, by cargo check"
    # ring brings C: to check with it takes a C compiler for the target, and the host's own does for musl.
    target x86_64-unknown-linux-musl cc "default features"
    target aarch64-unknown-linux-gnu aarch64-linux-gnu-gcc "default features"
    target aarch64-unknown-linux-gnu "" "without tls" --no-default-features --features client
    target wasm32-unknown-unknown "" "core" --no-default-features
}

# target TRIPLE C-COMPILER NAME ARGUMENT...; a compiler of "" is none.
target() {
    local triple=$1 compiler=$2 name="$1, $3" libraries log=$programs/check.log
    shift 3
    libraries=$(rustc --print target-libdir --target "$triple")
    if [ ! -d "$libraries" ]; then
        echo "$name: could not be had: rustup target add $triple"
    elif [ -n "$compiler" ] && ! command -v "$compiler" >/dev/null; then
        echo "$name: could not be had: there is no $compiler"
    elif env "CC_${triple//-/_}=$compiler" CARGO_TARGET_DIR="$programs/checked" \
        cargo check --locked --quiet --target "$triple" "$@" 2>"$log"; then
        echo "$name: checks"
    else
        echo "$name: FAILS"
        cat "$log"
        over+=("$name does not check")
    fi
}
