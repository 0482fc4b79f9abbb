#!/bin/sh
# postgres.sh start DIR   a PostgreSQL server of Debian's in DIR, on a free port of loopback; prints its URL
# postgres.sh stop DIR    stops it
#
# For tests and for trying out: what it keeps is not synced. As root it runs as the user
# postgres or nobody, for a server refuses root. Exit status 3: PostgreSQL is not installed.
set -eu
[ $# = 2 ] || { sed -n '2,3p' "$0"; exit 2; }
dir=$2
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed (apt install postgresql)" >&2; exit 3; }
as=
if [ "$(id -u)" = 0 ]; then
	as=nobody; id postgres >/dev/null 2>&1 && as=postgres
fi
run() { # a command of the server's, as a user that is not root
	if [ -n "$as" ]; then setpriv --reuid "$as" --regid "$(id -g "$as")" --clear-groups env HOME="$dir" "$@"; else "$@"; fi
}
case $1 in
start)
	mkdir -p "$dir"
	[ -z "$as" ] || { chown "$as" "$dir"; chmod 711 "$dir"; }
	cd "$dir"
	run "$bin/initdb" -D "$dir/data" -U railgate --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
	# A port that is free now may be taken in a moment: another is tried then.
	for try in 1 2 3 4 5; do
		port=$(shuf -i 20000-32000 -n 1)
		if run "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/server.log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c shared_buffers=32MB" start >/dev/null 2>&1; then
			echo "postgres://railgate@127.0.0.1:$port/postgres?sslmode=disable"
			exit 0
		fi
	done
	cat "$dir/server.log" >&2
	exit 1
	;;
stop) cd "$dir"; run "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null ;;
*) sed -n '2,3p' "$0"; exit 2 ;;
esac
