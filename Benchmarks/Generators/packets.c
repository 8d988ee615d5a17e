#define _GNU_SOURCE
#include "packets.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_ALIVE_SECONDS = 600 };

bool is_version_5;

size_t put_variable(uint8_t *to, size_t value) {
  size_t count = 0;
  do {
    to[count] = value & 127;
    value >>= 7;
    if (value) to[count] |= 128;
    count++;
  } while (value);
  return count;
}

size_t put_text(uint8_t *to, const char *text) {
  size_t length = strlen(text);
  put_u16(to, (uint16_t)length);
  memcpy(to + 2, text, length);
  return length + 2;
}

size_t put_subscription(uint8_t *to, const char *filter, uint16_t id, int granted) {
  uint8_t body[128];
  put_u16(body, id);
  size_t length = 2;
  if (is_version_5) body[length++] = 0;
  length += put_text(body + length, filter);
  if (granted >= 0) body[length++] = (uint8_t)granted;
  to[0] = granted >= 0 ? 0x82 : 0xa2;
  size_t at = 1 + put_variable(to + 1, length);
  memcpy(to + at, body, length);
  return at + length;
}

// Handshakes: every answer in them is shorter than 128 bytes.

static const uint8_t *await_packet(Connection *connection, int type, const char *name) {
  uint8_t *packet = connection_need(connection, 2);
  size_t length = packet[1] + 2u;
  packet = connection_need(connection, length);
  if (packet[0] >> 4 != type) fail("%s expected, not %02x", name, packet[0]);
  connection->input.start += length;
  return packet;
}

Connection *open_mqtt(int index, int role, uint32_t source) {
  Connection *connection = connection_open(index, role, source);
  char client_id[48];
  uint8_t packet[128], body[96];
  snprintf(client_id, sizeof client_id, "bench-%d-%d-%d", getpid(), role, index);
  size_t length = put_text(body, "MQTT");
  body[length++] = is_version_5 ? 5 : 4;
  body[length++] = 2;  // clean session
  put_u16(body + length, KEEP_ALIVE_SECONDS);
  length += 2;
  if (is_version_5) body[length++] = 0;
  length += put_text(body + length, client_id);
  packet[0] = 0x10;
  size_t at = 1 + put_variable(packet + 1, length);
  memcpy(packet + at, body, length);
  connection_write(connection, packet, at + length);
  if (await_packet(connection, CONNACK, "CONNACK")[3]) fail("the server refused the connection");
  return connection;
}

void subscribe_to(Connection *connection, const char *filter, int granted) {
  uint8_t packet[160];
  connection_write(connection, packet, put_subscription(packet, filter, 1, granted));
  const uint8_t *answer = await_packet(connection, SUBACK, "SUBACK");
  if (answer[answer[1] + 1] > 2) fail("the server refused %s", filter);
}

void take_packets(Connection *connection,
                  void (*take)(Connection *, uint8_t first, const uint8_t *body, size_t length)) {
  Buffer *input = &connection->input;
  for (;;) {
    uint8_t *packet = input->bytes + input->start;
    size_t waiting = input->end - input->start, header = 1, body = 0;
    int shift = 0;
    do {
      if (header >= waiting) return;
      body |= (size_t)(packet[header] & 127) << shift;
      shift += 7;
    } while (packet[header++] & 128);
    if (waiting < header + body) return;
    take(connection, packet[0], packet + header, body);
    input->start += header + body;
  }
}
