// Accounting: CPU time and memory of the server through /proc, latency in log-linear steps.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

// Latency: values below 64 ns exactly, above that 64 steps for each power of two.

enum { STEPS = 64 };
static struct {
  uint64_t counts[STEPS * STEPS];
  uint64_t total, max;
} latency;

void record_latency(uint64_t nanoseconds) {
  size_t slot = nanoseconds;
  if (nanoseconds >= STEPS) {
    int power = 63 - __builtin_clzll(nanoseconds);
    slot = (size_t)(power - 5) * STEPS + ((nanoseconds >> (power - 6)) & (STEPS - 1));
  }
  latency.counts[slot]++;
  latency.total++;
  if (nanoseconds > latency.max) latency.max = nanoseconds;
}

static double latency_us(double quantile) {
  uint64_t wanted = (uint64_t)(quantile * (double)latency.total), seen = 0;
  for (size_t slot = 0; slot < STEPS * STEPS; slot++) {
    seen += latency.counts[slot];
    if (seen <= wanted) continue;
    if (slot < STEPS) return (double)slot / 1e3;
    size_t power = slot / STEPS + 5;
    return (double)((STEPS + slot % STEPS) << (power - 6)) / 1e3;
  }
  return (double)latency.max / 1e3;
}

// The server

typedef struct {
  double user, system;
} CPU;

static char *server_path(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "/proc/%s/%s", text_argument("pid", "0"), name);
  return path;
}

// Seconds by the kernel's ticks of 10 ms, which tell user from system.
static CPU cpu_ticks(void) {
  CPU cpu = {0, 0};
  char text[1024] = "";
  FILE *file = fopen(server_path("stat"), "r");
  if (!file) fail("pid=%s is no process", text_argument("pid", "0"));
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  unsigned long user = 0, system = 0;
  char *after_name = strrchr(text, ')');
  if (after_name) {
    sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  }
  double ticks = (double)sysconf(_SC_CLK_TCK);
  cpu.user = (double)user / ticks;
  cpu.system = (double)system / ticks;
  return cpu;
}

// Seconds on a CPU in nanoseconds' precision, all living threads together.
static double cpu_exact(void) {
  double seconds = 0;
  char folder[128], path[512];
  snprintf(folder, sizeof folder, "%s", server_path("task"));
  DIR *threads = opendir(folder);
  if (!threads) return 0;
  for (struct dirent *thread; (thread = readdir(threads));) {
    if (thread->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s/schedstat", folder, thread->d_name);
    FILE *file = fopen(path, "r");
    unsigned long long nanoseconds = 0;
    if (!file) continue;
    if (fscanf(file, "%llu", &nanoseconds) == 1) seconds += (double)nanoseconds / 1e9;
    fclose(file);
  }
  closedir(threads);
  return seconds;
}

static long memory_kib(const char *key) {
  long value = 0;
  char line[256];
  FILE *file = fopen(server_path("status"), "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    if (!strncmp(line, key, strlen(key))) value = atol(line + strlen(key) + 1);
  }
  fclose(file);
  return value;
}

static void reset_peak_memory(void) {
  int file = open(server_path("clear_refs"), O_WRONLY);
  if (file < 0) return;
  if (write(file, "5", 1) != 1) fprintf(stderr, "the peak of memory could not be reset\n");
  close(file);
}

static double own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct {
  CPU ticks;
  double exact, own;
} before;

void measure_begin(void) {
  reset_peak_memory();
  before.ticks = cpu_ticks();
  before.exact = cpu_exact();
  before.own = own_cpu();
  run.started_ns = now_ns();
}

// The exact sum misses threads that ended meanwhile: then the ticks are nearer to the truth.
static CPU cpu_since_begin(void) {
  CPU now = cpu_ticks();
  CPU cpu = {now.user - before.ticks.user, now.system - before.ticks.system};
  double ticks = cpu.user + cpu.system, exact = cpu_exact() - before.exact;
  if (exact < ticks * 0.9 - 0.03) exact = ticks;
  double scale = ticks > 0 ? exact / ticks : 0;
  if (ticks <= 0) cpu.system = exact;
  if (ticks > 0) cpu = (CPU){cpu.user * scale, cpu.system * scale};
  return cpu;
}

void measure_end(const char *protocol, const char *mode, uint64_t delivered, uint64_t lost) {
  double seconds = (double)(now_ns() - run.started_ns) / 1e9;
  CPU cpu = cpu_since_begin();
  double own = own_cpu() - before.own, count = delivered ? (double)delivered : 1;
  double total = cpu.user + cpu.system;
  printf("{\"protocol\":\"%s\",\"mode\":\"%s\",\"messages\":%llu,\"lost\":%llu,\"seconds\":%.3f",
         protocol, mode, (unsigned long long)delivered, (unsigned long long)lost, seconds);
  printf(",\"messages_per_second\":%.0f,\"server_cpu_us\":%.4f,\"server_user_us\":%.4f",
         (double)delivered / seconds, total * 1e6 / count, cpu.user * 1e6 / count);
  printf(",\"server_system_us\":%.4f,\"server_busy\":%.3f,\"generator_cpu_us\":%.4f",
         cpu.system * 1e6 / count, total / seconds, own * 1e6 / count);
  printf(",\"peak_rss_kib\":%ld,\"rss_kib\":%ld", memory_kib("VmHWM:"), memory_kib("VmRSS:"));
  if (latency.total) {
    printf(",\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f", latency_us(0.5),
           latency_us(0.99), latency_us(0.999), (double)latency.max / 1e3);
  }
  printf("}\n");
}

void measure_idle(const char *protocol, Connection *(*open_one)(int index, uint32_t source)) {
  enum { CONNECTIONS_PER_ADDRESS = 5000, FIRST_ADDRESS = 0x7f000002 };
  int count = (int)number_argument("conns", 10000);
  long start = memory_kib("VmRSS:");
  for (int i = 0; i < count; i++) {
    Connection *connection = open_one(i, FIRST_ADDRESS + (uint32_t)(i / CONNECTIONS_PER_ADDRESS));
    free(connection->input.bytes);
    free(connection->output.bytes);
    free(connection);
  }
  usleep(500000);
  long end = memory_kib("VmRSS:");
  printf("{\"protocol\":\"%s\",\"mode\":\"idle\",\"connections\":%d,\"lost\":0", protocol, count);
  printf(",\"start_rss_kib\":%ld,\"rss_kib\":%ld,\"per_connection_kib\":%.3f}\n", start, end,
         (double)(end - start) / count);
}
