# Packages of a build of the library: each name and version once, the library included. Sourced by weight.sh.
# shellcheck shell=bash

weigh_packages() {
    heading "packages"
    figure "by default" "$(packages | wc -l)" "$MOST_PACKAGES"
    figure "put and get over TLS, the fewest features" "$(packages --no-default-features --features tls | wc -l)" "$MOST_PACKAGES"
    figure "put and get over plain http" "$(packages --no-default-features --features client | wc -l)" -
    figure "core" "$(packages --no-default-features | wc -l)" "$MOST_CORE_PACKAGES"
    none "in two versions" "$(packages --all-features | awk '{ print $1 }' | uniq -d)"
    none "proc macros" "$(proc_macros)"
    none "build scripts beside the TLS provider's" "$(foreign_build_scripts)"
}

packages() { cargo tree --locked -e normal --prefix none "$@" | awk '{ print $1, $2 }' | sort -u; }

proc_macros() { cargo tree --locked -e normal --prefix none --all-features | awk '/\(proc-macro\)/ { print $1 }' | sort -u; }

# Names of packages of the library that have a build script, but for those below rustls and the accepted ones.
foreign_build_scripts() {
    local ours scripts providers
    ours=$(packages --all-features | awk '{ print $1 }' | sort -u)
    scripts=$(build_scripts)
    providers=$(cargo tree --locked -e normal --prefix none -p rustls | awk '{ print $1 }')
    comm -12 <(echo "$ours") <(echo "$scripts") |
        grep -vxF -e "$providers" -e "${ACCEPTED_BUILD_SCRIPTS// /$'\n'}" || true
}

# One line for each package of the metadata, so that no JSON reader is needed.
build_scripts() {
    cargo metadata --locked --format-version 1 |
        sed 's/{"name":"[^"]*","version":"[^"]*","id":/\n&/g' |
        awk -F'"' '/"kind":\["custom-build"\]/ { print $4 }' | sort -u
}
