#!/usr/bin/env bash
# Builds with ASan and UBSan, installing what is missing, and runs every test. The last line is
# "N passed, N failed" (", N skipped" where this machine forbids some).
#   scripts/test.sh           everything
#   scripts/test.sh quick     unit and net tests only
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"

scope=${1:-all}
results=$root/build/test-results
mapfile -t packages < <(build_packages; test_packages)
need_packages "${packages[@]}" || exit 1

cmake --preset asan >/dev/null || exit 1
cmake --build --preset asan || exit 1
rm -rf "$results"
mkdir -p "$results"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

status=0
ctest --preset asan --output-junit "$results/ctest.xml" --progress || status=1
if [ "$scope" = all ]; then
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  LSEND_BINARY=$root/build/asan/lsend timeout 1500 "$python" -m pytest -q -rs -n 3 --dist loadfile -p no:cacheprovider \
    --junitxml="$results/system.xml" tests/system </dev/null || status=1
fi
/usr/bin/env python3 "$root/scripts/count_results.py" "$results"/*.xml || status=1
exit $status
