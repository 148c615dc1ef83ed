#!/bin/bash
# What a CI job does with lsend: push artifacts, branch on exit codes, read the result.
#
#   pipeline.sh LSEND FOLDER        FOLDER is empty and ours; everything happens on loopback
#
# Ends with 0 and "pipeline: ok" when every step went as it should.
set -euo pipefail

lsend=$1
work=$2
export LSEND_INTERFACE=lo LSEND_HOME=$work/sender HOME=$work/sender
mkdir -p "$LSEND_HOME"
receivers=()

say() { printf 'pipeline: %s\n' "$*"; }
die() { say "FAILED: $*"; exit 1; }

stop_receivers() {
  local pid
  for pid in ${receivers[@]+"${receivers[@]}"}; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  receivers=()
}
trap stop_receivers EXIT

# read_json FILE PATH...: the value at a path, from the last line of the file.
read_json() {
  python3 -c '
import json, sys
value = json.loads(open(sys.argv[1]).read().splitlines()[-1])
for key in sys.argv[2:]:
    value = value[key]
print(json.dumps(value) if isinstance(value, (bool, dict, list)) else value)' "$@"
}

# receiver NAME OPTIONS...: starts one and sets $port.
receiver() {
  local name=$1 ready=$work/$1.ready tries=0 pid
  shift
  LSEND_HOME=$work/$name "$lsend" receive --dir "$work/$name-inbox" --port 0 --alias "$name" \
    --ready-file "$ready" "$@" >"$work/$name.out" 2>"$work/$name.err" &
  pid=$!
  receivers+=("$pid")
  until [ -s "$ready" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 200 ] || die "$name is not ready"
    kill -0 "$pid" 2>/dev/null || die "$name has ended: $(cat "$work/$name.err")"
    sleep 0.05
  done
  port=$(read_json "$ready" port)
}

# expect CODE WHAT COMMAND...: runs it under a time limit and compares the exit code.
expect() {
  local wanted=$1 what=$2 code=0
  shift 2
  timeout 60 "$@" >"$work/out" 2>"$work/err" || code=$?
  [ "$code" -eq "$wanted" ] || die "$what: exit code $code, not $wanted: $(cat "$work/err")"
  say "$what: $code"
}

# --- the artifacts --------------------------------------------------------------------------------

mkdir -p "$work/artifacts/reports/unit"
printf 'binary\0data' >"$work/artifacts/app.bin"
printf 'all green\n' >"$work/artifacts/reports/unit/result 1.txt"
: >"$work/artifacts/reports/empty.log"

receiver target --auto-accept --json
expect 0 "push" "$lsend" send --json "127.0.0.1:$port" "$work/artifacts"
cp "$work/out" "$work/push.ndjson"
diff -r "$work/artifacts" "$work/target-inbox/artifacts" || die "the folder differs"

[ "$(read_json "$work/push.ndjson" type)" = result ] || die "the last event is no result"
[ "$(read_json "$work/push.ndjson" ok)" = true ] || die "the result is not ok"
[ "$(read_json "$work/push.ndjson" exit_code)" = 0 ] || die "exit_code"
[ "$(read_json "$work/push.ndjson" files_done)" = 3 ] || die "files_done"
[ "$(read_json "$work/push.ndjson" files_failed)" = 0 ] || die "files_failed"
[ "$(read_json "$work/push.ndjson" bytes)" = 21 ] || die "bytes"
[ "$(read_json "$work/push.ndjson" target alias)" = target ] || die "target alias"
[ "$(grep -c '"type":"file"' "$work/push.ndjson")" = 3 ] || die "a file event each"
grep -q '"type":"file".*"status":"done".*app.bin' "$work/push.ndjson" || die "app.bin"
say "result: read"

expect 0 "push a log through a pipe" bash -c \
  'printf "line 1\nline 2\n" | "$1" send "$2" - --name build.log' _ "$lsend" "127.0.0.1:$port"
[ "$(cat "$work/target-inbox/build.log")" = $'line 1\nline 2' ] || die "build.log"
expect 0 "notify" "$lsend" send -q "127.0.0.1:$port" -m "build 42 is green"
[ ! -s "$work/err" ] || die "-q is not quiet: $(cat "$work/err")"
grep -q '"type":"message".*build 42 is green' "$work/target.out" || die "the message"

# --- a busy target --------------------------------------------------------------------------------

api=https://127.0.0.1:$port/api/localsend/v2
request='{"info":{"alias":"Other job","version":"2.1","deviceModel":null,"deviceType":"server",
  "fingerprint":"other","port":53317,"protocol":"https","download":false},
  "files":{"f1":{"id":"f1","fileName":"slow.bin","size":10,"fileType":"application/octet-stream"}}}'
curl -sk --max-time 20 --noproxy '*' -d "$request" "$api/prepare-upload" >"$work/session"
session=$(read_json "$work/session" sessionId)
expect 9 "busy" "$lsend" send --json "127.0.0.1:$port" "$work/artifacts/app.bin"
cp "$work/out" "$work/busy.ndjson"
[ "$(read_json "$work/busy.ndjson" ok)" = false ] || die "busy is not ok"
[ "$(read_json "$work/busy.ndjson" exit_code)" = 9 ] || die "exit_code of busy"
error=$(grep '"type":"error"' "$work/busy.ndjson")
grep -q '"code":"busy"' <<<"$error" || die "no error event of code busy"
grep -q '"temporary":true' <<<"$error" || die "busy is temporary"
curl -sk --max-time 20 --noproxy '*' -d '' "$api/cancel?sessionId=$session" >/dev/null
expect 0 "not busy any more" "$lsend" send "127.0.0.1:$port" "$work/artifacts/app.bin"
stop_receivers

# --- a target that refuses ------------------------------------------------------------------------

receiver guarded --auto-accept --pin 4711
expect 7 "no PIN" "$lsend" send "127.0.0.1:$port" "$work/artifacts/app.bin"
grep -q -- '--pin' "$work/err" || die "no word about --pin"
expect 7 "wrong PIN" "$lsend" send --pin 1 "127.0.0.1:$port" "$work/artifacts/app.bin"
[ ! -e "$work/guarded-inbox/app.bin" ] || die "a file without a PIN"
expect 0 "right PIN" "$lsend" send --pin 4711 "127.0.0.1:$port" "$work/artifacts/app.bin"
expect 0 "PIN of the environment" env LSEND_PIN=4711 \
  "$lsend" send "127.0.0.1:$port" "$work/artifacts/app.bin"
for _ in 1 2 3; do
  expect 7 "wrong PIN" "$lsend" send --pin 2 "127.0.0.1:$port" "$work/artifacts/app.bin"
done
expect 7 "locked out" "$lsend" send --pin 4711 "127.0.0.1:$port" "$work/artifacts/app.bin"
stop_receivers

receiver small --auto-accept --max-size 20
expect 15 "over the limit" "$lsend" send --json "127.0.0.1:$port" "$work/artifacts"
[ "$(read_json "$work/out" exit_code)" = 15 ] || die "exit_code of the limit"
expect 0 "within the limit" "$lsend" send "127.0.0.1:$port" "$work/artifacts/app.bin"
gone=$port
stop_receivers

# --- a target that is not there -------------------------------------------------------------------

expect 5 "refused connection" "$lsend" send --json "127.0.0.1:$gone" "$work/artifacts/app.bin"
[ "$(read_json "$work/out" exit_code)" = 5 ] || die "exit_code of a refused connection"
expect 3 "unknown alias" "$lsend" send "no-such-device" "$work/artifacts/app.bin"
expect 2 "no file named" "$lsend" send "127.0.0.1:$gone"
expect 11 "no such file" "$lsend" send "127.0.0.1:$gone" "$work/no-such-file"

say "ok"
