# What is left in a program of what it does not use, with LTO: bytes of symbols by their names. Sourced by weight.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # programs.sh assigns where the programs are

weigh_symbols() {
    heading "bytes of symbols with LTO"
    local name
    for name in config plain store; do
        (export CARGO_PROFILE_RELEASE_LTO=true CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 && build "$name" linked)
    done
    figure "all of a program that reads a configuration" "$(bytes config .)" -
    figure "in it: tokio, hyper" "$(bytes config 'tokio|hyper')" 0
    figure "in it: TLS" "$(bytes config "$tls_names")" 0
    figure "in it: signing, presigning" "$(bytes config 's3lite::sign|sha2::|hmac::')" 0
    figure "in it: listing, XML" "$(bytes config "$listing_names|quick_xml")" 0
    figure "all of a program that puts and gets over plain http" "$(bytes plain .)" -
    figure "in it: TLS" "$(bytes plain "$tls_names")" 0
    figure "all of a program that puts and gets over TLS" "$(bytes store .)" -
    figure "in it: presigning" "$(bytes store '[Pp]resign')" 0
    figure "in it: listing" "$(bytes store "$listing_names")" 0
}

# Not the "ring::" of "String::".
tls_names='rustls|ring_core|webpki|(^|[^a-zA-Z_])ring::'
listing_names='list_objects_v2|ListObjectsV2|ListingPage|ListedObject|client::pages'

# bytes PROGRAM NAMES: the last field but the name is the size, in hexadecimal.
bytes() {
    local sum=0 size
    while read -r size; do
        sum=$((sum + 16#$size))
    done < <(nm --demangle --print-size --defined-only "$programs/linked/release/$1" |
        awk -v names="$2" '$2 ~ /^[0-9a-f]+$/ && $3 ~ /^[a-zA-Z]$/ { name = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", name); if (name ~ names) print $2 }')
    echo "$sum"
}
