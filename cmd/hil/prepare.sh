#!/bin/sh
# prepare.sh FOLDER [PACKAGE…]: what make hil needs, into FOLDER, kept between runs: an arm64 kernel, the files of a
# small arm64 system with systemd, and the board's device tree. Packages come from wherever this machine's
# apt has its own; nothing but QEMU and two tools is installed here. Exit status 3: it cannot be had.
set -eu
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
tools="qemu-system-arm device-tree-compiler e2fsprogs $*"

without() { echo "hil: skipped: $1"; exit 3; }

command -v apt-get >/dev/null && command -v dpkg >/dev/null || without "it takes its kernel from Debian's packages"
missing=$(for t in $tools; do dpkg -s "$t" >/dev/null 2>&1 || echo "$t"; done)
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || without "it needs more (apt install $(echo $missing))"
	apt-get update -qq >"$dir/apt.log" 2>&1 || true
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $missing >>"$dir/apt.log" 2>&1 ||
		without "apt-get could not install $(echo $missing) ($dir/apt.log)"
fi

# apt with a state of its own, for another architecture.
state=$dir/apt
foreign() {
	cmd=$1
	shift
	"$cmd" -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$state" -o Dir::State::status="$state/status" \
		-o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Acquire::Languages=none -o APT::Sandbox::User="" "$@" 2>>"$dir/apt.log"
}

# What was made by another prepare.sh is made again.
made=$(cksum <"$0")
if [ "$(cat "$dir/ready" 2>/dev/null)" != "$made" ]; then
	rm -rf "$dir/gate.dtb"
	rm -rf "$state" "$dir/kernel" "$dir/root"
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$dir/kernel" "$dir/root"
	: >"$state/status"
	foreign apt-get update || without "apt-get could not read the lists of arm64 packages ($dir/apt.log)"
	kernel=$(foreign apt-cache depends linux-image-arm64 | awk '/Depends: linux-image-/ {print $2; exit}')
	[ -n "$kernel" ] || without "there is no package linux-image-arm64"
	(cd "$dir" && foreign apt-get download "$kernel") || without "apt-get could not download $kernel"
	dpkg -x "$dir/$kernel"_*.deb "$dir/kernel"
	rm "$dir/$kernel"_*.deb
	foreign apt-get install -y --download-only --no-install-recommends systemd systemd-sysv systemd-timesyncd udev kmod dash coreutils util-linux mount passwd dbus >>"$dir/apt.log" ||
		without "apt-get could not download systemd for arm64 ($dir/apt.log)"
	for deb in "$state"/cache/archives/*.deb; do dpkg -x "$deb" "$dir/root"; done
	rm -rf "$state" "$dir/root/usr/share/doc" "$dir/root/usr/share/man" "$dir/root/usr/share/locale" "$dir/root/usr/lib/udev/hwdb.d"
	# No package's script has run: what this system lacks of them is no more than its names.
	mkdir -p "$dir/root/proc" "$dir/root/sys" "$dir/root/dev" "$dir/root/run" "$dir/root/tmp" "$dir/root/etc"
	echo "root:x:0:0:root:/root:/bin/dash" >"$dir/root/etc/passwd"
	echo "root:x:0:" >"$dir/root/etc/group"
	echo gate >"$dir/root/etc/hostname"
	echo 0123456789abcdef0123456789abcdef >"$dir/root/etc/machine-id"
	rm -f "$dir/root.ext4"
	mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$dir/root" "$dir/root.ext4" 384M >>"$dir/apt.log" 2>&1
	rm -rf "$dir/root"
	echo "$made" >"$dir/ready"
fi

# An empty disk, for railgated's files alone.
if [ ! -e "$dir/data.ext4" ]; then
	rm -f "$dir/data.new"
	# Without checksums: a commit block of its journal that a power cut has torn ends the journal; with them the kernel
	# refuses to mount it ("journal transaction is corrupt").
	mke2fs -q -t ext4 -O ^metadata_csum -E lazy_itable_init=1 "$dir/data.new" 64M >>"$dir/apt.log" 2>&1
	mv "$dir/data.new" "$dir/data.ext4"
fi

# QEMU's virt board, with names for the pins of its GPIO controller, and without the power button that has one.
if [ ! -e "$dir/gate.dtb" ]; then
	qemu-system-aarch64 -machine "virt,dumpdtb=$dir/board.dtb" -cpu cortex-a53 -smp 1 -m 256 -nodefaults -display none -serial null 2>>"$dir/apt.log"
	fdtput -t s "$dir/board.dtb" /pl061@9030000 gpio-line-names RELAY GREEN RED BUZZER PASSAGE EMERGENCY SPARE BUZZER
	fdtput -r "$dir/board.dtb" /gpio-keys
	mv "$dir/board.dtb" "$dir/gate.dtb"
fi
