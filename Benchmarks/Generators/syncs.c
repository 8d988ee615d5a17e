// Counts what a process has written to files, how often it waited for the disk, and how long.
// Loaded with LD_PRELOAD; the counters live in the file that SYNC_COUNTS names, mapped, so that
// another process reads them while this one runs: syncs, bytes, nanoseconds in syncs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  _Atomic uint64_t syncs, bytes, busy;
} Counts;

static Counts until_mapped;
static Counts *counts = &until_mapped;
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_pwritev)(int, const struct iovec *, int, off_t);
static int (*next_fdatasync)(int);

__attribute__((constructor)) static void start(void) {
  next_pwrite = dlsym(RTLD_NEXT, "pwrite");
  next_pwritev = dlsym(RTLD_NEXT, "pwritev");
  next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char *path = getenv("SYNC_COUNTS");
  if (!path) return;
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof(Counts)) != 0) return;
  void *mapped = mmap(NULL, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) counts = mapped;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t place) {
  ssize_t written = next_pwrite(file, bytes, count, place);
  if (written > 0) counts->bytes += (uint64_t)written;
  return written;
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t place) {
  ssize_t written = next_pwritev(file, pieces, count, place);
  if (written > 0) counts->bytes += (uint64_t)written;
  return written;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int fdatasync(int file) {
  uint64_t start = now();
  int result = next_fdatasync(file);
  counts->syncs++;
  counts->busy += now() - start;
  return result;
}
