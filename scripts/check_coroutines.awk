# Reads C++ sources and prints forms that g++ 12 compiles into crashes:
#   R1 co_await in the condition of if, while, switch, for (the init part is fine)
#   R2 a capturing lambda or a braced temporary in one statement with co_await
#   R4 co_await inside catch, or inside REQUIRE and its like
# It reads tokens, no grammar: brackets on a stack, one entry each, and the statement that is open.

function report(where, message) { print file ":" where ": " message }

# Takes literals and comments out of a line, so that their text is never code.
function code_of(text, start, open, delimiter, stop) {
  if (raw_end != "") {
    stop = index(text, raw_end)
    if (!stop) return ""
    text = "\"\"" substr(text, stop + length(raw_end))
    raw_end = ""
  }
  while (match(text, /(^|[^A-Za-z0-9_])R"[^ ()\\"]*\(/)) {
    start = RSTART; open = RSTART + RLENGTH
    delimiter = substr(text, start, RLENGTH)
    sub(/^.*R"/, "", delimiter); sub(/\($/, "", delimiter)
    delimiter = ")" delimiter "\""
    stop = index(substr(text, open), delimiter)
    if (!stop) {
      raw_end = delimiter
      return substr(text, 1, start)
    }
    text = substr(text, 1, start) "0" substr(text, open + stop - 1 + length(delimiter))
  }
  gsub(/'\\?"'/, "0", text)
  gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
  gsub(/'([^'\\]|\\.)'/, "0", text)
  gsub(/\/\*([^*]|\*[^\/])*\*\//, "", text)
  if (in_comment) {
    if (!(stop = index(text, "*/"))) return ""
    text = substr(text, stop + 2)
    in_comment = 0
  }
  sub(/\/\/.*/, "", text)
  if (start = index(text, "/*")) {
    in_comment = 1
    text = substr(text, 1, start - 1)
  }
  return text
}

# A block (or the file) has statements of its own; other brackets belong to the one around them.
function open_statement() { await_at[home] = 0; risk_at[home] = 0; risk[home] = "" }
function end_statement() {
  if (await_at[home] && risk_at[home]) {
    report(risk_at[home], "R2: " risk[home] " in a statement with co_await; name it first and move it in")
  }
  open_statement()
}
function risky(what) {
  if (!risk_at[home]) { risk_at[home] = FNR; risk[home] = what }
}

function push(what) {
  kind[++depth] = what
  pending[depth] = 0; semicolons[depth] = 0; lambda[depth] = 0; returns[depth] = 0
  outer_home[depth] = home
  if (what == "block" || what == "catch") { home = depth; open_statement() }
}
function pop() {
  if (depth == 0) return
  if (pending[depth]) {
    report(pending[depth], "R1: co_await in the condition of '" kind[depth] "'; take its result into a named local first")
  }
  if (home == depth) end_statement()
  home = outer_home[depth]
  depth--
}

function open_parenthesis(word) {
  word = previous == "constexpr" ? before : previous
  if (word ~ /^(if|while|switch|for)$/) push(word)
  else if (word ~ /^(REQUIRE|CHECK)(_FALSE|_THROWS|_NOTHROW)?$/) push("assertion")
  else push("(")
  if (word == "catch") catch_depth = depth
}

function open_brace() {
  if (catch_next) { end_statement(); push("catch"); catch_next = 0 }
  else if (lambda[depth] || returns[depth]) {
    lambda_body[depth + 1] = lambda[depth]
    lambda[depth] = 0; returns[depth] = 0
    push("block")
  }
  else if (previous ~ /^(\)|;|\{|\}|:|else|do|try|const|noexcept|override|final|mutable)?$/) {
    end_statement(); push("block"); lambda_body[depth] = 0
  } else {
    if (previous == "(" || previous == ",") risky("a braced temporary")
    else if (previous ~ /^[A-Z][A-Za-z0-9]*[a-z]/ && before !~ /^(class|struct|enum|union|namespace)$/) risky("a braced '" previous "{'")
    push("brace")
  }
}

function close_brace(was_statement) {
  was_statement = kind[depth] == "catch" || (kind[depth] == "block" && !lambda_body[depth])
  pop()
  if (was_statement) open_statement()
}

function saw_await(i) {
  await_at[home] = FNR
  for (i = depth; i > home; i--) {
    if (kind[i] ~ /^(if|while|switch|for)$/ && !pending[i]) pending[i] = FNR
    if (kind[i] == "assertion") report(FNR, "R4: co_await inside an assertion; take its result into a named local first")
    if (kind[i] == "brace") risky("a braced initialiser around it")
  }
  for (i = depth; i > 0; i--) {
    if (kind[i] == "catch") { report(FNR, "R4: co_await inside catch; leave the handler first"); break }
  }
}

function semicolon(k) {
  returns[depth] = 0
  k = kind[depth]
  if (k == "if" || k == "switch" || (k == "for" && semicolons[depth] == 0)) pending[depth] = 0
  if (k ~ /^(if|switch|for)$/) semicolons[depth]++
  end_statement()
}

function take(token) {
  if (token == "(") open_parenthesis()
  else if (token == "[") {
    push("[")
    # After a name, ')' or ']' it is a subscript, anywhere else a lambda (or an attribute).
    introducer[depth] = previous !~ /^([A-Za-z0-9_]+|\)|\]|\[)$/ || previous ~ /^(return|co_return|co_await)$/
    if (previous == "[") introducer[depth - 1] = 0
    if (previous == "&" && before ~ /^(auto|&)$/) introducer[depth] = 0
  } else if (token == "{") open_brace()
  else if (token == ")") {
    if (catch_depth == depth && depth > 0) { catch_next = 1; catch_depth = 0 }
    pop()
  } else if (token == "]") {
    if (kind[depth] == "[" && introducer[depth]) {
      if (previous != "[") risky("a capturing lambda")
      pop()
      lambda[depth] = 1
    } else pop()
  } else if (token == "}") close_brace()
  else if (token == ";") semicolon()
  else if (token == "." && previous == "{") risky("a braced aggregate")
  else if (token == "co_await") saw_await()
  else if (token == ">" && previous == "-" && before ~ /^(\)|const|noexcept)$/) returns[depth] = 1
  before = previous
  previous = token
}

FNR == 1 {
  file = FILENAME
  depth = 0; home = 0; catch_depth = 0; catch_next = 0; in_comment = 0; raw_end = ""; in_macro = 0
  previous = ""; before = ""; lambda[0] = 0; returns[0] = 0; kind[0] = ""
  open_statement()
}

{
  is_macro = in_macro || $0 ~ /^[ \t]*#/
  in_macro = is_macro && $0 ~ /\\$/
  if (is_macro) next
  rest = code_of($0)
  while (match(rest, /[A-Za-z_][A-Za-z0-9_]*|[^A-Za-z_ \t]/)) {
    token = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    take(token)
  }
}
