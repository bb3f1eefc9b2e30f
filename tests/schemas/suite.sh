#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# suite.sh DIR: prints the folder of the official JSON Schema test suite (draft 2020-12). It comes from the Debian package that
# carries it, libtest-json-schema-acceptance-perl: the installed one, else the package is fetched into DIR and unpacked there, without
# being installed (its 60 dependencies are not needed).
set -eu
PACKAGE=libtest-json-schema-acceptance-perl
INSIDE=usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12

[ $# -eq 1 ] || { echo "usage: suite.sh DIR" >&2; exit 2; }
for root in / "$1/"; do
    [ -d "$root$INSIDE" ] && { echo "$root$INSIDE"; exit 0; }
done
mkdir -p "$1"
cd "$1"
download() { apt-get -q -o APT::Sandbox::User=root download "$PACKAGE" >&2; }
download || { apt-get -q update >&2; download; } ||
    { echo "suite.sh: cannot fetch $PACKAGE: install it, or let this machine reach its Debian mirror" >&2; exit 1; }
dpkg-deb -x "$PACKAGE"_*.deb unpacked.new
# several test programs may do this at once: each unpacks for itself, the last rename wins
[ -d usr ] || mv unpacked.new/usr usr
rm -rf unpacked.new "$PACKAGE"_*.deb
[ -d "$INSIDE" ] || { echo "suite.sh: $PACKAGE holds no draft 2020-12" >&2; exit 1; }
echo "$1/$INSIDE"
