#!/bin/sh
# version.sh: the Debian version of this commit, without its revision. A tag v1.2.3 is 1.2.3; commits after it are 1.2.3+4.HASH; before the first
# tag it is the commit's time. Each is newer than the ones before it.
set -eu
hash=$(git rev-parse --short=7 HEAD)
if tag=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null); then
	after=$(git rev-list --count "$tag..HEAD")
	version=$(echo "${tag#v}" | tr - '~') # a candidate, v1.2.3-rc1, is older than v1.2.3
	[ "$after" = 0 ] || version=$version+$after.$hash
else
	version=0~git$(TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M%S --format=%cd).$hash
fi
git diff --quiet HEAD || version=$version+changed
echo "$version"
