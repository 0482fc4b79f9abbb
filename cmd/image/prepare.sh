#!/bin/sh
# prepare.sh BOARD FOLDER: what make image needs for a board, on this machine. Exit status 3: it cannot be had, which a line has said.
set -eu
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$2"
dir=$(cd "$2" && pwd)

without() { echo "image: $1"; exit 3; }

case $1 in
virt) arch=arm64 tools="u-boot-tools" ;;
raspberry-pi | raspberry-pi-tryboot) arch=arm64 tools="device-tree-compiler u-boot-tools" ;;
pc) arch=amd64 tools="" ;;
*) without "board \"$1\"; want BOARD=raspberry-pi, BOARD=pc or BOARD=virt" ;;
esac
tools="mmdebstrap squashfs-tools dosfstools mtools e2fsprogs fdisk rauc cpio zstd kmod $tools"
command -v apt-get >/dev/null && command -v dpkg >/dev/null || without "an image is made of Debian's packages, on Debian"
[ "$(id -u)" = 0 ] || without "root is needed: the files of a system have owners"
here=$(dpkg --print-architecture)
[ "$arch" = "$here" ] || tools="$tools qemu-user-static arch-test"

missing=$(for t in $tools; do dpkg -s "$t" >/dev/null 2>&1 || echo "$t"; done | xargs)
if [ -n "$missing" ]; then
	echo "image: installing $missing"
	apt-get update -qq >"$dir/apt.log" 2>&1 || true
	# shellcheck disable=SC2086 # they are several
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $missing >>"$dir/apt.log" 2>&1 ||
		without "apt-get could not install $missing ($dir/apt.log)"
fi

# The scripts of another architecture's packages run by qemu-user, which the kernel has to know.
[ "$arch" != "$here" ] || exit 0
if ! arch-test "$arch" >/dev/null 2>&1; then
	[ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null || true
	cat /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register 2>/dev/null || true
	arch-test "$arch" >/dev/null 2>&1 || without "this kernel does not run programs of $arch: binfmt_misc cannot be set up here"
fi
