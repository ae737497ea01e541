#!/usr/bin/env bash
# The demonstration: a street of simulated meters, the daemon, and what a head-end sees of it.
#
#   scripts/demo.sh BUILD        DEMO_EXIT=1: end after showing; DEMO_DIR: another folder
#
# Everything lives in demo-data/, made anew each time.  Ctrl-C ends it all.
set -eu
bin=$1
dir=${DEMO_DIR:-demo-data}
street=config/streets/demo.json
ports=(8080 7777 1111 2222 3333 4444)
sim='' daemon=''

stop() {
	trap '' INT TERM HUP
	# The daemon first: it drains its queue while the lines still exist.
	for pid in $daemon $sim; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
	done
	echo
	echo "demo: ended; data and logs are in $dir/"
}
die() {
	echo "demo: $1" >&2
	[ ! -s "${2-}" ] || tail -5 "$2" >&2
	exit 1
}
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# until_true SECONDS LOG PID WHAT COMMAND...
until_true() {
	local end=$((SECONDS + $1)) log=$2 pid=$3 what=$4
	shift 4
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || die "$what: ended early" "$log"
		[ $SECONDS -lt $end ] || die "$what: not ready in time" "$log"
		sleep 0.1
	done
}
all_lines() { [ "$(find "$dir/lines" -name "Iface[1-4]" | wc -l)" = 4 ]; }
show() {
	printf '\n$ %s\n' "${*/#$bin\//}"
	"$@"
}

for port in "${ports[@]}"; do
	! is_open "$port" || die "port $port is taken on this machine; end what listens there and try again"
done
[ ! -e "$dir" ] || [ -d "$dir/lines" ] || die "$dir exists and was not made by a demonstration"
rm -rf "$dir"
mkdir -p "$dir/lines" "$dir/archive"
sed "s#demo-data/#$dir/#" config/board-demo.json >"$dir/board.json"
trap stop EXIT
trap 'exit 0' INT TERM HUP

# Both end when this script does, however that happens.
setpriv --pdeathsig TERM "$bin/uspd-sim" --street $street --links "$dir/lines" >"$dir/sim.log" 2>&1 &
sim=$!
until_true 10 "$dir/sim.log" $sim "the simulated street" all_lines
"$bin/uspd-sim" --street $street --meters-csv >"$dir/meters.csv"
setpriv --pdeathsig TERM "$bin/uspdd" --board "$dir/board.json" --data "$dir/archive" >"$dir/uspdd.log" 2>&1 &
daemon=$!
until_true 10 "$dir/uspdd.log" $daemon "the daemon" is_open 8080
echo "demo: $(($(wc -l <"$dir/meters.csv") - 1)) meters on four buses, daemon with an empty archive in $dir/"

show "$bin/uspdctl" meter import "$dir/meters.csv"
show "$bin/uspdctl" poll --watch --until-complete

# One meter's yesterday, in the device's zone (UTC+3 as delivered), from the inside and as a head-end.
yesterday=$(TZ=UTC-3 date -d yesterday +%F)
column() {
	sed 's/^\xef\xbb\xbf//; s/\r$//' "$dir/meters.csv" |
		awk -F'[;,]' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == 2 { print $at }'
}
meter=$(column id)
serial=$(column serial)
show "$bin/uspdctl" read "$meter" profile "$yesterday"
show "$bin/uspdctl" rtu327 127.0.0.1:7777 lp --serial "$serial" --from "$yesterday" --count 48

[ -z "${DEMO_EXIT-}" ] || exit 0
cat <<EOT

The daemon goes on polling.  In another terminal:
  $bin/uspdctl status                        the buses and the archive
  $bin/uspdctl read $meter day                   start-of-day readings of a meter
  $bin/uspdctl rtu327 127.0.0.1:7777 time    the clock, as a head-end sees it
  curl http://127.0.0.1:8080/api/v1/status
RTU-327 is on port 7777, transit to the buses on 1111, 2222, 3333, 4444; logs in $dir/.
Ctrl-C ends the demonstration.
EOT
wait -n $sim $daemon || true
die "a part ended by itself" "$dir/uspdd.log"
