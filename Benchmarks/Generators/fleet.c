#include "fleet.h"

#include <stdio.h>

enum { DEVICES = 100, EXACT_COPIES = 5, DEVICE_COPIES = 4, SPREAD = 5 };

void fleet_topic(Notation notation, int index, char *text) {
  char dot = notation.separator;
  snprintf(text, 64, "fleet%c%d%c%d%cstate", dot, index / DEVICES, dot, index % DEVICES, dot);
}

int fleet_filter(Notation notation, int index, char *text) {
  char dot = notation.separator, any = notation.any_level;
  int copy = index / FLEET_TOPICS, topic = index % FLEET_TOPICS;
  int region = topic / DEVICES, device = topic % DEVICES;
  if (copy < EXACT_COPIES) {
    fleet_topic(notation, topic, text);
    return copy * SPREAD + topic % SPREAD;
  }
  if (copy < EXACT_COPIES + DEVICE_COPIES) {
    snprintf(text, 64, "fleet%c%d%c%d%c%c", dot, region, dot, device, dot, any);
    return copy * SPREAD + topic % SPREAD;
  }
  snprintf(text, 64, "fleet%c%c%c%d%cstate", dot, any, dot, device, dot);
  return (copy + region) * SPREAD + device % SPREAD;
}
