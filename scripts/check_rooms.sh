#!/bin/bash
# check_rooms.sh [ROOT]: the walls between the rooms and the coroutine rules.
# Prints "file:line: message" for each breach and exits 1 when there was one, 2 when it cannot tell.
set -u
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "${1:-.}" || exit 2
shopt -s globstar nullglob

product=({include,lib,cmd}/**/*.hpp {lib,cmd}/**/*.cpp)
tests=(tests/**/*.hpp tests/**/*.cpp)
if [[ ${#product[@]} -eq 0 ]]; then
  echo "check_rooms.sh: no sources in '$PWD'; give the root of the repository" >&2
  exit 2
fi

walls=$(grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "${product[@]}" |
  awk -f "$here/check_includes.awk") || exit 2
detached=$(grep -HnE 'asio::detached' "${product[@]}" "${tests[@]}" | awk -F: '{
  print $1 ":" $2 ": asio::detached loses errors; start children by TaskGroup::spawn" }') || exit 2
mapfile -t coroutines < <(grep -lw co_await "${product[@]}" "${tests[@]}")
rules=$(awk -f "$here/check_coroutines.awk" /dev/null "${coroutines[@]}") || exit 2

found=$(printf '%s\n' "$walls" "$detached" "$rules" | grep . | sort -t: -k1,1 -k2,2n | uniq)
[[ -z $found ]] && exit 0
printf '%s\n' "$found"
exit 1
