#!/bin/sh
# release.sh DEBS OUT KEY ARCH… [-- FILE…]: puts the packages of a commit, what their programs are made of (CycloneDX) and other files into a folder, with
# their checksums, signed. make release calls it, with GO and UPSTREAM set. Equal packages and an Ed25519 key give an equal folder.
# The signature is OpenSSH's, for every Debian has what checks it: ssh-keygen, whose key can be one in a token.
set -eu
umask 022
export LC_ALL=C
fail() { echo "release: $1" >&2; exit 1; }

debs=$1 out=$2 key=$3
shift 3
[ -n "$key" ] || fail "no key to sign with: make release KEY=FILE; ssh-keygen -t ed25519 -f FILE makes one"
[ -r "$key" ] || fail "$key cannot be read"
command -v ssh-keygen >/dev/null || fail "ssh-keygen is needed (apt install openssh-client)"
[ ! -e "$out" ] || fail "$out is there already; a release is made once: move it away"
work=$out.part
rm -rf "$work"
mkdir -p "$work"
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	cp "$debs/railgate_$UPSTREAM-1_$1.deb" "$debs/railgate-station_$UPSTREAM-1_$1.deb" "$work"
	for program in railgated railgate station; do
		$GO tool -modfile=.ci/tools.mod cyclonedx-gomod bin -json -std -noserial -notimestamp -version "$UPSTREAM" \
			-output "$work/${program}_$UPSTREAM-1_$1.cdx.json" "$debs/bin/$1/$program" 2>"$work/log" || { cat "$work/log" >&2; fail "no list of what $program is made of"; }
		rm "$work/log"
	done
	shift
done
[ $# = 0 ] || shift
for file in "$@"; do cp "$file" "$work"; done
(cd "$work" && sha256sum -- * >../SHA256SUMS.part && mv ../SHA256SUMS.part SHA256SUMS)
ssh-keygen -q -Y sign -f "$key" -n railgate-release "$work/SHA256SUMS" || fail "$key does not sign"
mv "$work" "$out"
echo "$out:" && ls "$out"
