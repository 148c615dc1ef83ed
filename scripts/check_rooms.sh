#!/bin/bash
# check_rooms.sh [ROOT]: the walls between the rooms and the coroutine rules.
# Prints "file:line: message" for each breach and exits 1 when there was one.
set -u
cd "${1:-.}" || exit 2
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
shopt -s globstar nullglob

product=({include,lib,cmd}/**/*.hpp {lib,cmd}/**/*.cpp)
tests=(tests/**/*.hpp tests/**/*.cpp)
if [[ ${#product[@]} -eq 0 ]]; then
  echo "check_rooms.sh: no sources in '$PWD'; give the root of the repository" >&2
  exit 2
fi

{
  grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "${product[@]}" |
    awk -f "$here/check_includes.awk"
  grep -HnE 'asio::detached' "${product[@]}" "${tests[@]}" | awk -F: '{
    print $1 ":" $2 ": asio::detached loses errors; start children by TaskGroup::spawn" }'
  mapfile -t coroutines < <(grep -lw co_await "${product[@]}" "${tests[@]}")
  if [[ ${#coroutines[@]} -gt 0 ]]; then
    awk -f "$here/check_coroutines.awk" "${coroutines[@]}"
  fi
} | sort -t: -k1,1 -k2,2n | uniq | awk '{ print; found = 1 } END { exit found }'
