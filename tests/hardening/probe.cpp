#include <array>
#include <cstdio>
#include <cstring>

/// As small as a program can be that has something to protect: a buffer on the stack, and a copy
/// whose length the compiler does not know.
int main(int argc, char** argv) {
  std::array<char, 64> copy{};
  if (argc > 1) std::strcpy(copy.data(), argv[1]);
  std::puts(copy.data());
  return 0;
}
