#!/usr/bin/env bash
# Builds with ASan and UBSan, and the program without them for the tests that these do not go with,
# installing what is missing, and runs every test. The last line is "N passed, N failed"
# (", N skipped" where this machine forbids some).
#   scripts/test.sh           everything
#   scripts/test.sh quick     unit and net tests only
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"

scope=${1:-all}
case $scope in
  all | quick) ;;
  *)
    echo "scripts/test.sh: '$scope' is no scope; write nothing, or quick" >&2
    exit 2
    ;;
esac
results=$root/build/test-results
mapfile -t packages < <(build_packages; test_packages)
need_packages "${packages[@]}" || exit 1

cmake --preset asan >/dev/null || exit 1
cmake --build --preset asan || exit 1
if [ "$scope" = all ]; then
  cmake --preset plain >/dev/null || exit 1
  cmake --build --preset plain || exit 1
fi
rm -rf "$results"
mkdir -p "$results"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

status=0
ctest --preset asan --output-junit "$results/ctest.xml" --progress || status=1
if [ "$scope" = all ]; then
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  export LSEND_BINARY=$root/build/asan/lsend LSEND_PLAIN_BINARY=$root/build/plain/lsend

  system_tests() { # seconds, then options
    timeout "$1" "$python" -m pytest -q -rs -o cache_dir="$results/cache" "${@:2}" tests/system </dev/null
  }
  system_tests 3000 -n 3 --dist loadfile --junitxml="$results/system.xml"
  code=$?
  # A machine that stalls fails tests with real clocks: a few that failed run once more, alone.
  if [ $code -eq 1 ] && "$python" "$root/scripts/count_results.py" --few-failed "$results/system.xml"; then
    system_tests 300 --last-failed --last-failed-no-failures none --junitxml="$results/system.again.xml"
    code=$?
  fi
  [ $code -eq 0 ] || status=1
fi
/usr/bin/env python3 "$root/scripts/count_results.py" "$results"/*.xml || status=1
exit $status
