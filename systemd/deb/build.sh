#!/bin/sh
# build.sh ARCH PROGRAMS OUT: the packages of one Debian architecture, from the programs in a folder, into a folder. make deb calls it, with
# GO, MAKE, UPSTREAM (systemd/deb/version.sh), SOURCE_DATE_EPOCH and MAINTAINER set. Equal sources give equal packages: files have the commit's time.
set -eu
umask 022
export LC_ALL=C TZ=UTC
export ARCH=$1
programs=$2 out=$3
work=$out/$ARCH
mkdir -p "$out"
rm -rf "$work"

case $ARCH in
amd64 | arm64) goarch=$ARCH goarm= ;;
armhf) goarch=arm goarm=7 ;;
*) echo "deb: architecture $ARCH; want arm64, armhf or amd64" && exit 2 ;;
esac

# modules FOLDER… lists the modules that programs are linked from, and their licences: most of them demand to go with a copy.
modules() {
	echo "What the programs are linked from, beside railgate itself."
	licence Go "$($GO env GOROOT)" "$($GO env GOVERSION)"
	GOOS=linux GOARCH=$goarch GOARM=$goarm $GO list -deps -f '{{with .Module}}{{if .Version}}{{.Path}} {{.Dir}} {{.Version}}{{end}}{{end}}' "$@" | sort -u |
		while read -r path dir version; do licence "$path" "$dir" "$version" || exit 1; done
}

licence() {
	files=$(find "$2" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'patents' \) | sort)
	[ -n "$files" ] || { echo "deb: $1 $3 has no licence in $2" >&2 && return 1; }
	for file in $files; do printf '\n\n==== %s %s: %s\n\n' "$1" "$3" "${file##*/}" && cat "$file"; done
}

# papers PACKAGE COMMANDS…: what Debian wants of every package.
papers() {
	name=$1 doc=$work/$1/usr/share/doc/$1
	shift
	install -d "$doc"
	install -m 644 systemd/deb/copyright "$doc/copyright"
	modules "$@" | gzip -9n >"$doc/modules.txt.gz"
	[ "$(zcat "$doc/modules.txt.gz" | grep -c ^====)" -gt 3 ] || { echo "deb: the licences of $name's modules are not told" && exit 1; }
	gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
	printf '%s (%s-1) unstable; urgency=medium\n\n  * What changed: /usr/share/doc/%s/changelog.gz\n\n -- %s  %s\n' \
		"$name" "$UPSTREAM" "$name" "$MAINTAINER" "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.Debian.gz"
	if [ -e "systemd/deb/$name.lintian-overrides" ]; then
		install -D -m 644 "systemd/deb/$name.lintian-overrides" "$work/$name/usr/share/lintian/overrides/$name"
	fi
	find "$work/$name/usr/share/man" -type f -exec gzip -9n {} +
	find "$work/$name" \( -type d -o -path '*/usr/bin/*' \) -exec chmod 755 {} +
	find "$work/$name" -type f ! -path '*/usr/bin/*' -exec chmod 644 {} + # whatever this tree's umask was
	find "$work/$name" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
}

$MAKE -s --no-print-directory install DESTDIR="$work/railgate" PREFIX=/usr BIN="$programs"
rm -rf "$work/railgate/etc" # the package has a configuration of its own
papers railgate ./cmd/railgated ./cmd/railgate
$MAKE -s --no-print-directory install-station DESTDIR="$work/railgate-station" PREFIX=/usr BIN="$programs"
papers railgate-station ./cmd/station ./cmd/inspector/inspect # which it carries as WebAssembly

for package in railgate railgate-station; do
	# Maintainers' scripts name the units that there are.
	units=$(cd "$work/$package/usr/lib/systemd/system" && echo *)
	mkdir -p "$work/scripts"
	for script in postinst prerm postrm; do sed "s/@UNITS@/$units/" "systemd/deb/$package.$script" >"$work/scripts/$package.$script"; done
	sed "s|@SCRIPTS@|$work/scripts|" "systemd/deb/$package.yaml" >"$work/$package.yaml"
	ROOT=$work/$package $GO tool -modfile=.ci/tools.mod nfpm package --config "$work/$package.yaml" --packager deb \
		--target "$out/${package}_$UPSTREAM-1_$ARCH.deb" >"$work/nfpm.log" || { cat "$work/nfpm.log" && exit 1; }
done
rm -rf "$work"
