// Load for JetStream: one stream of one subject, stored in files. mode=
//   publish  pubs= publishers; a message is done when its acknowledgement is there. Each has a
//            reply subject of its own, as the client libraries give it
//   consume  a durable pull consumer with explicit acknowledgement; batch= messages for a request,
//            the next one when it is through. The stream is filled before the measurement
// make=0 takes the stream that is there, tidy=0 leaves it behind.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "nats_client.h"

enum { PUBLISHER = 1, CONSUMER, ASKER };
enum { TURN_BYTES = 65536, REPLY_DIGITS = 8, SUBJECT_MAX = 256 };

static Connection **publishers;
static int publisher_count;
// PUB bench.js _INBOX.bench.N.00000000 size, and the payload; the digits are at `digits`.
static uint8_t *frame;
static size_t frame_length, frame_head;
static Connection *consumer;
static uint64_t batch, left_of_batch;
static bool is_ending;

// Asks the API and waits for the answer, which must be no error.
static void ask(const char *call, const char *body) {
  static Connection *asker;
  char text[1024];
  size_t length;
  if (!asker) {
    asker = open_nats(0, ASKER, 0);
    subscribe(asker, "_INBOX.ask", 1);
  }
  int count = snprintf(text, sizeof text, "PUB $JS.API.%s _INBOX.ask %zu\r\n%s\r\n", call,
                       strlen(body), body);
  connection_write(asker, text, (size_t)count);
  for (;;) {
    char *line = connection_line(asker, &length);
    if (!strncmp(line, "PING", 4)) connection_write(asker, "PONG\r\n", 6);
    if (!strncmp(line, "HMSG", 4)) fail("%s: nobody answers", call);
    if (!strncmp(line, "MSG", 3)) break;
  }
  char *answer = connection_line(asker, &length);
  if (strstr(answer, "\"error\"") && !strstr(call, "DELETE")) fail("%s: %s", call, answer);
}

static void make_stream(void) {
  char text[256];
  ask("STREAM.DELETE.BENCH", "");
  snprintf(text, sizeof text,
           "{\"name\":\"BENCH\",\"subjects\":[\"bench.js\"],\"storage\":\"%s\",\"retention\":"
           "\"limits\",\"max_bytes\":%lld,\"num_replicas\":1}",
           text_argument("storage", "file"), (long long)number_argument("keep", -1));
  ask("STREAM.CREATE.BENCH", text);
}

static void make_frame(void) {
  frame = malloc(run.size + SUBJECT_MAX);
  if (!frame) fail("no memory");
  frame_head = (size_t)sprintf((char *)frame, "PUB bench.js _INBOX.bench.00.%0*d %zu\r\n",
                               REPLY_DIGITS, 0, run.size);
  memset(frame + frame_head, 'x', run.size);
  memcpy(frame + frame_head + run.size, "\r\n", 2);
  frame_length = frame_head + run.size + 2;
}

static void open_publishers(void) {
  publisher_count = (int)number_argument("pubs", 1);
  if (publisher_count > 99) fail("pubs= is at most 99");
  publishers = calloc((size_t)publisher_count, sizeof *publishers);
  for (int i = 0; i < publisher_count; i++) {
    char inbox[32];
    publishers[i] = open_nats(i, PUBLISHER, 0);
    snprintf(inbox, sizeof inbox, "_INBOX.bench.%02d.*", i);
    subscribe(publishers[i], inbox, 1);
    connection_join(publishers[i]);
  }
}

// Sending

static void append_publish(Connection *connection) {
  enum { INBOX = sizeof "PUB bench.js _INBOX.bench." - 1 };
  uint8_t *room = buffer_room(&connection->output, frame_length);
  memcpy(room, frame, frame_length);
  room[INBOX] = '0' + connection->index / 10;
  room[INBOX + 1] = '0' + connection->index % 10;
  uint64_t number = run.sent;
  for (int i = REPLY_DIGITS; i > 0; i--, number /= 10) room[INBOX + 2 + i] = '0' + number % 10;
  connection->output.end += frame_length;
  run.sent++;
}

static void publish_on_turn(uint64_t now) {
  static uint64_t turn;
  if (run.delivered >= run.messages) {
    run.is_done = true;
    return;
  }
  run.finished = run.delivered;
  uint64_t allowed = sends_allowed(now);
  uint64_t share = (allowed + (uint64_t)publisher_count - 1) / (uint64_t)publisher_count;
  for (int i = 0; i < publisher_count && allowed; i++) {
    Connection *connection = publishers[turn++ % (uint64_t)publisher_count];
    if (connection->is_blocked) continue;
    uint64_t count = share < allowed ? share : allowed, room = TURN_BYTES / frame_length + 1;
    if (count > room) count = room;
    allowed -= count;
    for (; count; count--) append_publish(connection);
    connection_flush(connection);
  }
}

static void pull(void) {
  char text[256], body[64];
  int length = snprintf(body, sizeof body, "{\"batch\":%llu,\"expires\":30000000000}",
                        (unsigned long long)batch);
  length = snprintf(text, sizeof text,
                    "PUB $JS.API.CONSUMER.MSG.NEXT.BENCH.bench _INBOX.pull %d\r\n%s\r\n", length,
                    body);
  buffer_append(&consumer->output, text, (size_t)length);
  left_of_batch = batch;
}

static void consume_on_turn(uint64_t now) {
  (void)now;
  if (run.delivered >= run.messages) {
    if (!is_ending) buffer_append(&consumer->output, "PING\r\n", 6);
    is_ending = true;
  } else if (left_of_batch == 0) {
    pull();
  }
  connection_flush(consumer);
}

// Receiving

static void take_acknowledgement(const uint8_t *payload, size_t size) {
  if (memmem(payload, size, "\"error\"", 7)) fail("refused: %.*s", (int)size, payload);
  run.delivered++;
}

static void acknowledge(Connection *connection, const uint8_t *reply, size_t length) {
  uint8_t *room = buffer_room(&connection->output, length + 16);
  memcpy(room, "PUB ", 4);
  memcpy(room + 4, reply, length);
  memcpy(room + 4 + length, " 4\r\n+ACK\r\n", 10);
  connection->output.end += length + 14;
  left_of_batch--;
  run.delivered++;
}

// MSG <subject> <sid> [reply] <size>\r\n<payload>\r\n
static size_t take_message(Connection *connection, uint8_t *line, size_t header, size_t waiting) {
  uint8_t *digit = line + header - 3;
  size_t size = 0, scale = 1;
  for (; *digit >= '0' && *digit <= '9'; digit--, scale *= 10) {
    size += (size_t)(*digit - '0') * scale;
  }
  if (waiting < header + size + 2) return 0;
  if (connection->role == PUBLISHER) {
    take_acknowledgement(line + header, size);
  } else {
    uint8_t *reply = digit;
    while (reply[-1] != ' ') reply--;
    acknowledge(connection, reply, (size_t)(digit - reply));
  }
  return header + size + 2;
}

static void on_bytes(Connection *connection) {
  Buffer *input = &connection->input;
  for (;;) {
    uint8_t *line = input->bytes + input->start;
    size_t waiting = input->end - input->start;
    uint8_t *newline = waiting >= 5 ? memchr(line, '\n', waiting) : NULL;
    if (!newline) return;
    size_t length = (size_t)(newline - line) + 1;
    if (line[0] == 'M') {
      length = take_message(connection, line, length, waiting);
      if (!length) return;
    } else if (!memcmp(line, "PING", 4)) {
      buffer_append(&connection->output, "PONG\r\n", 6);
    } else if (!memcmp(line, "PONG", 4)) {
      if (is_ending) run.is_done = true;
    } else if (line[0] == '-' || line[0] == 'H') {
      fail("the server says %.*s", (int)length, line);
    }
    input->start += length;
  }
}

// Fills the stream, without being measured.
static void fill(void) {
  run.started_ns = now_ns();
  if (!run_loop(on_bytes, publish_on_turn)) fail("the stream could not be filled");
  run.sent = run.delivered = run.finished = 0;
  run.is_done = false;
}

static void set_up_consumer(void) {
  batch = (uint64_t)number_argument("batch", 500);
  ask("CONSUMER.CREATE.BENCH.bench",
      "{\"stream_name\":\"BENCH\",\"config\":{\"durable_name\":\"bench\",\"deliver_policy\":"
      "\"all\",\"ack_policy\":\"explicit\",\"max_ack_pending\":-1,\"replay_policy\":\"instant\"}}");
  consumer = open_nats(0, CONSUMER, 0);
  subscribe(consumer, "_INBOX.pull", 1);
  connection_join(consumer);
}

int main(int argc, char **argv) {
  bench_start(argc, argv);
  const char *mode = text_argument("mode", "publish");
  if (number_argument("make", 1)) make_stream();
  make_frame();
  open_publishers();
  void (*on_turn)(uint64_t) = publish_on_turn;
  if (!strcmp(mode, "consume")) {
    fill();
    set_up_consumer();
    on_turn = consume_on_turn;
  } else if (strcmp(mode, "publish")) {
    fail("mode=%s is unknown", mode);
  }
  measure_begin();
  bool is_whole = run_loop(on_bytes, on_turn);
  measure_end("nats", mode, run.delivered, is_whole ? 0 : run.messages - run.delivered);
  if (number_argument("tidy", 1)) ask("STREAM.DELETE.BENCH", "");
  return 0;
}
