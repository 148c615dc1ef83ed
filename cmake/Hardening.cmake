# lsend_hardening: how a program that strangers talk to is compiled and linked (reliability.md 9.4).
# What a compiler or processor does not know is left out; scripts/check_hardening.sh looks at the result.
include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

add_library(lsend_hardening INTERFACE)
target_compile_options(lsend_hardening INTERFACE
  -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
  -Wformat=2 -Werror=format-security)
# clang 14 wants to be asked twice for zeros; CET is x86's, branch protection ARM's.
foreach(flag IN ITEMS -fstack-clash-protection -ftrivial-auto-var-init=zero -fcf-protection=full
                      -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "LSEND_HAS${flag}" known)
  check_cxx_compiler_flag("-Werror ${flag}" ${known})
  if(${known})
    target_compile_options(lsend_hardening INTERFACE ${flag})
  endif()
endforeach()
target_link_options(lsend_hardening INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
