#!/bin/sh
# repeat.sh ARCH PACKAGES: builds the packages of the commit again, in a clone elsewhere, with another umask, time zone and language, and compares
# them with those in a folder. make deb-test calls it.
set -eu
arch=$1 first=$(cd "$2" && pwd)
git diff --quiet HEAD || { echo "deb-repeat: skipped: what is not committed is in no clone"; exit 0; }
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
umask 077
git clone -q . "$again/elsewhere/railgate"
(cd "$again/elsewhere/railgate" && TZ=Asia/Shanghai LC_ALL=C.UTF-8 ${MAKE:-make} -s --no-print-directory deb ARCHS="$arch" DEBS="$again/debs" MAKEFLAGS= >/dev/null)
(cd "$first" && sha256sum -- *_"$arch".deb) >"$again/first"
(cd "$again/debs" && sha256sum -- *_"$arch".deb) >"$again/second"
diff "$again/first" "$again/second" || { echo "deb-repeat: two builds of this commit differ"; exit 1; }
echo "deb-repeat: two builds, one hash each:" && cat "$again/first"
