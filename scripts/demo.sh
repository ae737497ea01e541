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
fill_limit_s=900
sim='' daemon=''
# The zone of the device as it is delivered; dates below are its dates.
export TZ=UTC-3
unset USPD_URL USPD_TOKEN
yesterday=$(date -d yesterday +%F) today=$(date +%F)

stop() {
	trap '' INT TERM HUP
	# The daemon first: it drains its queue while the lines still exist.
	for pid in $daemon $sim; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
	done
	printf '\ndemo: ended; data and logs are in %s/\n' "$dir"
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
		kill -0 "$pid" 2>/dev/null || die "$what ended early" "$log"
		[ $SECONDS -lt $end ] || die "$what is not ready in time" "$log"
		sleep 0.1
	done
}
all_lines() { [ "$(find "$dir/lines" -name "Iface[1-4]" | wc -l)" = 4 ]; }
say() { printf '\n# %s\n' "$@"; }
show() {
	printf '$ %s\n' "${*/#$bin\//}"
	"$@"
}

for port in "${ports[@]}"; do
	! is_open "$port" || die "port $port is taken on this machine; end what listens there and try again"
done
[ ! -e "$dir" ] || [ -e "$dir/.demo" ] || die "$dir exists and was not made by a demonstration"
rm -rf "$dir" 2>/dev/null || die "$dir cannot be removed: it belongs to another user"
mkdir -p "$dir/lines" "$dir/archive"
touch "$dir/.demo"
sed "s#demo-data/#$dir/#" config/board-demo.json >"$dir/board.json"
trap stop EXIT
trap 'exit 130' INT TERM HUP

# Sessions of their own, so that Ctrl-C reaches this script only; they end when it does, however
# that happens.
setpriv --pdeathsig TERM setsid "$bin/uspd-sim" --street $street --links "$dir/lines" \
	</dev/null >"$dir/sim.log" 2>&1 &
sim=$!
until_true 10 "$dir/sim.log" $sim "the simulated street" all_lines
"$bin/uspd-sim" --street $street --meters-csv >"$dir/meters.csv"
setpriv --pdeathsig TERM setsid "$bin/uspdd" --board "$dir/board.json" --data "$dir/archive" \
	</dev/null >"$dir/uspdd.log" 2>&1 &
daemon=$!
until_true 10 "$dir/uspdd.log" $daemon "the daemon" is_open 8080
USPD_TOKEN=$(cat "$dir/archive/api.token")
export USPD_TOKEN

meters=$(($(wc -l <"$dir/meters.csv") - 1))
say "A street of $meters simulated meters on four buses with 40 days behind them, and uspdd with an empty archive.
# Every bus keeps the pace of its line: Mercury at 115200 bit/s (an old one at 38400), CE301 and CE303 at 9600."
show "$bin/uspdctl" settings poll.backfill_days 40
show "$bin/uspdctl" meter import "$dir/meters.csv"
say "Filling the archive: who is there, the newest readings, the journals, then all gaps, newest day first.
# One meter is dead and not waited for."
show "$bin/uspdctl" poll --watch --until-complete --timeout $fill_limit_s ||
	die "the archive was not filled" "$dir/uspdd.log"

# The serial number of the first meter stands in the last but two columns of its row.
serial=$(sed -n '2{s/\r$//;p}' "$dir/meters.csv" | awk -F';' '{ print $(NF - 2) }')
say "Yesterday of meter 1 from the archive: mean power of each half hour, named by its end."
show "$bin/uspdctl" read 1 profile "${yesterday}T00:30" "$today"
say "The same day as a head-end sees it over RTU-327: energy of each half hour."
show "$bin/uspdctl" rtu327 127.0.0.1:7777 lp --serial "$serial" --from "${yesterday}T00:30" --count 48
say "What its counters showed when today began, and the same from the head-end."
show "$bin/uspdctl" read 1 day "$today" --tags A+0,A-0,R+0,R-0
show "$bin/uspdctl" rtu327 127.0.0.1:7777 pok --serial "$serial" --from "$today"
say "The buses: use is the least time the exchanges could take, in percent of what they took."
show "$bin/uspdctl" status

[ -z "${DEMO_EXIT-}" ] || exit 0
cat <<EOT

The daemon goes on polling.  In another terminal:
  export USPD_TOKEN=@$dir/archive/api.token  who you are
  $bin/uspdctl status --watch                the buses and the archive, live
  $bin/uspdctl meter list                    all meters and the state of their links
  $bin/uspdctl read 60 day --last 7          start-of-day readings of a meter
  $bin/uspdctl journal meter/time            the meter whose clock was wrong
  $bin/uspdctl rtu327 127.0.0.1:7777 time    the clock, as a head-end sees it
  curl -H "Authorization: Bearer \$(cat $dir/archive/api.token)" http://127.0.0.1:8080/api/v1/status
HTTP is on port 8080, RTU-327 on 7777; 1111, 2222, 3333 and 4444 are kept for transit.  Logs are in $dir/.
Ctrl-C ends the demonstration.
EOT
trap 'exit 0' INT TERM HUP
wait -n $sim $daemon || true
die "a part ended by itself" "$dir/uspdd.log"
