// Load for a NATS server. mode=
//   pubsub   pubs= publishers, subs= subscribers, all on one subject
//   request  pubs= requesters with window= requests in flight each, one responder in this process
//   fleet    10,000 subscriptions on 1,000 subjects, half with wildcards (fleet.h)
//   churn    one publisher, one subscriber, 100 subjects; for every ten messages another connection
//            subscribes and unsubscribes once
//   idle     conns= connections that do nothing; with sub=1 each holds a subscription
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fleet.h"
#include "nats_client.h"

enum { SUBSCRIBER = 1, PUBLISHER, RESPONDER, REQUESTER, CHURNER };
enum { TURN_BYTES = 65536, CHURN_SUBJECTS = 100, CHURN_EVERY = 10, CHURN_LIVE = 16 };
static const Notation notation = {'.', '*'};

// A whole PUB, ready to be copied; the payload begins at `payload`.
typedef struct {
  uint8_t *bytes;
  size_t length, payload;
} Frame;

static Frame *frames;
static int frame_count;
static Connection **publishers;
static int publisher_count;
static uint64_t copies;  // deliveries of one message
static Connection *churner;
static uint64_t churned;

static Frame make_frame(const char *subject, const char *reply) {
  Frame frame = {.bytes = malloc(run.size + 256)};
  if (!frame.bytes) fail("no memory");
  frame.payload = (size_t)sprintf((char *)frame.bytes, "PUB %s %s%s%zu\r\n", subject, reply,
                                  *reply ? " " : "", run.size);
  memset(frame.bytes + frame.payload, 'x', run.size);
  memcpy(frame.bytes + frame.payload + run.size, "\r\n", 2);
  frame.length = frame.payload + run.size + 2;
  return frame;
}

// Receiving

static void answer(Connection *responder, const char *reply, size_t reply_length,
                   const uint8_t *size_and_payload, size_t length) {
  buffer_append(&responder->output, "PUB ", 4);
  buffer_append(&responder->output, reply, reply_length);
  buffer_append(&responder->output, " ", 1);
  buffer_append(&responder->output, size_and_payload, length);
}

static void take_latency(const uint8_t *payload) {
  uint64_t sent;
  memcpy(&sent, payload, sizeof sent);
  record_latency(now_ns() - sent);
}

// MSG <subject> <sid> [reply] <size>\r\n<payload>\r\n
// Answers the frame's length, 0 when it is not whole yet.
static size_t take_message(Connection *connection, uint8_t *frame, size_t header, size_t waiting) {
  uint8_t *digit = frame + header - 3;
  size_t size = 0, scale = 1;
  for (; *digit >= '0' && *digit <= '9'; digit--, scale *= 10) {
    size += (size_t)(*digit - '0') * scale;
  }
  if (waiting < header + size + 2) return 0;
  const uint8_t *payload = frame + header;
  if (connection->role == RESPONDER) {
    uint8_t *reply = digit;
    while (reply[-1] != ' ') reply--;
    answer(connection, (char *)reply, (size_t)(digit - reply), digit + 1,
           (size_t)(payload - digit - 1) + size + 2);
  } else {
    run.delivered++;
    connection->acknowledged++;
    if (connection->role == REQUESTER || run.rate > 0) take_latency(payload);
  }
  return header + size + 2;
}

static void on_bytes(Connection *connection) {
  Buffer *input = &connection->input;
  for (;;) {
    uint8_t *frame = input->bytes + input->start;
    size_t waiting = input->end - input->start;
    uint8_t *newline = waiting >= 5 ? memchr(frame, '\n', waiting) : NULL;
    if (!newline) return;
    size_t length = (size_t)(newline - frame) + 1;
    if (frame[0] == 'M') {
      length = take_message(connection, frame, length, waiting);
      if (!length) return;
    } else if (!memcmp(frame, "PING", 4)) {
      buffer_append(&connection->output, "PONG\r\n", 6);
    } else if (!memcmp(frame, "PONG", 4)) {
      connection->acknowledged++;
    } else if (frame[0] == '-' || frame[0] == 'H') {
      fail("the server says %.*s", (int)length, frame);
    }
    input->start += length;
  }
}

// Sending

static void append_frame(Connection *connection, const Frame *frame, uint64_t stamp) {
  uint8_t *room = buffer_room(&connection->output, frame->length);
  memcpy(room, frame->bytes, frame->length);
  if (stamp) memcpy(room + frame->payload, &stamp, sizeof stamp);
  connection->output.end += frame->length;
  connection->sent++;
  run.sent++;
}

static void publish_on_turn(uint64_t now) {
  static uint64_t turn;
  run.finished = run.delivered / copies;
  uint64_t allowed = sends_allowed(now);
  uint64_t share = (allowed + (uint64_t)publisher_count - 1) / (uint64_t)publisher_count;
  for (int i = 0; i < publisher_count && allowed; i++) {
    Connection *connection = publishers[turn++ % (uint64_t)publisher_count];
    if (connection->is_blocked) continue;
    uint64_t count = share < allowed ? share : allowed;
    uint64_t room = TURN_BYTES / frames[0].length + 1;
    if (count > room) count = room;
    allowed -= count;
    for (; count; count--) {
      // 617 is prime to every count of subjects used: neighbours in time are none in name.
      const Frame *frame = &frames[run.sent * 617 % (uint64_t)frame_count];
      append_frame(connection, frame, run.rate > 0 ? due_ns(run.sent) : 0);
    }
    connection_flush(connection);
  }
}

static void pubsub_on_turn(uint64_t now) {
  if (run.delivered >= run.messages * copies) run.is_done = true;
  if (!run.is_done) publish_on_turn(now);
}

static void request_on_turn(uint64_t now) {
  if (run.delivered >= run.messages) {
    run.is_done = true;
    return;
  }
  for (int i = 0; i < publisher_count; i++) {
    Connection *connection = publishers[i];
    if (connection->is_blocked) continue;
    while (run.sent < run.messages && connection->sent - connection->acknowledged < run.window) {
      uint64_t due = run.rate > 0 ? due_ns(run.sent) : now;
      if (due > now) break;
      append_frame(connection, &frames[i], run.rate > 0 ? due : now_ns());
    }
    connection_flush(connection);
  }
}

static void churn_on_turn(uint64_t now) {
  uint64_t wanted = run.delivered / CHURN_EVERY;
  if (!churner->is_blocked && churned < wanted) {
    while (churned < wanted) {
      char text[96];
      churned++;
      unsigned long long id = churned, gone = churned - CHURN_LIVE;
      const char *subject = id % 2 ? "SUB bench.%llu.* %llu\r\n" : "SUB other.%llu %llu\r\n";
      buffer_append(&churner->output, text, (size_t)sprintf(text, subject, id, id));
      if (id <= CHURN_LIVE) continue;
      buffer_append(&churner->output, text, (size_t)sprintf(text, "UNSUB %llu\r\n", gone));
    }
    connection_flush(churner);
  }
  if (run.delivered < run.messages) {
    publish_on_turn(now);
  } else if (!churner->sent) {
    churner->sent = 1;
    buffer_append(&churner->output, "PING\r\n", 6);
    connection_flush(churner);
  } else if (churner->acknowledged) {
    run.is_done = true;
  }
}

// Setting up

static void open_publishers(int role) {
  publisher_count = (int)number_argument("pubs", 1);
  publishers = calloc((size_t)publisher_count, sizeof *publishers);
  for (int i = 0; i < publisher_count; i++) {
    publishers[i] = open_nats(i, role, 0);
    connection_join(publishers[i]);
  }
}

static void set_up_pubsub(void) {
  copies = (uint64_t)number_argument("subs", 1);
  frame_count = 1;
  frames[0] = make_frame("bench", "");
  for (int i = 0; i < (int)copies; i++) {
    Connection *subscriber = open_nats(i, SUBSCRIBER, 0);
    subscribe(subscriber, "bench", 1);
    connection_join(subscriber);
  }
  open_publishers(PUBLISHER);
}

static void set_up_request(void) {
  copies = 1;
  Connection *responder = open_nats(0, RESPONDER, 0);
  subscribe(responder, "service", 1);
  connection_join(responder);
  open_publishers(REQUESTER);
  frame_count = publisher_count;
  for (int i = 0; i < publisher_count; i++) {
    char inbox[32];
    snprintf(inbox, sizeof inbox, "_INBOX.%d", i);
    subscribe(publishers[i], inbox, 1);
    frames[i] = make_frame("service", inbox);
  }
}

static void set_up_fleet(void) {
  char text[64];
  Connection *subscribers[FLEET_CONNECTIONS];
  copies = FLEET_COPIES;
  frame_count = FLEET_TOPICS;
  for (int i = 0; i < FLEET_CONNECTIONS; i++) subscribers[i] = open_nats(i, SUBSCRIBER, 0);
  for (int i = 0; i < FLEET_SUBSCRIPTIONS; i++) {
    int holder = fleet_filter(notation, i, text);
    subscribe(subscribers[holder], text, i + 1);
  }
  for (int i = 0; i < FLEET_CONNECTIONS; i++) connection_join(subscribers[i]);
  for (int i = 0; i < FLEET_TOPICS; i++) {
    fleet_topic(notation, i, text);
    frames[i] = make_frame(text, "");
  }
  open_publishers(PUBLISHER);
}

static void set_up_churn(void) {
  char text[64];
  copies = 1;
  frame_count = CHURN_SUBJECTS;
  Connection *subscriber = open_nats(0, SUBSCRIBER, 0);
  for (int i = 0; i < CHURN_SUBJECTS; i++) {
    snprintf(text, sizeof text, "bench.%d", i);
    subscribe(subscriber, text, i + 1);
    frames[i] = make_frame(text, "");
  }
  connection_join(subscriber);
  churner = open_nats(0, CHURNER, 0);
  connection_join(churner);
  open_publishers(PUBLISHER);
}

static Connection *open_idle(int index, uint32_t source) {
  Connection *connection = open_nats(index, SUBSCRIBER, source);
  char text[64];
  snprintf(text, sizeof text, "idle.%d", index);
  if (number_argument("sub", 0)) subscribe(connection, text, 1);
  return connection;
}

int main(int argc, char **argv) {
  bench_start(argc, argv);
  const char *mode = text_argument("mode", "pubsub");
  static Frame storage[FLEET_TOPICS];
  frames = storage;
  void (*on_turn)(uint64_t) = pubsub_on_turn;
  if (!strcmp(mode, "idle")) {
    measure_idle("nats", open_idle);
    return 0;
  } else if (!strcmp(mode, "pubsub")) {
    set_up_pubsub();
  } else if (!strcmp(mode, "fleet")) {
    set_up_fleet();
  } else if (!strcmp(mode, "churn")) {
    set_up_churn();
    on_turn = churn_on_turn;
  } else if (!strcmp(mode, "request")) {
    set_up_request();
    on_turn = request_on_turn;
  } else {
    fail("mode=%s is unknown", mode);
  }
  measure_begin();
  bool is_whole = run_loop(on_bytes, on_turn);
  measure_end("nats", mode, run.delivered, is_whole ? 0 : run.messages * copies - run.delivered);
  return 0;
}
