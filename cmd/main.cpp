#include <cstdio>

int main() {
  std::puts("lsend " LSEND_VERSION);
  return 0;
}
