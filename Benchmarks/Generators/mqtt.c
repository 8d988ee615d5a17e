// Load for an MQTT server. v=4 (3.1.1, the default) or v=5; mode=
//   pubsub   pubs= publishers, subs= subscribers, all on one topic; qos=, inflight= per publisher
//   fleet    10,000 subscriptions on 1,000 topics, half with wildcards (fleet.h)
//   churn    one publisher, one subscriber, 100 topics; for every ten messages another connection
//            subscribes and unsubscribes once
//   idle     conns= connections that do nothing; with sub=1 each holds a subscription
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "fleet.h"
#include "packets.h"

enum { SUBSCRIBER = 1, PUBLISHER, CHURNER };
enum { TURN_BYTES = 65536 };
enum { CHURN_TOPICS = 100, CHURN_EVERY = 10, CHURN_LIVE = 16 };
static const Notation notation = {'/', '+'};

// A whole PUBLISH, ready to be copied.
typedef struct {
  uint8_t *bytes;
  size_t length, payload, packet_id;
} Frame;

static Frame *frames;
static int frame_count;
static Connection **publishers;
static int publisher_count;
static uint64_t copies;  // deliveries of one message
static int qos, in_flight_max;
static Connection *churner;
static uint64_t churned;

static Frame make_frame(const char *topic) {
  size_t body = 2 + strlen(topic) + (qos ? 2 : 0) + is_version_5 + run.size;
  Frame frame = {.bytes = malloc(body + 8)};
  if (!frame.bytes) fail("no memory");
  frame.bytes[0] = (uint8_t)(PUBLISH << 4 | qos << 1);
  size_t at = 1 + put_variable(frame.bytes + 1, body);
  at += put_text(frame.bytes + at, topic);
  frame.packet_id = at;
  if (qos) at += 2;
  if (is_version_5) frame.bytes[at++] = 0;
  frame.payload = at;
  memset(frame.bytes + at, 'x', run.size);
  frame.length = at + run.size;
  return frame;
}

// Receiving

static void acknowledge(Connection *connection, uint8_t first, const uint8_t *packet_id) {
  uint8_t packet[4] = {first, 2, packet_id[0], packet_id[1]};
  buffer_append(&connection->output, packet, sizeof packet);
}

static void take_publish(Connection *connection, uint8_t first, const uint8_t *body) {
  int level = first >> 1 & 3;
  const uint8_t *rest = body + 2 + get_u16(body);
  run.delivered++;
  if (level) {
    acknowledge(connection, level == 1 ? PUBACK << 4 : PUBREC << 4, rest);
    rest += 2;
  }
  if (is_version_5) rest += 1 + rest[0];
  if (run.rate > 0) {
    uint64_t sent;
    memcpy(&sent, rest, sizeof sent);
    record_latency(now_ns() - sent);
  }
}

static void take_packet(Connection *connection, uint8_t first, const uint8_t *body,
                        size_t length) {
  (void)length;
  switch (first >> 4) {
    case PUBLISH: take_publish(connection, first, body); break;
    case PUBREC: acknowledge(connection, PUBREL << 4 | 2, body); break;
    case PUBREL: acknowledge(connection, PUBCOMP << 4, body); break;
    case PUBACK:
    case PUBCOMP:
    case SUBACK:
    case UNSUBACK: connection->acknowledged++; break;
    default: fail("the server sent a packet of type %d", first >> 4);
  }
}

static void on_bytes(Connection *connection) { take_packets(connection, take_packet); }

// Sending

static uint64_t acknowledged(void) {
  uint64_t sum = 0;
  for (int i = 0; i < publisher_count; i++) sum += publishers[i]->acknowledged;
  return sum;
}

static void append_frame(Connection *connection) {
  // 617 is prime to every count of topics used: neighbours in time are none in name.
  const Frame *frame = &frames[run.sent * 617 % (uint64_t)frame_count];
  uint8_t *room = buffer_room(&connection->output, frame->length);
  memcpy(room, frame->bytes, frame->length);
  if (qos) put_u16(room + frame->packet_id, (uint16_t)(connection->next_id++ % 65535 + 1));
  if (run.rate > 0) {
    uint64_t due = due_ns(run.sent);
    memcpy(room + frame->payload, &due, sizeof due);
  }
  connection->output.end += frame->length;
  connection->sent++;
  run.sent++;
}

static void publish_on_turn(uint64_t now) {
  static uint64_t turn;
  run.finished = run.delivered / copies;
  uint64_t done = qos ? acknowledged() : run.finished;
  if (done < run.finished) run.finished = done;
  uint64_t allowed = sends_allowed(now);
  uint64_t share = (allowed + (uint64_t)publisher_count - 1) / (uint64_t)publisher_count;
  for (int i = 0; i < publisher_count && allowed; i++) {
    Connection *connection = publishers[turn++ % (uint64_t)publisher_count];
    if (connection->is_blocked) continue;
    uint64_t count = share < allowed ? share : allowed, room = TURN_BYTES / frames[0].length + 1;
    if (count > room) count = room;
    if (qos) {
      uint64_t open = connection->sent - connection->acknowledged, most = (uint64_t)in_flight_max;
      uint64_t free_slots = open < most ? most - open : 0;
      if (count > free_slots) count = free_slots;
    }
    allowed -= count;
    for (; count; count--) append_frame(connection);
    connection_flush(connection);
  }
}

static bool is_delivered(void) {
  return run.delivered >= run.messages * copies && (!qos || acknowledged() >= run.messages);
}

static void pubsub_on_turn(uint64_t now) {
  if (is_delivered()) run.is_done = true;
  if (!run.is_done) publish_on_turn(now);
}

static void churn_filter(uint64_t id, char *text) {
  sprintf(text, id % 2 ? "bench/%llu/+" : "other/%llu", (unsigned long long)id);
}

static void churn_on_turn(uint64_t now) {
  uint64_t wanted = run.delivered / CHURN_EVERY;
  if (!churner->is_blocked && churned < wanted) {
    while (churned < wanted) {
      uint8_t packet[160];
      char filter[64];
      churned++;
      churn_filter(churned, filter);
      uint16_t id = (uint16_t)(churned % 32000 * 2 + 1);
      buffer_append(&churner->output, packet, put_subscription(packet, filter, id, 0));
      churner->sent++;
      if (churned <= CHURN_LIVE) continue;
      churn_filter(churned - CHURN_LIVE, filter);
      buffer_append(&churner->output, packet,
                    put_subscription(packet, filter, (uint16_t)(id + 1), -1));
      churner->sent++;
    }
    connection_flush(churner);
  }
  if (!is_delivered()) publish_on_turn(now);
  if (is_delivered() && churned >= wanted && churner->acknowledged >= churner->sent) {
    run.is_done = true;
  }
}

// Setting up

static void open_publishers(void) {
  publisher_count = (int)number_argument("pubs", 1);
  publishers = calloc((size_t)publisher_count, sizeof *publishers);
  for (int i = 0; i < publisher_count; i++) {
    publishers[i] = open_mqtt(i, PUBLISHER, 0);
    connection_join(publishers[i]);
  }
}

static void set_up_pubsub(void) {
  copies = (uint64_t)number_argument("subs", 1);
  frame_count = 1;
  frames[0] = make_frame("bench/t");
  for (int i = 0; i < (int)copies; i++) {
    Connection *subscriber = open_mqtt(i, SUBSCRIBER, 0);
    subscribe_to(subscriber, "bench/t", qos);
    connection_join(subscriber);
  }
  open_publishers();
}

static void set_up_fleet(void) {
  char text[64];
  Connection *subscribers[FLEET_CONNECTIONS];
  copies = FLEET_COPIES;
  frame_count = FLEET_TOPICS;
  for (int i = 0; i < FLEET_CONNECTIONS; i++) subscribers[i] = open_mqtt(i, SUBSCRIBER, 0);
  for (int i = 0; i < FLEET_SUBSCRIPTIONS; i++) {
    int holder = fleet_filter(notation, i, text);
    subscribe_to(subscribers[holder], text, qos);
  }
  for (int i = 0; i < FLEET_CONNECTIONS; i++) connection_join(subscribers[i]);
  for (int i = 0; i < FLEET_TOPICS; i++) {
    fleet_topic(notation, i, text);
    frames[i] = make_frame(text);
  }
  open_publishers();
}

static void set_up_churn(void) {
  char text[64];
  copies = 1;
  frame_count = CHURN_TOPICS;
  Connection *subscriber = open_mqtt(0, SUBSCRIBER, 0);
  for (int i = 0; i < CHURN_TOPICS; i++) {
    snprintf(text, sizeof text, "bench/%d", i);
    subscribe_to(subscriber, text, qos);
    frames[i] = make_frame(text);
  }
  connection_join(subscriber);
  churner = open_mqtt(0, CHURNER, 0);
  connection_join(churner);
  open_publishers();
}

static Connection *open_idle(int index, uint32_t source) {
  Connection *connection = open_mqtt(index, SUBSCRIBER, source);
  char text[64];
  snprintf(text, sizeof text, "idle/%d", index);
  if (number_argument("sub", 0)) subscribe_to(connection, text, 0);
  return connection;
}

int main(int argc, char **argv) {
  bench_start(argc, argv);
  const char *mode = text_argument("mode", "pubsub");
  qos = (int)number_argument("qos", 0);
  in_flight_max = (int)number_argument("inflight", 100);
  is_version_5 = number_argument("v", 4) == 5;
  static Frame storage[FLEET_TOPICS];
  frames = storage;
  void (*on_turn)(uint64_t) = pubsub_on_turn;
  if (!strcmp(mode, "idle")) {
    measure_idle("mqtt", open_idle);
    return 0;
  } else if (!strcmp(mode, "pubsub")) {
    set_up_pubsub();
  } else if (!strcmp(mode, "fleet")) {
    set_up_fleet();
  } else if (!strcmp(mode, "churn")) {
    set_up_churn();
    on_turn = churn_on_turn;
  } else {
    fail("mode=%s is unknown", mode);
  }
  measure_begin();
  bool is_whole = run_loop(on_bytes, on_turn);
  measure_end("mqtt", mode, run.delivered, is_whole ? 0 : run.messages * copies - run.delivered);
  return 0;
}
