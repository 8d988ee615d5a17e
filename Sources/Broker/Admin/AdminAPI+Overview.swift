import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

extension AdminAPI {
  private static var tenantsShown: Int { 100 }

  /// `GET /api/overview`
  func overview() -> JSONValue {
    let now = self.engine.now
    return .record([
      "name": .string(self.facts.serverName),
      "version": .string(self.facts.version),
      "state": .string(self.facts.state.rawValue),
      "now": .time(now),
      "started_at": .time(self.facts.startedAt),
      "uptime_seconds": .count((now - self.facts.startedAt) / 1_000_000_000),
      "notices": .array(self.facts.notices.map { .string($0) }),
      "listeners": .array(
        self.facts.listeners.map {
          .record([
            "name": .string($0.name), "address": .string($0.address.description),
          ])
        }),
      "protocols": .array(self.protocolRows().map { $0.json }),
      "engine": self.engineJSON(),
      "tenants": self.tenantsJSON(),
      "tenant_count": .count(self.engine.tenants.count),
      "memory": .record([
        "used": .count(self.engine.memory.used),
        "limit": .count(self.engine.memory.limit),
        "refusals": .count(self.engine.memory.refusals),
      ]),
      "process": self.processJSON(),
      "connections": .record([
        "open": .count(self.loop.connections.count),
        "total": .count(self.loop.connections.total),
        "refused": .count(self.loop.connections.refused),
      ]),
      "admin": .record([
        "connections": .count(self.server?.connectionCount ?? 0),
        "requests": .count(self.server?.requests ?? 0),
        "refusals": .count(self.server?.refusals ?? 0),
        "taps": .count(self.taps.count),
      ]),
      "ended": .array(self.loop.connections.recentEnds.reversed().map { Self.json(ended: $0) }),
      "figures": self.figuresJSON(),
    ])
  }

  /// A protocol's name and what its connections carried; all that are served, and all that ever
  /// had a connection.
  func protocolTotals() -> [(name: String, totals: ConnectionTotals)] {
    var totals = self.loop.connections.totals()
    for frontEnd in self.facts.frontEnds {
      let name = type(of: frontEnd).name
      if totals[name] == nil { totals[name] = ConnectionTotals() }
    }
    return totals.sorted { $0.key < $1.key }.map { (name: $0.key, totals: $0.value) }
  }

  private func protocolRows() -> [(name: String, json: JSONValue)] {
    self.protocolTotals().map { name, totals in
      let ended = totals.ended.sorted { $0.key < $1.key }
      return (
        name,
        .record([
          "name": .string(name),
          "connections": .count(totals.open),
          "opened": .count(totals.opened),
          "messages_in": .count(totals.counters.messagesIn),
          "messages_out": .count(totals.counters.messagesOut),
          "bytes_in": .count(totals.counters.bytesIn),
          "bytes_out": .count(totals.counters.bytesOut),
          "dropped": .count(totals.counters.dropped),
          "pending_bytes": .count(totals.pendingBytes),
          "stuck": .count(totals.stuck),
          "ended": .object(ended.map { .init($0.key, .count($0.value)) }),
        ])
      )
    }
  }

  private func engineJSON() -> JSONValue {
    let counters = self.engine.counters
    return .record([
      "published": .count(counters.published),
      "delivered": .count(counters.delivered),
      "unrouted": .count(counters.unrouted),
      "expired": .count(counters.expired),
      "dropped": .count(counters.dropped),
      "dropped_properties": .count(counters.droppedProperties),
    ])
  }

  private func tenantsJSON() -> JSONValue {
    let tenants = self.engine.tenants.sorted { $0.name < $1.name }.prefix(Self.tenantsShown)
    return .array(
      tenants.map { tenant in
        .record([
          "name": .string(tenant.name),
          "subscriptions": .count(tenant.router.subscriptionCount),
          "retained": .count(tenant.retained.count),
          "retained_bytes": .count(tenant.retained.byteCount),
          "scheduled": .count(tenant.schedule.count),
          "cache_hits": .count(tenant.router.cacheHits),
          "cache_misses": .count(tenant.router.cacheMisses),
        ])
      })
  }

  private func processJSON() -> JSONValue {
    let process = ProcessFigures.now()
    return .record([
      "cpu_seconds": .double(process.cpuSeconds),
      "resident_bytes": .count(process.residentBytes),
      "open_files": .count(process.openFiles),
      "max_files": .count(process.openFilesMax),
      "threads": .count(process.threads),
    ])
  }

  private static func json(ended: EndedConnection) -> JSONValue {
    .record([
      "id": .count(ended.id),
      "protocol": .string(ended.frontEndName),
      "client": .string(ended.clientName),
      "user": .string(ended.userName),
      "address": .string(ended.address),
      "reason": .string(ended.reason.text),
      "opened_at": .time(ended.openedAt),
      "ended_at": .time(ended.endedAt),
    ])
  }

  /// What the protocols themselves count.
  private func figuresJSON() -> JSONValue {
    .array(
      self.facts.frontEnds.flatMap { frontEnd in
        frontEnd.metrics.map { metric in
          .record([
            "protocol": .string(type(of: frontEnd).name),
            "name": .string(metric.name),
            "help": .string(metric.help),
            "kind": .string(metric.kind.rawValue),
            "samples": .array(
              metric.samples.prefix(self.limits.rowsMax).map { labels, value in
                .record([
                  "labels": .object(labels.map { .init($0.0, .string($0.1)) }),
                  "value": .double(value),
                ])
              }),
          ])
        }
      })
  }

  /// `GET /api/limits`
  func limitsJSON() -> JSONValue {
    let limits = self.engine.limits
    let tenants = self.engine.tenants
    let subscriptions = tenants.map(\.router.subscriptionCount).max() ?? 0
    let retained = tenants.map(\.retained.count).max() ?? 0
    let process = ProcessFigures.now()
    var rows: [JSONValue] = [
      Self.limit(
        "limits.stored_bytes_max", limits.storedBytesMax, used: self.engine.memory.used,
        "bytes in queues, retained and delayed messages, subscriptions and lasting sessions of all "
          + "tenants"),
      Self.limit(
        "limits.tenant_stored_bytes_max", tenants.first?.memory.limit ?? limits.storedBytesMax,
        used: tenants.map(\.memory.used).max() ?? 0,
        "how much of that one tenant may hold; used: the fullest tenant"),
      Self.limit(
        "limits.subscriptions_max", limits.subscriptionsMax, used: subscriptions,
        "subscriptions per tenant; used: the fullest tenant"),
      Self.limit(
        "limits.retained_max", limits.retainedMax, used: retained,
        "retained topics per tenant; used: the fullest tenant"),
      Self.limit(
        "limits.routes_max", limits.routesMax, used: nil,
        "topics per tenant whose receivers are remembered"),
      Self.limit(
        "limits.route_bytes_max", limits.routeBytesMax,
        used: tenants.map(\.router.rememberedBytes).max() ?? 0,
        "bytes of remembered receivers per tenant; used: the fullest tenant"),
      Self.limit(
        "engine.topic_bytes_max", limits.topicBytesMax, used: nil, "a topic's length in bytes"),
      Self.limit(
        "limits.topic_levels_max", limits.topicLevelsMax, used: nil,
        "levels of a message's topic"),
      Self.limit(
        "limits.pattern_levels_max", limits.patternLevelsMax, used: nil,
        "levels of a subscription's pattern"),
      Self.limit(
        "process.open_files", process.openFilesMax, used: process.openFiles,
        "open files and sockets of the process (ulimit -n)"),
      Self.limit(
        "admin.connections_max", self.limits.connectionsMax,
        used: self.server?.connectionCount ?? 0, "connections to the admin server"),
      Self.limit(
        "admin.taps_max", self.limits.tapsMax, used: self.taps.count, "live taps at once"),
    ]
    let known = Set(rows.compactMap { $0["name"]?.string })
    rows += self.facts.limits.filter { !known.contains($0.name) }.map { limit in
      var members: [JSONValue.Member] = [
        .init("name", .string(limit.name)), .init("value", JSONValue(limit.value)),
      ]
      if limit.name == "limits.connections_max" {
        members.append(.init("used", .count(self.loop.connections.count)))
      }
      members.append(.init("meaning", .string(limit.meaning)))
      return .object(members)
    }
    return .record(["limits": .array(rows)])
  }

  private static func limit(
    _ name: String, _ value: Int, used: Int?, _ meaning: String
  ) -> JSONValue {
    var members: [JSONValue.Member] = [.init("name", .string(name)), .init("value", .count(value))]
    if let used { members.append(.init("used", .count(used))) }
    members.append(.init("meaning", .string(meaning)))
    return .object(members)
  }
}
