#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 262144, EVENTS_MAX = 512, IDLE_WAIT_MS = 20 };
static const uint64_t STALL_NS = 8000000000ull;

struct Run run;
static int argument_count;
static char **arguments;
static struct sockaddr_in address;
static int poller = -1;
static double limit_seconds;
static bool is_spinning;

void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

// Arguments

const char *text_argument(const char *key, const char *fallback) {
  size_t length = strlen(key);
  for (int i = argument_count - 1; i > 0; i--) {
    if (!strncmp(arguments[i], key, length) && arguments[i][length] == '=') {
      return arguments[i] + length + 1;
    }
  }
  return fallback;
}

int64_t number_argument(const char *key, int64_t fallback) {
  const char *text = text_argument(key, NULL);
  if (!text) return fallback;
  char *end;
  double value = strtod(text, &end);
  if (*end == 'k') value *= 1e3;
  if (*end == 'm') value *= 1e6;
  return (int64_t)value;
}

static void read_address(void) {
  char text[64];
  snprintf(text, sizeof text, "%s", text_argument("addr", ""));
  char *colon = strrchr(text, ':');
  if (!colon) fail("addr=IP:PORT is missing");
  *colon = 0;
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail("addr=%s is no address", text);
  if (ntohl(address.sin_addr.s_addr) >> 24 != 127) fail("only loopback addresses are loaded");
}

void bench_start(int argc, char **argv) {
  argument_count = argc;
  arguments = argv;
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  read_address();
  run.size = (size_t)number_argument("size", 16);
  if (run.size < 8) fail("size= is at least 8: a timestamp travels in the payload");
  run.messages = (uint64_t)number_argument("msgs", 1000000);
  run.rate = (double)number_argument("rate", 0);
  run.window = (uint64_t)number_argument("window", 8192);
  limit_seconds = (double)number_argument("limit", 60);
  is_spinning = number_argument("spin", run.rate > 0);
}

// Buffers

uint8_t *buffer_room(Buffer *buffer, size_t count) {
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
  if (buffer->capacity - buffer->end >= count) return buffer->bytes + buffer->end;
  if (buffer->start) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
  if (buffer->capacity - buffer->end < count) {
    buffer->capacity = buffer->end + count + 65536;
    buffer->bytes = realloc(buffer->bytes, buffer->capacity);
    if (!buffer->bytes) fail("no memory");
  }
  return buffer->bytes + buffer->end;
}

void buffer_append(Buffer *buffer, const void *bytes, size_t count) {
  memcpy(buffer_room(buffer, count), bytes, count);
  buffer->end += count;
}

// Connections

Connection *connection_open(int index, int role, uint32_t source) {
  Connection *connection = calloc(1, sizeof *connection);
  if (!connection) fail("no memory");
  connection->index = index;
  connection->role = role;
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) fail("socket: %s", strerror(errno));
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source) {
    setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    if (bind(connection->fd, (void *)&from, sizeof from)) fail("bind: %s", strerror(errno));
  }
  for (int attempt = 0; connect(connection->fd, (void *)&address, sizeof address); attempt++) {
    if (attempt == 50) fail("connect: %s", strerror(errno));
    usleep(20000);
  }
  return connection;
}

void connection_write(Connection *connection, const void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t sent = send(connection->fd, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR && errno != EAGAIN) fail("send: %s", strerror(errno));
    if (sent > 0) done += (size_t)sent;
  }
}

static void read_blocking(Connection *connection) {
  for (;;) {
    uint8_t *room = buffer_room(&connection->input, 4096);
    ssize_t count = recv(connection->fd, room, 4096, 0);
    if (count > 0) {
      connection->input.end += (size_t)count;
      return;
    }
    if (count == 0) fail("the server closed the connection during the handshake");
    if (errno != EINTR && errno != EAGAIN) fail("recv: %s", strerror(errno));
  }
}

uint8_t *connection_need(Connection *connection, size_t count) {
  Buffer *input = &connection->input;
  while (input->end - input->start < count) read_blocking(connection);
  return input->bytes + input->start;
}

char *connection_line(Connection *connection, size_t *length) {
  Buffer *input = &connection->input;
  for (;;) {
    size_t waiting = input->end - input->start;
    uint8_t *end = waiting ? memchr(input->bytes + input->start, '\n', waiting) : NULL;
    if (!end) {
      read_blocking(connection);
      continue;
    }
    char *line = (char *)input->bytes + input->start;
    *length = (size_t)((char *)end - line);
    input->start += *length + 1;
    if (*length && line[*length - 1] == '\r') --*length;
    line[*length] = 0;
    return line;
  }
}

void connection_join(Connection *connection) {
  if (poller < 0) poller = epoll_create1(EPOLL_CLOEXEC);
  fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
}

static void set_blocked(Connection *connection, bool is_blocked) {
  if (connection->is_blocked == is_blocked) return;
  connection->is_blocked = is_blocked;
  uint32_t events = EPOLLIN | (is_blocked ? EPOLLOUT : 0);
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

void connection_flush(Connection *connection) {
  Buffer *output = &connection->output;
  while (output->start < output->end) {
    ssize_t sent = send(connection->fd, output->bytes + output->start,
                        output->end - output->start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      output->start += (size_t)sent;
    } else if (errno == EAGAIN) {
      set_blocked(connection, true);
      return;
    } else if (errno != EINTR) {
      fail("send: %s", strerror(errno));
    }
  }
  set_blocked(connection, false);
}

// The loop

static void handle(struct epoll_event *event, void (*on_bytes)(Connection *)) {
  Connection *connection = event->data.ptr;
  if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    uint8_t *room = buffer_room(&connection->input, READ_BYTES);
    ssize_t count = recv(connection->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (count > 0) {
      connection->input.end += (size_t)count;
      on_bytes(connection);
      if (connection->output.start < connection->output.end && !connection->is_blocked) {
        connection_flush(connection);
      }
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      fail("the server closed connection %d of role %d: %s", connection->index, connection->role,
           count ? strerror(errno) : "end of stream");
    }
  }
  if (event->events & EPOLLOUT) connection_flush(connection);
}

bool run_loop(void (*on_bytes)(Connection *), void (*on_turn)(uint64_t now)) {
  static struct epoll_event events[EVENTS_MAX];
  uint64_t end = now_ns() + (uint64_t)(limit_seconds * 1e9);
  uint64_t progress_ns = now_ns(), progress = run.delivered;
  while (!run.is_done) {
    uint64_t now = now_ns();
    if (run.delivered != progress) {
      progress = run.delivered;
      progress_ns = now;
    }
    if (now > end || now - progress_ns > STALL_NS) return false;
    uint64_t sent = run.sent;
    on_turn(now);
    if (run.is_done) break;
    int wait = is_spinning || run.sent != sent ? 0 : IDLE_WAIT_MS;
    int count = epoll_wait(poller, events, EVENTS_MAX, wait);
    for (int i = 0; i < count; i++) handle(&events[i], on_bytes);
  }
  return true;
}

uint64_t due_ns(uint64_t index) {
  return run.started_ns + (uint64_t)((double)index * 1e9 / run.rate);
}

uint64_t sends_allowed(uint64_t now) {
  uint64_t left = run.messages - run.sent, allowed;
  if (run.rate > 0) {
    uint64_t due = (uint64_t)((double)(now - run.started_ns) * run.rate / 1e9) + 1;
    allowed = due > run.sent ? due - run.sent : 0;
  } else {
    uint64_t in_flight = run.sent - run.finished;
    allowed = in_flight < run.window ? run.window - in_flight : 0;
  }
  return allowed < left ? allowed : left;
}
