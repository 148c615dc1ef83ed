# Reads "file:line:#include ..." and prints each include that a room may not have.
# One row a room: what it may include of ours. Nothing points up; app joins what is below it.
BEGIN {
  sees["model"] = "model"
  sees["protocol"] = "model protocol"
  sees["transfer"] = "model transfer"
  sees["discovery"] = "model discovery"
  sees["identity"] = "model identity"
  sees["storage"] = "model storage"
  sees["net"] = "model net"
  sees["app"] = "model protocol transfer discovery identity storage net app"
  sees["cmd"] = "model app cmd"
  split("evp sha rand", names, " ")
  for (i in names) digest["openssl/" names[i] ".h"] = 1
  split("fstream filesystem fcntl.h sys/stat.h unistd.h", names, " ")
  for (i in names) file_header[names[i]] = 1
}

function report(message) { print file ":" line ": " message }
function may_see(room, other) { return index(" " sees[room] " ", " " other " ") > 0 }
function is_pure(room) { return room ~ /^(model|protocol|transfer|discovery)$/ }

function room_of(path, parts) {
  split(path, parts, "/")
  if (parts[1] == "include") return parts[3]
  return parts[1] == "cmd" ? "cmd" : parts[2]
}

function check_room_include(target, parts) {
  split(target, parts, "/")
  if (!may_see(room, parts[2])) {
    report(room " may not include " target ": it sees only " sees[room])
  }
  includes[file] = includes[file] " include/" target
}

function check_asio(target) {
  if (room != "net" && room != "app") report("Asio outside net and app: <" target ">")
  else if (file ~ /^include\/lsend\/app\//) report("Asio in a public header of app, the face towards cmd: <" target ">")
  asio[file] = 1
}

function check_beast(target) {
  if (file ~ /\.hpp$/) report("Beast in a header: <" target ">")
  else if (room != "net") report("Beast outside net: <" target ">")
  else if (!(file in beast)) {
    beast[file] = 1
    if (++beast_files > 4) report("Beast in more than four .cpp: <" target ">")
  }
}

function check_openssl(target) {
  if (room == "identity" || room == "net") return
  if (room == "storage" && target in digest) return
  if (room == "storage") report("storage may include OpenSSL's digest only (evp.h, sha.h, rand.h): <" target ">")
  else report("OpenSSL in " room ": <" target ">")
}

function check_cli(target) {
  if (file ~ /\.hpp$/) report("CLI11 in a header: <" target ">")
  else if (room != "cmd") report("CLI11 outside cmd: <" target ">")
  else if (cli != "" && cli != file) report("CLI11 in more than one .cpp (also " cli "): <" target ">")
  else cli = file
}

# The first Asio that a header reaches through headers of ours, or "".
function reaches_asio(header, depth, list, count, i, found) {
  if (header in asio) return header
  if (depth > 20 || (header in visited)) return ""
  visited[header] = 1
  count = split(includes[header], list, " ")
  for (i = 1; i <= count; i++) {
    found = reaches_asio(list[i], depth + 1)
    if (found != "") return found
  }
  return ""
}

{
  file = $0; sub(/:.*/, "", file)
  rest = substr($0, length(file) + 2)
  line = rest; sub(/:.*/, "", line)
  target = rest; sub(/^[^<"]*[<"]/, "", target); sub(/[>"].*/, "", target)
  room = room_of(file)
  if (!(room in sees)) { report("'" room "' is not a room; add it to scripts/check_includes.awk"); next }
  if (target ~ /(^|\/)\.\.\//) report("an include that climbs: \"" target "\"")
  if (target ~ /^lsend\//) check_room_include(target)
  else if (target ~ /^boost\/asio/) check_asio(target)
  else if (target ~ /^boost\/beast/) check_beast(target)
  else if (target ~ /^openssl\//) check_openssl(target)
  else if (target ~ /^CLI\//) check_cli(target)
  else if (target == "nlohmann/json.hpp" && file ~ /^include\//) report("<nlohmann/json.hpp> in a public header; use <nlohmann/json_fwd.hpp>")
  else if ((target in file_header) && is_pure(room)) report(room " is pure and knows no files: <" target ">")
}

END {
  line = 1
  for (file in includes) {
    if (file !~ /^include\/lsend\/app\// || (file in asio)) continue
    split("", visited)
    through = reaches_asio(file, 0)
    if (through != "") report("a public header of app sees Asio through " through)
  }
}
