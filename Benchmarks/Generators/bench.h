// What the load generators share: arguments, byte buffers, connections on one epoll loop, pacing,
// a latency histogram, and the accounting of the server's CPU and memory through /proc.
//
// A generator is one thread that sends frames encoded beforehand, without a client library, so that
// what is measured is the server. It prints one line of JSON.
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Arguments are given as key=value; numbers may end in k or m; of two, the last one counts.
void bench_start(int argc, char **argv);
const char *text_argument(const char *key, const char *fallback);
int64_t number_argument(const char *key, int64_t fallback);

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);

static inline void put_u16(uint8_t *to, uint16_t value) {
  to[0] = value >> 8;
  to[1] = value & 0xff;
}

static inline uint16_t get_u16(const uint8_t *from) { return from[0] << 8 | from[1]; }

// Bytes between `start` and `end` are waiting to be read or sent.
typedef struct {
  uint8_t *bytes;
  size_t start, end, capacity;
} Buffer;

// Room for `count` bytes at the end; the caller moves `end`.
uint8_t *buffer_room(Buffer *buffer, size_t count);
void buffer_append(Buffer *buffer, const void *bytes, size_t count);

typedef struct Connection {
  int fd;
  int index;          // among its kind
  int role;           // the generator's own
  bool is_blocked;    // the socket takes no more for now
  Buffer input, output;
  uint64_t sent, acknowledged;
  uint32_t next_id;
} Connection;

// Connects to addr=IP:PORT, loopback only. `source` is a loopback address to bind to, or 0.
Connection *connection_open(int index, int role, uint32_t source);
// For the handshake, before the loop runs: blocking.
void connection_write(Connection *connection, const void *bytes, size_t count);
uint8_t *connection_need(Connection *connection, size_t count);
char *connection_line(Connection *connection, size_t *length);
// From here on the loop reads it.
void connection_join(Connection *connection);
void connection_flush(Connection *connection);

// Numbers of the run, set by bench_start from size=, msgs=, window=, rate= and limit=.
extern struct Run {
  size_t size;           // payload bytes
  uint64_t messages;     // to be sent
  uint64_t window;       // messages in flight, all publishers together
  double rate;           // messages a second; 0 is as fast as the window allows
  uint64_t sent;
  uint64_t delivered;    // progress: eight seconds without any end the run
  uint64_t finished;     // sent messages that are wholly delivered: what the window counts
  uint64_t started_ns;
  bool is_done;
} run;

// Sends and receives until run.is_done; false when the time was up or nothing moved any more.
bool run_loop(void (*on_bytes)(Connection *), void (*on_turn)(uint64_t now));
// How many messages may be sent now, and when message number `index` was due at the paced rate.
uint64_t sends_allowed(uint64_t now);
uint64_t due_ns(uint64_t index);

void record_latency(uint64_t nanoseconds);

// Around what is measured; pid= names the server's process.
void measure_begin(void);
void measure_end(const char *protocol, const char *mode, uint64_t delivered, uint64_t lost);
// Opens idle=N connections through `open_one`, then prints memory per connection.
void measure_idle(const char *protocol, Connection *(*open_one)(int index, uint32_t source));

#endif
