#!/usr/bin/env bash
# Builds the release binary, installing what is missing. With arguments: runs lsend with them.
# Without: the main job for real, from one device to another on this host.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"

lsend=$root/build/release/lsend

build() {
  mapfile -t packages < <(build_packages)
  need_packages "${packages[@]}"
  say "lsend: building the release binary (the first time takes a minute or two)"
  (cd "$root" && cmake --preset release && cmake --build --preset release) >"$work/build.log" 2>&1 || {
    tail -n 40 "$work/build.log" >&2
    say "lsend: the build failed"
    exit 1
  }
  "$root/scripts/check_hardening.sh" "$lsend" >&2
}

receiver=
work=$(mktemp -d)
cleanup() {
  if [ -n "$receiver" ]; then
    kill "$receiver" 2>/dev/null || true
    wait "$receiver" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT

build
if [ $# -gt 0 ]; then
  rm -rf "$work"
  trap - EXIT
  exec "$lsend" "$@"
fi

# Two devices, each with a home of its own: nothing of the user's is touched.
say "lsend: two devices on this host, 'kitchen' receives and 'laptop' sends, over HTTPS"
mkdir -p "$work/outgoing/report/charts" "$work/inbox"
head -c 5000000 /dev/urandom >"$work/outgoing/report/data.bin"
printf 'year,total\n2025,41\n2026,42\n' >"$work/outgoing/report/charts/totals.csv"
: >"$work/outgoing/empty.txt"

LSEND_HOME=$work/kitchen "$lsend" receive --auto-accept --dir "$work/inbox" --alias kitchen \
  --port 0 --interface lo --ready-file "$work/ready" --count 2 \
  >"$work/received" 2>"$work/receiver.log" &
receiver=$!
for _ in $(seq 100); do
  [ -s "$work/ready" ] && break
  kill -0 "$receiver" 2>/dev/null || break
  sleep 0.1
done
[ -s "$work/ready" ] || { cat "$work/receiver.log" >&2; say "lsend: the receiver did not start"; exit 1; }
port=$(grep -o '"port":[0-9]*' "$work/ready" | grep -o '[0-9]*')
say

send() {
  say "\$ lsend send 127.0.0.1:$port $*"
  (cd "$work/outgoing" &&
    LSEND_HOME=$work/laptop "$lsend" send "127.0.0.1:$port" "$@" --alias laptop --port 0 --interface lo)
  say
}
send report empty.txt
send -m 'The report is in your inbox.'
wait "$receiver"
receiver=

sums() { (cd "$1" && find . -type f -not -path './.lsend/*' -exec sha256sum {} + | sort -k2); }
if [ "$(sums "$work/outgoing")" != "$(sums "$work/inbox")" ]; then
  say "lsend: what arrived is not what was sent"
  diff <(sums "$work/outgoing") <(sums "$work/inbox") >&2 || true
  exit 1
fi
grep -qF 'The report is in your inbox.' "$work/received" || { say "lsend: the message did not arrive"; exit 1; }
say "What arrived (sha256 of every file is the same on both sides):"
sums "$work/inbox"
say
say "And the message: $(grep -F 'The report' "$work/received")"
say
say "Now between two hosts:"
say "  on one    ./scripts/run.sh receive --auto-accept --dir inbox"
say "  on other  ./scripts/run.sh discover"
say "            ./scripts/run.sh send NAME file... folder/"
say "The binary is $lsend"
