import GodwitEngine
public import GodwitFrontEndKit
import GodwitWire
import MQTTWire

extension MQTTServer {
  /// Messages that wait for clients or are under way to them.
  var queuedCount: Int { sessions.reduce(0) { $0 + $1.queuedCount } }

  /// Sessions, slow subscriptions and bans.
  public var adminRoutes: [AdminRoute] {
    [
      AdminRoute(
        "GET", "/api/mqtt/sessions", summary: "MQTT sessions, with or without a connection."
      ) {
        [unowned self] request in
        let text = request.first("limit") ?? "1000"
        guard let number = Int(text) else {
          let error = JSONValue.string("limit is a whole number")
          return AdminResponse(
            .object([.init("error", error), .init("status", .integer(400))]), status: 400)
        }
        let limit = min(max(number, 0), 100_000)
        return AdminResponse(
          .object([
            .init("total", .integer(Int64(self.sessionCount))),
            .init("sessions", .array(self.sessions.prefix(limit).map { self.describe($0) })),
          ]))
      },
      AdminRoute(
        "DELETE", "/api/mqtt/sessions", takesRest: true,
        summary: "Disconnects the client of that identifier and ends its session."
      ) { [unowned self] request in
        let found = self.sessions.filter { $0.clientName == request.rest }
        for session in found {
          let client = session.client
          session.expirySeconds = 0
          client?.disconnect(.administrativeAction, .operatorRequest)
          if client == nil { session.end() }
        }
        guard !found.isEmpty else {
          let error = JSONValue.string("no such session")
          return AdminResponse(
            .object([.init("error", error), .init("status", .integer(404))]), status: 404)
        }
        return AdminResponse(.object([.init("ended", .integer(Int64(found.count)))]))
      },
      AdminRoute("GET", "/api/mqtt/slow-subscriptions", summary: "The slowest subscriptions.") {
        [unowned self] _ in
        let entries = self.slow?.list(now: self.engine.now) ?? []
        return AdminResponse(
          .array(
            entries.map { entry in
              .object([
                .init("client_id", .string(entry.clientID)), .init("topic", .string(entry.topic)),
                .init("milliseconds", .integer(entry.latency / 1_000_000)),
                .init("at", Self.time(entry.at)),
              ])
            }))
      },
      AdminRoute(
        "DELETE", "/api/mqtt/slow-subscriptions", summary: "Empties the list of slow subscriptions."
      ) {
        [unowned self] _ in
        self.slow?.clear()
        return AdminResponse(.object([]))
      },
      AdminRoute("GET", "/api/mqtt/bans", summary: "Clients banned for flapping.") {
        [unowned self] _ in
        let bans = self.flapping?.banned(now: self.engine.now) ?? []
        return AdminResponse(
          .array(
            bans.map { ban in
              .object([
                .init("client_id", .string(String(decoding: ban.client.clientID, as: UTF8.self))),
                .init("user", .string(ban.client.user)),
                .init("tenant", .string(ban.client.tenant)),
                .init("until", Self.time(ban.until)),
              ])
            }))
      },
      AdminRoute(
        "DELETE", "/api/mqtt/bans", takesRest: true, summary: "Lets a banned client in again."
      ) { [unowned self] request in
        self.flapping?.pardon(Array(request.rest.utf8))
        return AdminResponse(.object([]))
      },
    ]
  }

  /// Seconds since 1970, as everywhere in the admin API.
  private static func time(_ nanoseconds: Int64) -> JSONValue {
    .double(Double(nanoseconds / 1_000_000) / 1_000)
  }

  private func describe(_ session: MQTTSession) -> JSONValue {
    .object([
      .init("client_id", .string(session.clientName)),
      .init("user", .string(session.principal.name)),
      .init("tenant", .string(session.tenant.name)),
      .init("connected", .bool(session.isOnline)),
      .init(
        "expiry_seconds",
        session.expirySeconds == .max ? .null : .integer(Int64(session.expirySeconds))),
      .init(
        "disconnected_at",
        session.disconnectedAt == 0 ? .null : Self.time(session.disconnectedAt)),
      .init("queued", .integer(Int64(session.queuedCount))),
      .init(
        "subscriptions",
        .array(
          session.subscriptions.values.prefix(1_000).map {
            .string(String(decoding: $0.filter, as: UTF8.self))
          })),
    ])
  }

  /// Totals and what is live.
  public var metrics: [Metric] {
    func counter(_ name: String, _ help: String, _ value: UInt64) -> Metric {
      Metric("godwit_mqtt_\(name)_total", help, .counter, Double(value))
    }
    func gauge(_ name: String, _ help: String, _ value: Int) -> Metric {
      Metric("godwit_mqtt_\(name)", help, .gauge, Double(value))
    }
    return [
      counter("packets_received", "Packets of any kind that came in.", statistics.packetsReceived),
      counter("packets_sent", "Packets of any kind that were sent.", statistics.packetsSent),
      counter("bytes_received", "Bytes of whole packets.", statistics.bytesReceived),
      counter("bytes_sent", "Bytes of packets that were sent.", statistics.bytesSent),
      counter("publishes_received", "PUBLISH packets that came in.", statistics.publishesReceived),
      counter("publishes_sent", "PUBLISH packets that were sent.", statistics.publishesSent),
      counter(
        "publishes_dropped", "Deliveries given up: full queue, slow reader, oversize.",
        statistics.publishesDropped),
      counter("bans", "Connections refused for flapping.", statistics.bans),
      gauge("clients_connected", "Clients that are connected.", statistics.clientsConnected),
      gauge("sessions", "Sessions, connected or not.", sessionCount),
      gauge("subscriptions", "Subscriptions of all sessions.", statistics.subscriptions),
      gauge("queued_messages", "Messages that wait or are under way.", queuedCount),
    ]
  }
}
