// The subscriptions of the wildcard workload, in either protocol's notation.
//
// 1,000 topics fleet.<region 0-9>.<device 0-99>.state and 10,000 subscriptions, half of them with
// wildcards: each topic by name five times, each device as fleet.R.D.* four times, and each device
// number of all regions as fleet.*.D.state ten times. A message so reaches 19 subscriptions, which
// lie on 19 different connections: no server may fold them into one delivery.
#ifndef FLEET_H
#define FLEET_H

enum {
  FLEET_TOPICS = 1000,
  FLEET_SUBSCRIPTIONS = 10000,
  FLEET_CONNECTIONS = 95,
  FLEET_COPIES = 19,
};

typedef struct {
  char separator, any_level;
} Notation;

// Writes the name of topic `index`; `text` has room for 64 bytes.
void fleet_topic(Notation notation, int index, char *text);
// Writes the filter of subscription `index` and returns the connection that holds it.
int fleet_filter(Notation notation, int index, char *text);

#endif
