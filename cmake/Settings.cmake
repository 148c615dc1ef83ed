# Language, warnings, sanitizers and hardening as two interface targets that every target links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
find_program(LSEND_CCACHE ccache)
if(LSEND_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LSEND_CCACHE})
  if(LSEND_PCH)
    list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
         CCACHE_SLOPPINESS=pch_defines,time_macros)
  endif()
endif()

# lsend_precompile(TARGET): most of a small file's compile time is Asio's headers. Other presets do
# without, and tell when a file forgot an include.
function(lsend_precompile target)
  if(LSEND_PCH)
    target_precompile_headers(${target} PRIVATE <algorithm> <filesystem> <functional> <map> <memory>
                              <optional> <string> <unordered_map> <variant> <vector> ${ARGN})
  endif()
endfunction()

add_library(lsend_settings INTERFACE)
target_include_directories(lsend_settings INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(lsend_settings INTERFACE LSEND_VERSION="${PROJECT_VERSION}")

add_library(lsend_warnings INTERFACE)
target_compile_options(lsend_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                                -Wnon-virtual-dtor -Wformat=2)
if(LSEND_WERROR)
  target_compile_options(lsend_warnings INTERFACE -Werror)
endif()

if(LSEND_SANITIZE)
  target_compile_options(lsend_settings INTERFACE -fsanitize=${LSEND_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=undefined)
  target_link_options(lsend_settings INTERFACE -fsanitize=${LSEND_SANITIZE})
  # Instrumented code hides from g++ 12 that a Result's other half is never read.
  target_compile_options(lsend_settings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

if(LSEND_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "LSEND_FUZZERS needs clang: libFuzzer is a part of it; use the preset 'fuzz'")
  endif()
  # Coverage for the libraries; the main() of libFuzzer is linked in tests/fuzz only. clang 14 cannot
  # assemble coroutines that are checked by -fsanitize=function, a part of undefined.
  target_compile_options(lsend_settings INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize=function)
endif()

include(Hardening)
if(LSEND_HARDENED)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(lsend_settings INTERFACE lsend_hardening)
endif()
