#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make deps: installs what the build and the tests need on Debian 12 and 13. Does nothing, quickly, when nothing is missing.
#
# libfuse must be 3.17 or newer. Where the distribution's own development package is older, it is built once, static, from the
# distribution's source package of the newest suite that this machine's Debian mirror serves, into .deps/fuse. That uses a private
# apt source list, private lists and the keyring the machine already trusts; the system's apt configuration is not touched and no
# binary of another suite is installed.
# shellcheck disable=SC2016,SC2086,SC1091 # formats of dpkg and apt are not shell, lists of packages are to be split
set -eu
cd "$(dirname "$0")/.."

FUSE_MIN=3.17
FUSE_GOOD=3.18.2
PREFIX=$PWD/.deps/fuse
SUITES="sid forky testing trixie"

PACKAGES="gcc libc6-dev make pkgconf libyaml-dev libxxhash-dev libssl-dev libjansson-dev libpcre2-dev uthash-dev libcmocka-dev
    fuse3 liburing-dev libnuma-dev
    clang libclang-rt-dev
    meson ninja-build dpkg-dev xz-utils gpgv debian-archive-keyring
    groff-base man-db python3 python3-yaml python3-jsonschema libtest-json-schema-acceptance-perl acl attr rsync git strace tar util-linux procps e2fsprogs libglib2.0-bin
    systemd sed zip unzip vim nano dbus python3-uno libreoffice-writer-nogui libreoffice-calc-nogui samba smbclient samba-vfs-modules libfaketime"

export DEBIAN_FRONTEND=noninteractive
# the tests start their own smbd: the package must not start one (invoke-rc.d looks at this)
export RUNLEVEL=1
PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH

say() { echo "deps: $*"; }
fail() { echo "deps: $*" >&2; exit 1; }

fuse_version() { pkg-config --modversion fuse3 2>/dev/null || echo none; }
fuse_ok() { pkg-config --atleast-version=$FUSE_MIN fuse3 2>/dev/null; }

# ------------------------------------------------------------------------------------------------------------- packages of this system
installed() {
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' | sort -u
}

# Those of the list that are not installed, on one line.
missing() {
    have=" $(installed "$@" | tr '\n' ' ') "
    for package in "$@"; do
        case $have in *" $package "*) ;; *) printf '%s ' "$package" ;; esac
    done
}

apt_install() {
    [ "$(id -u)" -eq 0 ] || fail "not installed: $*. Run \"make deps\" as root."
    say "installing $*"
    apt-get -q update
    apt-get -q -y --no-install-recommends install "$@"
}

# The distribution's own libfuse3-dev, where it is new enough (Debian 13).
system_fuse() {
    candidate=$(LC_ALL=C apt-cache policy libfuse3-dev | sed -n 's/^ *Candidate: //p')
    [ -n "$candidate" ] && dpkg --compare-versions "$candidate" ge $FUSE_MIN || return 1
    apt_install libfuse3-dev
    fuse_ok
}

# ------------------------------------------------------------------------------------------------------- the mirror this machine uses
# "URI KEYRING" of each source of this release with component main; KEYRING is "-" where none is named.
# One-line format: deb [options] URI SUITE COMPONENT...
list_format() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk -v release="$1" '
        $1 == "deb" {
            key = "-"; i = 2
            if ($i ~ /^\[/)
                for (;; i++) {
                    word = $i; gsub(/[\[\]]/, "", word)
                    if (tolower(word) ~ /^signed-by=/) key = substr(word, 11)
                    if ($i ~ /\]$/ || i > NF) { i++; break }
                }
            uri = $i; suite = $(i + 1); main = 0
            for (j = i + 2; j <= NF; j++) if ($j == "main") main = 1
            if (main && index(release, " " suite " ")) print uri, key
        }'
}

# deb822 format: paragraphs of "Field: value".
deb822_format() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && { cat "$file"; echo; }
    done | sed '/^#/d' | awk -v release="$1" '
        function paragraph(   n, m, i, j, u, s, found) {
            n = split(f["uris"], u); m = split(f["suites"], s)
            for (j = 1; j <= m; j++) if (index(release, " " s[j] " ")) found = 1
            if (found && tolower(f["enabled"]) != "no" && (" " f["types"] " ") ~ / deb / && (" " f["components"] " ") ~ / main /)
                for (i = 1; i <= n; i++) print u[i], (f["signed-by"] ~ /^[ ]*\//) ? f["signed-by"] : "-"
            split("", f); field = ""
        }
        /^[ \t]*$/ { paragraph(); next }
        /^[ \t]/   { if (field != "signed-by") f[field] = f[field] " " $0; next }
                   { field = tolower(substr($0, 1, index($0, ":") - 1)); f[field] = substr($0, index($0, ":") + 1)
                     gsub(/^[ \t]+|[ \t]+$/, "", f[field]) }
        END        { paragraph() }'
}

mirrors() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
    release=" $codename stable oldstable "
    { deb822_format "$release"; list_format "$release"; } | grep -v '^cdrom:' | awk '!seen[$0]++'
}

# ------------------------------------------------------------------------------------------------------------- libfuse from its source
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt URI KEYRING SUITE: writes $work/apt.conf, which makes apt-get read one source list and keep its state in $work.
private_apt() {
    key=$2
    [ "$key" != - ] || key=$KEYRING
    echo "deb-src [signed-by=$key] $1 $3 main" > "$work/suite.list"
    rm -rf "$work/lists" "$work/cache"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    cat > "$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/suite.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
}

apt_private() { apt-get -q -c "$work/apt.conf" "$@"; }

# fetch URI KEYRING SUITE: the unpacked source in $work/fuse. apt checks the .dsc and the archives against the signed index. How old
# that index may be is the machine's own apt setting: a mirror that stopped following sid falls back to a released suite.
fetch() {
    private_apt "$1" "$2" "$3"
    apt_private -o APT::Update::Error-Mode=any update >> "$log" 2>&1 || return 1
    origin=$(apt_private indextargets --format '$(ORIGIN)' 'Created-By: Sources' | sort -u)
    [ "$origin" = Debian ] || { echo "$1 $3 is not Debian but \"$origin\"" >> "$log"; return 1; }
    rm -rf "$work/source" "$work/fuse"
    mkdir "$work/source"
    [ "$(id -u)" -ne 0 ] || chown _apt "$work/source" 2>/dev/null || true
    (cd "$work/source" && apt_private source --download-only --only-source fuse3) >> "$log" 2>&1 || return 1
    dpkg-source -x "$work"/source/fuse3_*.dsc "$work/fuse" >> "$log" 2>&1
}

# The file that says where it is stays true when the project folder moves.
relocatable() { sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$PREFIX/lib/pkgconfig/fuse3.pc"; }

build() {
    rm -rf "$PREFIX"
    meson setup "$work/fuse/b" "$work/fuse" --prefix "$PREFIX" --libdir lib --bindir /usr/bin --buildtype release \
        -Ddefault_library=static -Dutils=false -Dtests=false -Dexamples=false -Duseroot=false \
        -Dudevrulesdir=/nonexistent -Dinitscriptdir= >> "$log" 2>&1 || return 1
    ninja -C "$work/fuse/b" >> "$log" 2>&1 || return 1
    meson install -C "$work/fuse/b" >> "$log" 2>&1 || return 1
    cp -r "$work/fuse/example" "$PREFIX/" # make bench compares with passthrough_hp
    relocatable
}

# from_suite SUITE: tries every mirror of this machine.
from_suite() {
    while read -r uri key <&3; do
        echo "== $1 from $uri" >> "$log"
        fetch "$uri" "$key" "$1" && build && fuse_ok && return 0
        rm -rf "$PREFIX"
    done 3< "$work/mirrors"
    return 1
}

own_fuse() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM HUP
    chmod 755 "$work"
    mkdir -p .deps
    log=$PWD/.deps/fuse.log
    : > "$log"
    mirrors > "$work/mirrors"
    [ -s "$work/mirrors" ] || fail "no Debian mirror in /etc/apt/sources.list or sources.list.d: add this release's own"
    for suite in $SUITES; do
        say "libfuse: trying the source package of $suite"
        from_suite "$suite" && return 0
        say "libfuse: $suite does not do: $(grep -E '^E:|ERROR|rror:|is not Debian' "$log" | tail -n 1) (.deps/fuse.log)"
    done
    tail -n 20 "$log" >&2
    fail "libfuse $FUSE_MIN or newer cannot be built from any of: $SUITES. The whole log is .deps/fuse.log."
}

# ------------------------------------------------------------------------------------------------------------------------------- main
absent=$(missing $PACKAGES)
[ -z "$absent" ] || apt_install $absent
fuse_ok || system_fuse || own_fuse
fuse_ok || fail "libfuse $FUSE_MIN or newer is not found, only $(fuse_version)"
pkg-config --atleast-version=$FUSE_GOOD fuse3 || say "libfuse $(fuse_version) works; $FUSE_GOOD or newer would add io_uring"
say "complete (libfuse $(fuse_version), $(pkg-config --variable=libdir fuse3))"
