#!/bin/sh
# prepare.sh FOLDER PACKAGES: a small Debian as this machine's own, as FOLDER/root.tar, with what the packages in another folder depend on and man, kept
# between runs, for TestPackages: make deb-test. Debian's packages come from wherever this machine's apt has its own. Exit status 3: it cannot be had.
set -eu
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$1"
dir=$(cd "$1" && pwd)

without() { echo "deb-test: skipped: $1"; exit 3; }

. /etc/os-release 2>/dev/null || ID=
[ "${ID:-}" = debian ] || without "it tries the packages in a root like this machine's, which is not Debian"
[ "$(id -u)" = 0 ] || without "it makes a root of Debian's packages, which needs root"
unshare --mount --pid --net --fork true 2>/dev/null || without "unshare(1) is not allowed here"
depends=$(for deb in "$2"/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',' '\n' | sed 's/[ (|].*//; /^$/d' | sort -u | paste -sd,)
made="$VERSION_CODENAME $depends $(cksum <"$0")"
[ "$(cat "$dir/ready" 2>/dev/null)" != "$made" ] || exit 0
if ! command -v mmdebstrap >/dev/null; then
	apt-get update -qq >"$dir/apt.log" 2>&1 || true
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends mmdebstrap >>"$dir/apt.log" 2>&1 ||
		without "apt-get could not install mmdebstrap ($dir/apt.log)"
fi
sources=$(find /etc/apt/sources.list /etc/apt/sources.list.d -type f -size +0 \( -name '*.list' -o -name '*.sources' \) 2>/dev/null || true)
rm -f "$dir/root.tar"
mmdebstrap --quiet --variant=minbase --include="$depends,man-db" --aptopt='APT::Install-Recommends "false"' \
	"$VERSION_CODENAME" "$dir/root.tar" $sources >"$dir/mmdebstrap.log" 2>&1 || without "mmdebstrap made no root ($dir/mmdebstrap.log)"
echo "$made" >"$dir/ready"
