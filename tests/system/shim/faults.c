/* Preloaded into lsend: fails the n-th call that touches a folder, makes its disk slow, and moves the
 * clocks. FAULT_CONTROL names a file of the numbers below, which a test changes while lsend runs;
 * FAULT_UNDER is the folder. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MODE_FAIL = 0, MODE_SHORT = 1, MODE_INTERRUPT = 2 };

struct control {
  volatile long mode;
  volatile long at;    /* the call that fails; 0 = none. MODE_INTERRUPT: any other than 0 */
  volatile long error; /* errno of that call */
  volatile long count; /* calls so far */
  volatile long clock; /* seconds added to the wall clock */
  volatile long steady; /* seconds added to the clock that only goes forward */
  volatile long slow;   /* milliseconds that each read() and each sync takes longer */
  volatile char name[24]; /* the call that failed */
};

static struct control *control(void) {
  static struct control *mapped;
  static int tried;
  if (tried) return mapped;
  tried = 1;
  const char *path = getenv("FAULT_CONTROL");
  if (path == NULL) return NULL;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return NULL;
  void *place = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (place != MAP_FAILED) mapped = place;
  return mapped;
}

static int is_below(int fd, const char *path) {
  char link[64];
  char place[4096];
  const char *under = getenv("FAULT_UNDER");
  if (under == NULL) return 0;
  if (path != NULL && path[0] == '/') return strncmp(path, under, strlen(under)) == 0;
  if (fd < 0) return 0;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, place, sizeof(place) - 1);
  if (size <= 0) return 0;
  place[size] = '\0';
  return strncmp(place, under, strlen(under)) == 0;
}

/* 1 when this call has to fail, with errno set. */
static int trips(const char *name, int fd, const char *path) {
  const int kept = errno;
  struct control *faults = control();
  if (faults == NULL || !is_below(fd, path)) {
    errno = kept;
    return 0;
  }
  const long number = __sync_add_and_fetch(&faults->count, 1);
  errno = kept;
  if (faults->mode == MODE_INTERRUPT && faults->at != 0 && number % 2 == 1) {
    errno = EINTR;
    return strcmp(name, "write") == 0 || strcmp(name, "fallocate") == 0 || strcmp(name, "fsync") == 0;
  }
  if (faults->mode != MODE_FAIL || faults->at != number) return 0;
  strncpy((char *)faults->name, name, sizeof(faults->name) - 1);
  errno = (int)faults->error;
  return 1;
}

#define REAL(type, name) ((type)(dlsym(RTLD_NEXT, name)))

ssize_t write(int fd, const void *bytes, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL) real = REAL(ssize_t(*)(int, const void *, size_t), "write");
  if (trips("write", fd, NULL)) return -1;
  struct control *faults = control();
  if (faults != NULL && faults->mode == MODE_SHORT && size > 1 && is_below(fd, NULL)) size = size / 2;
  return real(fd, bytes, size);
}

#define WRAP(name, fd, path, arguments, ...)                        \
  int name arguments {                                              \
    static int(*real) arguments;                                    \
    if (real == NULL) real = REAL(int(*) arguments, #name);         \
    if (trips(#name, fd, path)) return -1;                          \
    return real(__VA_ARGS__);                                       \
  }

WRAP(fdatasync, fd, NULL, (int fd), fd)
WRAP(fchmod, fd, NULL, (int fd, mode_t mode), fd, mode)
WRAP(futimens, fd, NULL, (int fd, const struct timespec times[2]), fd, times)
WRAP(ftruncate, fd, NULL, (int fd, off_t size), fd, size)
WRAP(fallocate, fd, NULL, (int fd, int mode, off_t from, off_t size), fd, mode, from, size)
WRAP(fstatvfs, fd, NULL, (int fd, struct statvfs *status), fd, status)
WRAP(mkdirat, fd, path, (int fd, const char *path, mode_t mode), fd, path, mode)
WRAP(unlinkat, fd, path, (int fd, const char *path, int flags), fd, path, flags)
WRAP(renameat, fd, from, (int fd, const char *from, int to_fd, const char *to), fd, from, to_fd, to)
WRAP(renameat2, fd, from,
     (int fd, const char *from, int to_fd, const char *to, unsigned flags), fd, from, to_fd, to, flags)
WRAP(linkat, fd, from, (int fd, const char *from, int to_fd, const char *to, int flags), fd, from,
     to_fd, to, flags)

static void linger(int fd) {
  struct control *faults = control();
  if (faults == NULL || faults->slow <= 0 || !is_below(fd, NULL)) return;
  const struct timespec pause = {faults->slow / 1000, faults->slow % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

int fsync(int fd) {
  linger(fd);
  if (trips("fsync", fd, NULL)) return -1;
  return REAL(int (*)(int), "fsync")(fd);
}

int syncfs(int fd) {
  linger(fd);
  if (trips("syncfs", fd, NULL)) return -1;
  return REAL(int (*)(int), "syncfs")(fd);
}

ssize_t read(int fd, void *bytes, size_t size) {
  static ssize_t (*real)(int, void *, size_t);
  if (real == NULL) real = REAL(ssize_t(*)(int, void *, size_t), "read");
  linger(fd);
  return real(fd, bytes, size);
}

/* The descriptor is gone, whatever close says: as on a network file system. */
int close(int fd) {
  static int (*real)(int);
  if (real == NULL) real = REAL(int (*)(int), "close");
  if (!trips("close", fd, NULL)) return real(fd);
  const int error = errno;
  real(fd);
  errno = error;
  return -1;
}

int openat(int fd, const char *path, int flags, ...) {
  static int (*real)(int, const char *, int, ...);
  if (real == NULL) real = REAL(int (*)(int, const char *, int, ...), "openat");
  __builtin_va_list words;
  __builtin_va_start(words, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? __builtin_va_arg(words, mode_t) : 0;
  __builtin_va_end(words);
  if (trips("openat", fd, path)) return -1;
  return real(fd, path, flags, mode);
}

int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = REAL(int (*)(clockid_t, struct timespec *), "clock_gettime");
  const int status = real(which, now);
  struct control *faults = control();
  if (status == 0 && which == CLOCK_REALTIME && faults != NULL) now->tv_sec += faults->clock;
  if (status == 0 && which == CLOCK_MONOTONIC && faults != NULL) now->tv_sec += faults->steady;
  return status;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}
