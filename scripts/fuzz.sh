#!/bin/sh
# Runs libFuzzer targets one after another, each for some seconds.
#
#   scripts/fuzz.sh SECONDS BUILD TARGET...
#
# Starts from tests/fuzz/corpus/NAME (never changed) and what earlier runs found in BUILD/corpus.
# An input that breaks a target is kept in BUILD/found; add it to tests/fuzz/corpus when mended.
set -u
seconds=$1 build=$2
shift 2
bad=0 good=0
mkdir -p "$build/found"
for target in "$@"; do
	name=$(basename "$target")
	corpus=$build/corpus/$name seed=tests/fuzz/corpus/${name#fuzz_}
	mkdir -p "$corpus"
	set -- "$corpus"
	[ ! -d "$seed" ] || set -- "$corpus" "$seed"
	log=$build/found/$name.log
	if "$target" -max_total_time="$seconds" -timeout=10 -max_len=8192 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="$build/found/$name-" "$@" >"$log" 2>&1; then
		echo "ok   $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
		good=$((good + 1))
	else
		tail -40 "$log"
		echo "FAIL $name: the input is in $build/found"
		bad=$((bad + 1))
	fi
done
echo "$good passed, $bad failed"
[ $bad = 0 ]
