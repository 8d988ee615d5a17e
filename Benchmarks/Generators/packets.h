// MQTT packets for clients without a library: 3.1.1, or 5.0 with is_version_5.
#ifndef PACKETS_H
#define PACKETS_H

#include "bench.h"

enum { CONNACK = 2, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK = 9, UNSUBACK = 11 };

extern bool is_version_5;

// These write to `to`, which has room, and return how many bytes it were.
size_t put_variable(uint8_t *to, size_t value);
size_t put_text(uint8_t *to, const char *text);
// SUBSCRIBE, or UNSUBSCRIBE with a granted quality of service of -1.
size_t put_subscription(uint8_t *to, const char *filter, uint16_t id, int granted);

// A connection with a clean session that was let in; `role` and `index` are part of its client id.
Connection *open_mqtt(int index, int role, uint32_t source);
// Before the connection joins the loop: blocking.
void subscribe_to(Connection *connection, const char *filter, int granted);

// Calls `take` for every whole packet of what was read: its first byte, and what is behind the
// length.
void take_packets(Connection *connection,
                  void (*take)(Connection *, uint8_t first, const uint8_t *body, size_t length));

#endif
