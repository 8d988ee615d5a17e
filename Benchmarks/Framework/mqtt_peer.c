// The other end of the framework's benchmarks over MQTT 5.0: mqtt-peer addr=IP:PORT. Feeds
// bench/data as it is told on bench/feed: "MESSAGES BYTES HEADERS QOS".
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "packets.h"

// A message on bench/credit stands for as many more. What is on its way is less than servers drop.
enum { STEP = 1024, WINDOW = 4 * STEP, IN_FLIGHT = 100, TURN_BYTES = 65536 };
enum { CONTENT_TYPE = 3, USER_PROPERTY = 38, ID_DIGITS = 22 };

static Connection *peer;
static uint64_t wanted, sent, earned;
static int qos;
// The PUBLISH that is fed, and where its identifier and the digits of its id are.
static uint8_t *frame;
static size_t frame_length, packet_id, id_digits;

// What the framework writes with each message, and where its id is.
static size_t put_headers(uint8_t *to, size_t *id_at) {
  char text[32];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  size_t at = 0;
  to[at++] = CONTENT_TYPE;
  at += put_text(to + at, "application/octet-stream");
  to[at++] = USER_PROPERTY;
  at += put_text(to + at, "message-id");
  *id_at = at + 2;
  snprintf(text, sizeof text, "%0*d", ID_DIGITS, 0);
  at += put_text(to + at, text);
  to[at++] = USER_PROPERTY;
  at += put_text(to + at, "Godwit-Time");
  snprintf(text, sizeof text, "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
  return at + put_text(to + at, text);
}

static void make_frame(size_t size, bool has_headers) {
  const char *topic = "bench/data";
  uint8_t headers[256];
  size_t id_at = 0;
  size_t header_length = has_headers ? put_headers(headers, &id_at) : 0;
  uint8_t lengths[8];
  size_t length_size = put_variable(lengths, header_length);
  size_t body = 2 + strlen(topic) + (qos ? 2 : 0) + length_size + header_length + size;
  free(frame);
  frame = malloc(body + 8);
  if (!frame) fail("no memory");
  frame[0] = (uint8_t)(PUBLISH << 4 | qos << 1);
  size_t at = 1 + put_variable(frame + 1, body);
  at += put_text(frame + at, topic);
  packet_id = at;
  if (qos) at += 2;
  memcpy(frame + at, lengths, length_size);
  at += length_size;
  memcpy(frame + at, headers, header_length);
  id_digits = has_headers ? at + id_at : 0;
  at += header_length;
  memset(frame + at, 'x', size);
  frame_length = at + size;
}

static void take_order(const uint8_t *payload, size_t length) {
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)length, (const char *)payload);
  unsigned long long count;
  unsigned long size;
  int has_headers;
  if (sscanf(text, "%llu %lu %d %d", &count, &size, &has_headers, &qos) != 4) {
    fail("not an order: %s", text);
  }
  wanted = count;
  sent = earned = 0;
  peer->sent = peer->acknowledged = 0;
  make_frame(size, has_headers);
}

static void take_packet(Connection *connection, uint8_t first, const uint8_t *body,
                        size_t length) {
  if (first >> 4 == PUBACK) {
    connection->acknowledged++;
  } else if (first >> 4 == PUBLISH) {
    size_t name = get_u16(body), at = 2 + name + (first & 6 ? 2 : 0);
    if (at >= length || body[at] & 128) fail("a message with properties of 128 bytes or more");
    at += 1 + body[at];
    if (name == strlen("bench/feed") && !memcmp(body + 2, "bench/feed", name)) {
      take_order(body + at, length - at);
    } else {
      earned += STEP;
    }
  }
}

static void on_bytes(Connection *connection) { take_packets(connection, take_packet); }

static void put_id(uint8_t *to, uint64_t value) {
  for (int place = ID_DIGITS; place-- && value; value /= 10) to[place] = '0' + value % 10;
}

static void on_turn(uint64_t now) {
  (void)now;
  // The first steps are free; then each is earned.
  uint64_t end = earned + WINDOW < wanted ? earned + WINDOW : wanted;
  if (sent == end || peer->is_blocked) return;
  size_t bytes = 0;
  for (; sent < end && bytes < TURN_BYTES; bytes += frame_length) {
    if (qos && peer->sent - peer->acknowledged >= IN_FLIGHT) break;
    uint8_t *room = buffer_room(&peer->output, frame_length);
    memcpy(room, frame, frame_length);
    if (qos) put_u16(room + packet_id, (uint16_t)(peer->next_id++ % 65535 + 1));
    if (id_digits) put_id(room + id_digits, sent);
    peer->output.end += frame_length;
    peer->sent++;
    sent++;
    run.sent++;
  }
  if (bytes) connection_flush(peer);
}

int main(int argc, char **argv) {
  bench_start(argc, argv);
  is_version_5 = true;
  peer = open_mqtt(0, 0, 0);
  subscribe_to(peer, "bench/feed", 0);
  subscribe_to(peer, "bench/credit", 0);
  connection_join(peer);
  puts("ready");
  fflush(stdout);
  // Until it is killed: the loop's own ends are those of a run that has stalled.
  for (;;) run_loop(on_bytes, on_turn);
}
