#!/usr/bin/env bash
# What is released: the program, the Debian package, the list of what is in it.
#
#   dist.sh build          the program, static, in target/dist/release: the same bytes wherever it is built
#   dist.sh deb            the Debian package, in target/debian
#   dist.sh sbom           what the program is made of (CycloneDX), in target/sbom
#   dist.sh audit [WHAT…]  licenses, bans, sources and advisories of the dependencies (deny.toml)
#   dist.sh reproducible   builds twice, in different directories and with different caches, and compares
#
# Tools come from crates.io and are installed into target/tools, where they are missing.
set -euo pipefail
umask 022
cd "$(dirname "$(realpath "$0")")/.."
here=$PWD

say() { printf 'dist: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# tool NAME VERSION
tool() {
    local file=$here/target/tools/bin/$1
    if [ ! -x "$file" ]; then
        say "installing $1 $2"
        # Not this project's flags.
        env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$here/target/tools" "$1@$2" >&2 ||
            die "cargo install $1 failed: is there a network?"
    fi
    printf '%s\n' "$file"
}

# The C library to link: musl's, which has the program start sooner (docs/performance.md), for the processor of this
# machine; glibc's where this Rust has no musl and cannot get it.
target() {
    local host musl
    host=$(rustc -vV | sed -n 's/^host: //p')
    musl=${host%%-*}-unknown-linux-musl
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl/lib" ] ||
        timeout 120 rustup --quiet target add "$musl" >/dev/null 2>&1; then
        printf '%s\n' "$musl"
    else
        say "this Rust has no $musl (rustup target add), so glibc is linked; the program starts more slowly"
        printf '%s\n' "$host"
    fi
}

# One file that needs no library, so that none of a client's choosing can be put into it, at fixed addresses:
# docs/performance.md says what both are worth. The target is named so that the flags are not those of macros, which are
# libraries. The paths of this machine would stand in messages about panics.
build() {
    local target flags cargo_home=${CARGO_HOME:-$HOME/.cargo}
    target=$(target)
    flags='-C target-feature=+crt-static -C relocation-model=static'
    RUSTFLAGS="$flags --remap-path-prefix=$PWD=/usr/src/dockgate --remap-path-prefix=$cargo_home=/usr/src/cargo" \
        CARGO_TARGET_DIR=$PWD/target/dist cargo --quiet build --release --locked --bin dockgate --target "$target"
    install -D "target/dist/$target/release/dockgate" target/dist/release/dockgate
}

deb() {
    local cargo_deb
    cargo_deb=$(tool cargo-deb 3.8.0)
    build
    rm -rf target/package target/debian
    cargo xtask man target/package/man
    cargo xtask completions target/package/completions
    # Times in the package are those of the last commit.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) CARGO_TARGET_DIR=$here/target/dist \
        "$cargo_deb" --quiet --no-build --no-strip --output target/debian/ >/dev/null
    ls target/debian/*.deb
}

sbom() {
    local cyclonedx
    cyclonedx=$(tool cargo-cyclonedx 0.5.9)
    # It writes beside Cargo.toml, for every package of the workspace.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$cyclonedx" cyclonedx --quiet --format json --no-build-deps \
        --target "$(rustc -vV | sed -n 's/^host: //p')" --override-filename dockgate.cdx
    mkdir -p target/sbom
    # Where it was built says nothing about it.
    sed "s|file://$here|file:///usr/src/dockgate|" dockgate.cdx.json >target/sbom/dockgate.cdx.json
    rm dockgate.cdx.json xtask/dockgate.cdx.json
    ls target/sbom/*
}

audit() {
    local deny
    deny=$(tool cargo-deny 0.20.2)
    [ $# -gt 0 ] || set -- licenses bans sources advisories
    local what status=0
    # One by one: known holes come from github.com, the others from what is here.
    for what in "$@"; do
        "$deny" --locked --workspace check --hide-inclusion-graph "$what" || {
            say "$what: not passed"
            status=1
        }
    done
    return $status
}

reproducible() {
    local scratch sums
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$scratch'" EXIT
    for copy in first another/and/longer; do
        mkdir -p "$scratch/$copy/dockgate"
        git ls-files -z | tar --null --files-from=- -c | tar -C "$scratch/$copy/dockgate" -x
        say "building in $scratch/$copy"
        # A cache of its own is another path to the dependencies' sources.
        (
            export CARGO_HOME=$scratch/$copy/cargo
            cd "$scratch/$copy/dockgate"
            build
        )
    done
    sums=$(cd "$scratch" && sha256sum first/dockgate/target/dist/release/dockgate \
        another/and/longer/dockgate/target/dist/release/dockgate)
    printf '%s\n%s bytes\n' "$sums" "$(stat -c %s "$scratch/first/dockgate/target/dist/release/dockgate")"
    [ "$(cut -d' ' -f1 <<<"$sums" | sort -u | wc -l)" = 1 ] || die "the two differ"
    say "the two are the same"
}

case ${1-}:$# in
build:1 | deb:1 | sbom:1 | reproducible:1) "$1" ;;
audit:*) "$@" ;;
*)
    sed -n '/^#   /s/^# *//p' "$0" >&2
    exit 64
    ;;
esac
