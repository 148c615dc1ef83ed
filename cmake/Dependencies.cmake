# Debian 12 is the base; newer Boost and Catch2 3 configure too.
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
find_package(CLI11 2.1 CONFIG REQUIRED)
find_package(nlohmann_json 3.11 CONFIG REQUIRED)
find_package(tomlplusplus 3.3 CONFIG REQUIRED)
find_package(spdlog 1.10 CONFIG REQUIRED)
# The shared libraries of these two bind 1,400 symbols at every start of the program; as headers, each in
# one file of ours, they bind none. Debian's spdlog asks for the shared fmt even so.
if(TARGET fmt::fmt-header-only)
  set_property(TARGET spdlog::spdlog_header_only PROPERTY
               INTERFACE_LINK_LIBRARIES Threads::Threads fmt::fmt-header-only)
endif()
add_library(lsend_toml INTERFACE)
target_include_directories(lsend_toml SYSTEM INTERFACE
  $<TARGET_PROPERTY:tomlplusplus::tomlplusplus,INTERFACE_INCLUDE_DIRECTORIES>)
target_compile_definitions(lsend_toml INTERFACE TOML_HEADER_ONLY=1)
find_package(PkgConfig REQUIRED)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
if(LSEND_TESTS)
  find_package(Catch2 CONFIG REQUIRED)
  if(Catch2_VERSION VERSION_LESS 2.13.10)
    message(FATAL_ERROR "Catch2 ${Catch2_VERSION} is too old: lsend's tests need 2.13.10 or newer")
  endif()
endif()
if(LSEND_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()
