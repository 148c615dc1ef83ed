#!/usr/bin/env bash
# Builds the libFuzzer targets, installing what is missing, and runs each for SECONDS (30), one after
# another. Ends with a table; exits 1 when one crashed.
#   scripts/fuzz.sh [SECONDS]
# What a run finds stays in build/fuzz/corpus; inputs that crash in build/fuzz/crashes.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"

seconds=${1:-30}
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
  say "fuzz.sh: '$seconds' is no number of seconds; usage: scripts/fuzz.sh [SECONDS]"
  exit 2
fi
mapfile -t packages < <(build_packages; printf '%s\n' catch2 clang-14 libclang-rt-14-dev)
need_packages "${packages[@]}" || exit 1

build=$root/build/fuzz
cmake --preset fuzz >/dev/null || exit 1
cmake --build "$build" --target fuzz_targets || exit 1

# The table's number for a name in libFuzzer's final statistics; 0 where it could not print them.
stat() { awk -v name="stat::$1:" '$1 == name { n = $2 } END { print n + 0 }' "$2"; }
files() { find "$1" -type f | wc -l; }

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
status=0
row='%-16s %12s %12s %8s\n'
# shellcheck disable=SC2059
table=$(printf "$row" target executions 'new entries' crashes)
while IFS=$'\t' read -r -a target; do
  name=${target[0]}
  corpus=$build/corpus/$name crashes=$build/crashes/$name log=$build/crashes/$name.log
  rm -rf "$crashes"
  mkdir -p "$corpus" "$crashes"
  for folder in "${target[@]:1}"; do cp "$folder"/* "$corpus"/; done
  before=$(files "$corpus")
  say "fuzz.sh: $name for $seconds s"
  "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" >"$log" 2>&1 </dev/null
  ended=$?
  found=$(files "$crashes")
  if [ "$ended" -ne 0 ]; then
    status=1
    [ "$found" -gt 0 ] || found=1
    tail -n 40 "$log" >&2
    say "fuzz.sh: $name crashed; the input is in $crashes, the whole log is $log"
  fi
  # shellcheck disable=SC2059
  table+=$'\n'$(printf "$row" "$name" "$(stat number_of_executed_units "$log")" \
    "$(($(files "$corpus") - before))" "$found")
done <"$build/tests/fuzz/targets.txt"
printf '%s\n' "$table"
exit $status
