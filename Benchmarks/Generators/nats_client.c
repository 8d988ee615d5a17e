#include "nats_client.h"

#include <stdio.h>
#include <string.h>

void await_pong(Connection *connection) {
  size_t length;
  for (;;) {
    char *line = connection_line(connection, &length);
    if (!strncmp(line, "PONG", 4)) return;
    if (line[0] == '-') fail("the server says %s", line);
  }
}

Connection *open_nats(int index, int role, uint32_t source) {
  static const char hello[] =
      "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,"
      "\"lang\":\"c\",\"version\":\"1\",\"protocol\":1}\r\nPING\r\n";
  Connection *connection = connection_open(index, role, source);
  size_t length;
  connection_line(connection, &length);
  connection_write(connection, hello, sizeof hello - 1);
  await_pong(connection);
  return connection;
}

void subscribe(Connection *connection, const char *subject, int id) {
  char text[128];
  int length = snprintf(text, sizeof text, "SUB %s %d\r\nPING\r\n", subject, id);
  connection_write(connection, text, (size_t)length);
  await_pong(connection);
}
