#include "lsend/storage/file_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

Result<std::string> read_all(ByteSource& source) {
  std::string all;
  std::array<std::byte, 7> buffer{};
  while (true) {
    auto count = source.read(buffer);
    if (!count) return count.error();
    if (*count == 0) return all;
    all.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
}

LocalFile local(const fs::path& path, std::uint64_t size) {
  LocalFile file;
  file.path = path;
  file.file_name = path.filename().string();
  file.size = size;
  return file;
}

}  // namespace

TEST_CASE("exactly the announced bytes are read") {
  TempFolder temp;
  const std::string text = "The quick brown fox jumps over the lazy dog";
  const auto path = temp.write("f", text);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{14}, text.size()}) {
    auto source = FileSource::open(local(path, size));
    REQUIRE(source.has_value());
    auto all = read_all(**source);
    REQUIRE(all.has_value());
    CHECK(*all == text.substr(0, size));
  }
}

TEST_CASE("a file that shrinks fails, one that grows is cut") {
  TempFolder temp;
  const auto path = temp.write("f", "0123456789");
  auto source = FileSource::open(local(path, 10));
  REQUIRE(source.has_value());
  SECTION("shrunk after it was opened") {
    fs::resize_file(path, 4);
    CHECK(read_all(**source).error() ==
          Error(Errc::io, "'" + path.string() +
                              "' changed while it was sent: 10 bytes were announced, 4 are there"));
  }
  SECTION("grown") {
    temp.write("f", "0123456789abcdef");
    CHECK(*read_all(**source) == "0123456789");
  }
  SECTION("shrunk before it was opened") {
    fs::resize_file(path, 0);
    CHECK(FileSource::open(local(path, 10)).error().code() == Errc::io);
  }
}

TEST_CASE("every change that can be noticed has a remark") {
  TempFolder temp;
  const auto path = temp.write("f", "0123456789");
  const auto shown = "'" + path.string() + "' ";
  const std::string grew = shown + "grew while it was sent: the receiver has the first 10 of its ";
  const auto at = [&](std::time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 5}};
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  const auto write = [&](const std::string& text) {
    const UniqueFd file(open(path.c_str(), O_WRONLY));
    REQUIRE(pwrite(file.get(), text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
  };
  at(1'000'000'000);
  auto file = local(path, 10);
  file.modified = look_again(file)->modified;
  const auto after = [&](const auto& before, const auto& meanwhile) {
    before();
    auto source = FileSource::open(file);
    REQUIRE(source.has_value());
    std::array<std::byte, 4> some{};
    REQUIRE((*source)->read(some).has_value());
    meanwhile();
    REQUIRE(read_all(**source).has_value());
    return (*source)->remark();
  };
  const auto nothing = [] {};
  SECTION("none") { CHECK(after(nothing, nothing).empty()); }
  SECTION("grown while it is sent") {
    CHECK(after(nothing, [&] { write("0123456789abcd"); }) == grew + "14 bytes");
  }
  SECTION("grown since it was listed") {
    CHECK(after([&] { write("0123456789ab"); }, nothing) == grew + "12 bytes");
  }
  SECTION("other contents of the same size") {
    CHECK(after(nothing, [&] { write("9876543210"); }) ==
          shown + "was changed while it was sent: what arrived may be neither the old nor the new "
                  "file");
  }
  SECTION("replaced while it is sent") {
    CHECK(after(nothing, [&] { fs::rename(temp.write("g", "9876543210"), path); }) ==
          shown + "was replaced while it was sent: the receiver has the one before");
  }
  SECTION("replaced since it was listed") {
    CHECK(after([&] { fs::rename(temp.write("g", "9876543210"), path); }, nothing) ==
          shown + "was changed after it was announced: what arrived is newer than the time it has "
                  "there");
  }
  SECTION("moved, removed, or its mode changed: the bytes are what they were") {
    CHECK(after(nothing, [&] { fs::rename(path, temp / "g"); }).empty());
    fs::rename(temp / "g", path);
    CHECK(after(nothing, [&] { fs::permissions(path, fs::perms::owner_read); }).empty());
    CHECK(after(nothing, [&] { fs::remove(path); }).empty());
  }
}

TEST_CASE("what is no file any more does not hang and is named") {
  TempFolder temp;
  const auto path = temp / "f";
  SECTION("gone") {
    CHECK(FileSource::open(local(path, 1)).error() ==
          Error(Errc::io, "cannot open '" + path.string() + "': No such file or directory"));
  }
  SECTION("a FIFO now") {
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    CHECK(FileSource::open(local(path, 1)).error() ==
          Error(Errc::io, "'" + path.string() + "' is no longer a regular file"));
  }
  SECTION("a folder now") {
    fs::create_directory(path);
    CHECK(FileSource::open(local(path, 1)).error().code() == Errc::io);
  }
}

TEST_CASE("a file's hash is that of the announced bytes") {
  TempFolder temp;
  const auto path = temp.write("f", "hello, world");
  CHECK(*hash_file(local(path, 5)) ==
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  CHECK(*hash_file(local(path, 0)) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash_file(local(path, 50)).error().code() == Errc::io);
  std::atomic<bool> stop = false;
  CHECK(hash_file(local(path, 5), &stop).has_value());
  stop = true;
  CHECK(hash_file(local(path, 5), &stop).error().code() == Errc::interrupted);
}

TEST_CASE("a stream is spooled and can be sent like a file") {
  TempFolder temp;
  std::string text(700'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  const auto path = temp.write("input", text);
  const UniqueFd input(open(path.c_str(), O_RDONLY));
  auto spool = Spool::from(input.get(), {temp.path()});
  REQUIRE(spool.has_value());
  CHECK(spool->size() == text.size());
  CHECK(files_in(temp.path()) == std::set<std::string>{"input"});
  LocalFile file = local("standard input", spool->size());
  file.descriptor = spool->descriptor();
  // By several targets at once.
  auto first = FileSource::open(file);
  auto second = FileSource::open(file);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  std::array<std::byte, 7> beginning{};
  REQUIRE((*second)->read(beginning).has_value());
  CHECK(*read_all(**first) == text);
  CHECK(*read_all(**second) == text.substr(7));
  CHECK((*first)->remark().empty());
  CHECK(look_again(file)->size == text.size());
}

TEST_CASE("a spool that cannot be made says where") {
  TempFolder temp;
  auto spool = Spool::from(0, {temp / "no-such"});
  REQUIRE(!spool);
  CHECK(spool.error().message().starts_with("cannot make a temporary file in '" +
                                            (temp / "no-such").string()));
  CHECK(Spool::from(-1, {temp.path()}).error().code() == Errc::io);
}

TEST_CASE("types by extension") {
  struct Case {
    const char* name;
    const char* type;
  };
  for (const auto& c :
       {Case{"a.txt", "text/plain"}, Case{"A.JPG", "image/jpeg"},
        Case{"d/a.tar.gz", "application/gzip"}, Case{"a.7z", "application/x-7z-compressed"},
        Case{"a.zst", "application/zstd"}, Case{"noextension", "application/octet-stream"},
        Case{"a.", "application/octet-stream"}, Case{"d.txt/a", "application/octet-stream"},
        Case{"a.unheardof", "application/octet-stream"}, Case{"", "application/octet-stream"}}) {
    INFO(c.name);
    CHECK(mime_type_of(c.name) == c.type);
  }
}
