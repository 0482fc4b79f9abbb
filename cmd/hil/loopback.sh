#!/bin/sh
# loopback.sh FOLDER: v4l2loopback.ko, a camera of MJPG, for the kernel that prepare.sh put into FOLDER; kept
# between runs. No kernel of Debian's has it, so it is built from Debian's source; of that, nothing but the
# compiler and make is installed here. If it cannot be had, one line says what is missing, and all but MJPG goes on.
set -eu
dir=$(cd "$1" && pwd)
log=$dir/loopback.log
without() { echo "hil: a camera with MJPG is skipped: $1"; exit 0; }

version=$(cd "$dir/kernel/boot" && ls vmlinuz-*)
version=${version#vmlinuz-}

# What was made by another loopback.sh, or for another kernel, is made again.
made="$version $(cksum <"$0")"
[ "$(cat "$dir/loopback" 2>/dev/null)" != "$made" ] || exit 0
rm -f "$dir/loopback" "$dir/v4l2loopback.ko"
: >"$log"

# The compiler is the one that made the kernel; its programs have the same names on arm64 itself.
here=$(dpkg --print-architecture)
gcc=$(sed -n 's/^CONFIG_CC_VERSION_TEXT=.*\(gcc-[0-9]*\) .*/\1/p' "$dir/kernel/boot/config-$version")
[ -n "$gcc" ] || without "the kernel does not say which gcc made it"
tools="make $gcc-aarch64-linux-gnu"
[ "$here" != arm64 ] || tools="make $gcc"
missing=$(for t in $tools; do dpkg -s "$t" >/dev/null 2>&1 || echo "$t"; done | xargs)
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || without "it needs more (apt install $missing)"
	apt-get update -qq >>"$log" 2>&1 || true
	# shellcheck disable=SC2086 # they are several
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $missing >>"$log" 2>&1 ||
		without "apt-get could not install $missing ($log)"
fi

# Kbuild takes no path with a space in it; and what is broken off leaves nothing half made.
work=$(mktemp -d "${TMPDIR:-/tmp}/hil.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# apt with a state of its own: the kernel's headers are arm64's, the programs that build with them this machine's.
state=$work/apt
foreign() {
	cmd=$1
	shift
	"$cmd" -qq -o APT::Architecture=arm64 -o APT::Architectures="arm64,$here" -o Dir::State="$state" -o Dir::State::status="$state/status" \
		-o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Acquire::Languages=none -o APT::Sandbox::User="" "$@" 2>>"$log"
}
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
: >"$state/status"
{ foreign apt-get update && foreign apt-cache show v4l2loopback-dkms >/dev/null; } || without "apt-get could not read the lists of packages ($log)"
needed=$(foreign apt-cache depends "linux-headers-$version" | awk '$1 == "Depends:" && $2 ~ /^linux-(headers|kbuild)-/ {print $2}' | sed "s/^linux-kbuild-.*/&:$here/") || true
[ -n "$needed" ] || without "there is no package linux-headers-$version any more: remove $dir, and make hil again"
# shellcheck disable=SC2086 # they are several
(cd "$work" && foreign apt-get download "linux-headers-$version" $needed v4l2loopback-dkms) || without "apt-get could not download its source ($log)"
for deb in "$work"/*.deb; do dpkg -x "$deb" "$work" 2>>"$log" || without "its source could not be unpacked ($log)"; done

headers=$work/usr/src/linux-headers-$version
sed -i "s|include /usr/src/|include $work/usr/src/|" "$headers/Makefile"
source=$(echo "$work"/usr/src/v4l2loopback-*)
{
	MAKEFLAGS='' make -C "$headers" M="$source" CROSS_COMPILE=aarch64-linux-gnu- modules &&
		aarch64-linux-gnu-strip -g -o "$dir/v4l2loopback.ko" "$source/v4l2loopback.ko"
} >>"$log" 2>&1 || without "it could not be built ($log)"
echo "$made" >"$dir/loopback"
