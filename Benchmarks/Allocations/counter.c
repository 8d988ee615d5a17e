// Counts a process's heap allocations. Loaded with LD_PRELOAD; the counters live in the file that
// ALLOCATION_COUNTS names, mapped, so that another process reads them while this one runs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  _Atomic uint64_t allocations, bytes;
} Counts;

static Counts until_mapped;
static Counts *counts = &until_mapped;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);

// dlsym itself may call calloc: such early memory comes from here and is never given back.
static _Alignas(16) char early_memory[4096];
static size_t early_used;

static int is_early(const void *pointer) {
  const char *byte = pointer;
  return byte >= early_memory && byte < early_memory + sizeof early_memory;
}

static void *early_allocation(size_t size) {
  size_t start = early_used;
  early_used += (size + 15) & ~(size_t)15;
  return early_used <= sizeof early_memory ? early_memory + start : NULL;
}

static void find_next(void) {
  static int is_finding;
  if (next_malloc || is_finding) return;
  is_finding = 1;
  next_calloc = dlsym(RTLD_NEXT, "calloc");
  next_realloc = dlsym(RTLD_NEXT, "realloc");
  next_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
  next_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
  next_malloc = dlsym(RTLD_NEXT, "malloc");
  is_finding = 0;
}

__attribute__((constructor)) static void map_counts(void) {
  find_next();
  const char *path = getenv("ALLOCATION_COUNTS");
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0 || ftruncate(file, sizeof(Counts))) return;
  void *mapped = mmap(NULL, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) counts = mapped;
}

static void count(size_t bytes) {
  atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&counts->bytes, bytes, memory_order_relaxed);
}

void *malloc(size_t size) {
  find_next();
  if (!next_malloc) return early_allocation(size);
  count(size);
  return next_malloc(size);
}

void *calloc(size_t number, size_t size) {
  find_next();
  if (!next_calloc) return early_allocation(number * size);
  count(number * size);
  return next_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
  find_next();
  count(size);
  return next_realloc(pointer, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  find_next();
  count(size);
  return next_posix_memalign(pointer, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  find_next();
  count(size);
  return next_aligned_alloc(alignment, size);
}

void free(void *pointer) {
  static void (*next_free)(void *);
  if (!pointer || is_early(pointer)) return;
  if (!next_free) next_free = dlsym(RTLD_NEXT, "free");
  next_free(pointer);
}
