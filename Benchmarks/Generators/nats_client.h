// The handshake of a NATS client without a library; blocking, before the loop runs.
#ifndef NATS_CLIENT_H
#define NATS_CLIENT_H

#include "bench.h"

// Connects and waits until the server has taken CONNECT.
Connection *open_nats(int index, int role, uint32_t source);
void await_pong(Connection *connection);
void subscribe(Connection *connection, const char *subject, int id);

#endif
