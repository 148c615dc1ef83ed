"""scripts/check_rooms.sh finds each breach of the walls and of the coroutine rules, and only those."""

import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_rooms.sh"


def check(root, files):
    """Writes the tree and gives (exit code, lines on stdout)."""
    for name, text in {"include/lsend/model/ids.hpp": "#pragma once\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([SCRIPT, root], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def include(*targets):
    return "#pragma once\n" + "".join(f"#include {target}\n" for target in targets)


def body(statements):
    return "awaitable<void> run(int a) {\n" + statements + "\n}\n"


CLEAN = {
    "include/lsend/model/result.hpp": include('"lsend/model/ids.hpp"', "<boost/system/result.hpp>"),
    "include/lsend/protocol/codec.hpp": include('"lsend/model/ids.hpp"', "<nlohmann/json_fwd.hpp>"),
    "lib/protocol/v2.cpp": include('"lsend/protocol/codec.hpp"', "<nlohmann/json.hpp>"),
    "lib/discovery/target.cpp": include('"lsend/discovery/target.hpp"', "<arpa/inet.h>"),
    "lib/identity/identity.cpp": include("<openssl/x509.h>", "<fcntl.h>", '"key_file.hpp"'),
    "lib/storage/sha256.cpp": include("<openssl/evp.h>", "<filesystem>", '"lsend/model/ids.hpp"'),
    "include/lsend/net/client.hpp": include("<boost/asio/awaitable.hpp>", '"lsend/model/ids.hpp"'),
    "lib/net/client.cpp": include("<boost/beast/http.hpp>", "<openssl/ssl.h>"),
    "include/lsend/app/send.hpp": include('"lsend/transfer/send_plan.hpp"'),
    "lib/app/send.cpp": include('"lsend/net/client.hpp"', "<boost/asio/post.hpp>"),
    "cmd/main.cpp": include("<CLI/CLI.hpp>", '"lsend/app/send.hpp"', '"options.hpp"',
                            "<nlohmann/json.hpp>"),
    "tests/net/client_test.cpp": include("<boost/asio/io_context.hpp>", "<boost/beast/http.hpp>"),
}


def test_a_clean_tree_passes(tmp_path):
    assert check(tmp_path, CLEAN) == (0, [])


def test_an_empty_root_is_an_error_not_a_pass(tmp_path):
    done = subprocess.run([SCRIPT, tmp_path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "no sources" in done.stderr


def test_a_relative_root_and_script(tmp_path):
    (tmp_path / "scripts").symlink_to(SCRIPT.parent)
    check(tmp_path, {"lib/model/a.cpp": include("<fstream>")})
    done = subprocess.run(["scripts/check_rooms.sh", "."], cwd=tmp_path, capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 1
    assert done.stdout.startswith("lib/model/a.cpp:2: ")


def test_the_repository_itself_passes():
    done = subprocess.run([SCRIPT, SCRIPT.parents[1]], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "")


WALLS = [
    ("lib/model/ids.cpp", '"lsend/protocol/codec.hpp"', "model may not include"),
    ("include/lsend/model/ids2.hpp", '"lsend/protocol/codec.hpp"', "model may not include"),
    ("lib/protocol/v2.cpp", '"lsend/transfer/send_plan.hpp"', "protocol may not include"),
    ("lib/transfer/plan.cpp", '"lsend/discovery/target.hpp"', "transfer may not include"),
    ("lib/discovery/target.cpp", '"lsend/net/client.hpp"', "discovery may not include"),
    ("lib/identity/identity.cpp", '"lsend/storage/home.hpp"', "identity may not include"),
    ("lib/storage/home.cpp", '"lsend/identity/identity.hpp"', "storage may not include"),
    ("lib/net/client.cpp", '"lsend/protocol/codec.hpp"', "net may not include"),
    ("lib/net/client.cpp", '"lsend/app/send.hpp"', "net may not include"),
    ("cmd/main.cpp", '"lsend/protocol/codec.hpp"', "cmd may not include"),
    ("cmd/main.cpp", '"lsend/net/client.hpp"', "cmd may not include"),
    ("lib/model/ids.cpp", '"../net/secret.hpp"', "an include that climbs"),
    ("lib/cellar/wine.cpp", "<string>", "'cellar' is not a room"),
    ("lib/protocol/v2.cpp", "<boost/asio/buffer.hpp>", "Asio outside net and app"),
    ("lib/storage/spool.cpp", "<boost/asio.hpp>", "Asio outside net and app"),
    ("cmd/main.cpp", "<boost/asio/io_context.hpp>", "Asio outside net and app"),
    ("include/lsend/app/send.hpp", "<boost/asio/awaitable.hpp>",
     "Asio in a public header of app"),
    ("lib/model/ids.cpp", "<openssl/evp.h>", "OpenSSL in model"),
    ("lib/protocol/v2.cpp", "<openssl/sha.h>", "OpenSSL in protocol"),
    ("lib/transfer/plan.cpp", "<openssl/rand.h>", "OpenSSL in transfer"),
    ("lib/discovery/target.cpp", "<openssl/rand.h>", "OpenSSL in discovery"),
    ("lib/app/send.cpp", "<openssl/ssl.h>", "OpenSSL in app"),
    ("cmd/main.cpp", "<openssl/ssl.h>", "OpenSSL in cmd"),
    ("lib/storage/sha256.cpp", "<openssl/ssl.h>", "storage may include OpenSSL's digest only"),
    ("lib/model/text.cpp", "<fstream>", "model is pure and knows no files"),
    ("lib/protocol/v2.cpp", "<filesystem>", "protocol is pure and knows no files"),
    ("lib/transfer/plan.cpp", "<fcntl.h>", "transfer is pure and knows no files"),
    ("lib/discovery/target.cpp", "<sys/stat.h>", "discovery is pure and knows no files"),
    ("include/lsend/model/text.hpp", "<unistd.h>", "model is pure and knows no files"),
    ("include/lsend/net/client.hpp", "<boost/beast/core.hpp>", "Beast in a header"),
    ("lib/net/detail.hpp", "<boost/beast/core.hpp>", "Beast in a header"),
    ("lib/app/send.cpp", "<boost/beast/http.hpp>", "Beast outside net"),
    ("cmd/main.cpp", "<boost/beast/http.hpp>", "Beast outside net"),
    ("cmd/options.hpp", "<CLI/CLI.hpp>", "CLI11 in a header"),
    ("lib/app/send.cpp", "<CLI/CLI.hpp>", "CLI11 outside cmd"),
    ("include/lsend/protocol/codec.hpp", "<nlohmann/json.hpp>",
     "<nlohmann/json.hpp> in a public header"),
]


@pytest.mark.parametrize("name, target, message", WALLS)
def test_each_wall(tmp_path, name, target, message):
    code, lines = check(tmp_path, {name: include("<string>", target)})
    assert code == 1
    expected = f"{name}:2: " if message.endswith("is not a room") else f"{name}:3: "
    assert lines[0].startswith(expected + message)


def test_beast_in_a_fifth_file(tmp_path):
    four = {f"lib/net/a{n}.cpp": include("<boost/beast/core.hpp>", "<boost/beast/http.hpp>")
            for n in range(4)}
    assert check(tmp_path, four) == (0, [])
    code, lines = check(tmp_path, {"lib/net/a4.cpp": include("<boost/beast/http.hpp>")})
    assert code == 1
    assert lines == ["lib/net/a4.cpp:2: Beast in more than four .cpp: <boost/beast/http.hpp>"]


def test_cli11_in_a_second_file(tmp_path):
    code, lines = check(tmp_path, {"cmd/a.cpp": include("<CLI/CLI.hpp>"),
                                   "cmd/b.cpp": include("<CLI/App.hpp>")})
    assert code == 1
    assert lines == ["cmd/b.cpp:2: CLI11 in more than one .cpp (also cmd/a.cpp): <CLI/App.hpp>"]


def test_asio_behind_another_header_of_app(tmp_path):
    code, lines = check(tmp_path, {
        "include/lsend/app/send.hpp": include('"lsend/app/shared.hpp"'),
        "include/lsend/app/shared.hpp": include('"lsend/net/client.hpp"'),
        "include/lsend/net/client.hpp": include("<boost/asio/awaitable.hpp>"),
    })
    assert code == 1
    assert lines == [
        f"include/lsend/app/{name}.hpp:1: a public header of app sees Asio through "
        "include/lsend/net/client.hpp" for name in ("send", "shared")]


GOOD_COROUTINES = [
    "  if (auto r = co_await f(); !r) co_return;",
    "  if (auto r = co_await f(\n          a);\n      !r) {\n    co_return;\n  }",
    "  for (auto r = co_await f(); r; r = g(a)) {\n    co_await h();\n  }",
    "  auto ok = co_await f();\n  if (ok) co_await g();",
    "  while (true) {\n    co_await f();\n  }",
    "  auto named = [this] { return 1; };\n  co_await f(named);",
    "  auto named = [this]() -> awaitable<void> { co_await f(); };",
    "  spawn(ex, [this, a]() -> awaitable<Result<int>> { co_await f(); }, done);",
    "  co_await f([](int b) { return b; });",
    "  auto& [x, y] = table[a];\n  co_await f(x[0], y[a]);",
    "  auto [x, y] = co_await f();",
    "  [[maybe_unused]] auto x = co_await f();",
    "  const Request request{a, 1};\n  co_await f(request);",
    "  Request request{a, 1};\n  if (a) {\n    co_await f(request);\n  }",
    "  if (a) return Request{a};\n  co_await f();",
    "  try {\n    co_await f();\n  } catch (const std::exception& e) {\n    log(e);\n  }\n  co_await g();",
    "  // if (co_await f()) in a comment, catch ( {\n  co_await f();",
    "  /* if (co_await f())\n     while (co_await g()) */\n  co_await f();",
    '  log("if (co_await f())");\n  co_await f(\'"\', "({");',
    '  auto text = R"({"a": [{.b)";\n  co_await f(text);',
    '  auto text = R"x({"a":\n if (co_await f()) )x";\n  co_await f(text);',
    '  log("ERROR" + g("("));\n  co_await f();',
    "  co_await f(std::chrono::seconds{5});",
    "  auto r = co_await f();\n  REQUIRE(r);",
]

BAD_COROUTINES = [
    ("  if (co_await f()) co_return;", 2, "R1: co_await in the condition of 'if'"),
    ("  if (auto r = co_await f()) co_return;", 2, "R1: co_await in the condition of 'if'"),
    ("  if (a &&\n      co_await f(g(a))) {\n  }", 3, "R1: co_await in the condition of 'if'"),
    ("  if (auto r = g(); co_await f(r)) {\n  }", 2, "R1: co_await in the condition of 'if'"),
    ("  if constexpr (co_await f()) {\n  }", 2, "R1: co_await in the condition of 'if'"),
    ("  while (co_await f()) {\n  }", 2, "R1: co_await in the condition of 'while'"),
    ("  do {\n  } while (!co_await f());", 3, "R1: co_await in the condition of 'while'"),
    ("  switch (co_await f()) {\n  }", 2, "R1: co_await in the condition of 'switch'"),
    ("  for (int i = 0; co_await f(i); ++i) {\n  }", 2, "R1: co_await in the condition of 'for'"),
    ("  for (auto x : co_await f()) {\n  }", 2, "R1: co_await in the condition of 'for'"),
    ("  co_await f([&] { return a; });", 2, "R2: a capturing lambda"),
    ("  co_await f([=] { return a; });", 2, "R2: a capturing lambda"),
    ("  co_await f([this] { return b; });", 2, "R2: a capturing lambda"),
    ("  co_await f(\n      [x = std::move(y)]() mutable { return x; });", 3,
     "R2: a capturing lambda"),
    ("  if (auto r = co_await f([&] { return a; }); r) {\n  }", 2, "R2: a capturing lambda"),
    ("  co_await f({a, 1});", 2, "R2: a braced temporary"),
    ("  co_await f(1, {.a = 2});", 2, "R2: a braced temporary"),
    ("  co_await f(Request{a, 1});", 2, "R2: a braced 'Request{'"),
    ("  co_await f(\n      lsend::Request{\n          .a = 1});", 3, "R2: a braced 'Request{'"),
    ("  Request x{co_await f(), co_await g()};", 2, "R2: a braced initialiser around it"),
    ("  co_return {co_await f()};", 2, "R2: a braced initialiser around it"),
    ("  try {\n    g();\n  } catch (const std::exception& e) {\n    if (a) {\n      co_await f();\n"
     "    }\n  }", 6, "R4: co_await inside catch"),
    ("  REQUIRE(co_await f());", 2, "R4: co_await inside an assertion"),
    ("  co_spawn(ex, f(), asio::detached);", 2, "asio::detached loses errors"),
]


@pytest.mark.parametrize("statements", GOOD_COROUTINES)
def test_good_coroutines(tmp_path, statements):
    assert check(tmp_path, {"lib/net/a.cpp": body(statements)}) == (0, [])


@pytest.mark.parametrize("name", ["lib/net/a.cpp", "lib/app/deep/a.hpp", "include/lsend/net/a.hpp",
                                  "cmd/a.cpp", "tests/net/a_test.cpp"])
@pytest.mark.parametrize("statements, line, message", BAD_COROUTINES)
def test_bad_coroutines(tmp_path, name, statements, line, message):
    # A good coroutine behind the bad one: what was found must not spread.
    text = body(statements) + body("  co_await f();")
    code, lines = check(tmp_path, {name: text})
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}:{line}: {message}")
