#!/usr/bin/env bash
# clang-tidy over all sources (or those named), with the short list of .clang-tidy.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"
mapfile -t packages < <(build_packages; test_packages; printf '%s\n' clang-14 clang-tidy-14)
need_packages "${packages[@]}"
cmake --preset clang >/dev/null
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git ls-files 'lib/*.cpp' 'cmd/*.cpp')
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy-14 -p build/clang --quiet
