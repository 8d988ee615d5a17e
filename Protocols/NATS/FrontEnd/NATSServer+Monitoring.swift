import GodwitEngine
public import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire

/// nats-server's monitoring pages: the same names, shapes and queries. What belongs to clusters
/// or to Go's runtime is left out or empty.
extension NATSServer {
  /// `/varz`, `/connz`, `/subsz` and `/jsz`.
  public var adminRoutes: [AdminRoute] {
    [
      AdminRoute("GET", "/varz", summary: "The NATS server's settings and totals, as nats-server") {
        [self] _ in
        self.count("/varz")
        return AdminResponse(self.varz())
      },
      AdminRoute("GET", "/connz", summary: "NATS connections, as nats-server") {
        [self] request in
        self.count("/connz")
        return self.answer { () throws(NATSConnectionQuery.Invalid) in
          self.connz(try NATSConnectionQuery(request))
        }
      },
      AdminRoute("GET", "/subsz", summary: "NATS subscriptions, as nats-server") {
        [self] request in
        self.count("/subsz")
        return self.answer { () throws(NATSConnectionQuery.Invalid) in try self.subsz(request) }
      },
      AdminRoute("GET", "/jsz", summary: "Streams and consumers, as nats-server") {
        [self] request in
        self.count("/jsz")
        return self.answer { () throws(NATSConnectionQuery.Invalid) in try self.jsz(request) }
      },
    ]
  }

  private func count(_ path: String) {
    self.statistics.requests[path, default: 0] += 1
  }

  private func answer(
    _ body: () throws(NATSConnectionQuery.Invalid) -> JSONValue
  ) -> AdminResponse {
    do throws(NATSConnectionQuery.Invalid) {
      return AdminResponse(try body())
    } catch {
      return AdminResponse(.object([.init("error", .string(error.reason))]), status: 400)
    }
  }

  /// Messages and bytes of all connections there ever were.
  var traffic: NATSStatistics.Traffic {
    self.sessions.values.reduce(into: self.statistics.closed) { $0.add($1) }
  }

  private var subscriptionCount: Int {
    self.sessions.values.reduce(0) { $0 + ($1.receiver?.subscriptions.count ?? 0) }
  }

  // MARK: varz

  private func varz() -> JSONValue {
    let now = self.context.loop.engine.now
    let process = NATSProcessFigures(startedAt: self.startedAt, now: now)
    return .object(
      self.varzSettings() + [
        .init("start", .string(NATSTimestamp.text(self.startedAt))),
        .init("now", .string(NATSTimestamp.text(now))),
        .init("uptime", .string(NATSDuration.uptime(now - self.startedAt))),
        .init("mem", .integer(process.residentBytes)),
        .init("cores", .integer(Int64(process.cores))),
        .init("cpu", .double(process.processorPercent)),
      ] + self.varzTotals())
  }

  private func varzSettings() -> [JSONValue.Member] {
    let values = self.values
    let address = self.address(of: .tcp) ?? self.listeners.values.first
    let nanoseconds = { (seconds: Double) in JSONValue.integer(Int64(seconds * 1_000_000_000)) }
    var json: [JSONValue.Member] = [
      .init("server_id", .string(self.serverID)),
      .init("server_name", .string(self.context.serverName)),
      .init("version", .string(Self.protocolVersion)),
      .init("proto", .integer(1)),
      .init("go", .string(self.info.go)),
      .init("host", .string(address?.host ?? "")),
      .init("port", .integer(Int64(address?.port ?? 0))),
    ]
    if self.authenticator.requiresCredentials { json.append(.init("auth_required", .bool(true))) }
    if self.listeners[.tls] != nil { json.append(.init("tls_required", .bool(true))) }
    json += [
      .init("max_connections", .integer(Int64(values.connectionsMax))),
      .init("ping_interval", nanoseconds(values.pingIntervalSeconds)),
      .init("ping_max", .integer(Int64(values.pingsOutstandingMax))),
      .init("http_host", .string(self.adminAddress?.host ?? "")),
      .init("http_port", .integer(Int64(self.adminAddress?.port ?? 0))),
      .init("http_base_path", .string("")), .init("https_port", .integer(0)),
      .init("auth_timeout", .double(values.authTimeoutSeconds)),
      .init("max_control_line", .integer(Int64(values.controlLineBytesMax))),
      .init("max_payload", .integer(Int64(values.payloadBytesMax))),
      .init("max_pending", .integer(Int64(values.pendingBytesMax))),
    ]
    if values.subscriptionsMax > 0 {
      json.append(.init("max_subscriptions", .integer(Int64(values.subscriptionsMax))))
    }
    for name in ["cluster", "gateway", "leaf", "mqtt"] {
      json.append(.init(name, .object([])))
    }
    return json + [
      .init("websocket", .object(self.varzWebSocket())), .init("jetstream", .object([])),
      .init("tls_timeout", .double(values.tlsTimeoutSeconds)),
      .init("write_deadline", nanoseconds(values.writeDeadlineSeconds)),
    ]
  }

  /// The WebSocket listener, the encrypted one where there is one; nothing where there is none.
  private func varzWebSocket() -> [JSONValue.Member] {
    guard let address = self.listeners[.wss] ?? self.listeners[.ws] else { return [] }
    let handshake = Int64(self.values.tlsTimeoutSeconds * 1_000_000_000)
    var json: [JSONValue.Member] = [
      .init("host", .string(address.host)), .init("port", .integer(Int64(address.port))),
      .init("handshake_timeout", .integer(handshake)),
    ]
    if self.listeners[.wss] == nil { json.append(.init("no_tls", .bool(true))) }
    return json
  }

  private func varzTotals() -> [JSONValue.Member] {
    let traffic = self.traffic
    let statistics = self.statistics
    let number = { (value: UInt64) in JSONValue.integer(Int64(clamping: value)) }
    let perKind = { (clients: UInt64) in
      JSONValue.object([
        .init("clients", number(clients)), .init("routes", .integer(0)),
        .init("gateways", .integer(0)), .init("leafs", .integer(0)),
      ])
    }
    let requests = statistics.requests.sorted { $0.key < $1.key }
      .map { JSONValue.Member($0.key, .integer(Int64($0.value))) }
    return [
      .init("connections", .integer(Int64(self.sessions.count))),
      .init("total_connections", number(statistics.connections)),
      .init("routes", .integer(0)), .init("remotes", .integer(0)), .init("leafnodes", .integer(0)),
      .init("in_msgs", number(traffic.messagesIn)), .init("in_bytes", number(traffic.bytesIn)),
      .init("in_client_msgs", number(traffic.messagesIn)),
      .init("in_client_bytes", number(traffic.bytesIn)),
      .init("out_msgs", number(traffic.messagesOut)),
      .init("out_bytes", number(traffic.bytesOut)),
      .init("out_client_msgs", number(traffic.messagesOut)),
      .init("out_client_bytes", number(traffic.bytesOut)),
      .init("slow_consumers", number(statistics.slowConsumers)),
      .init("stale_connections", number(statistics.staleConnections)),
      .init("stalled_clients", number(traffic.stalls)),
      .init("subscriptions", .integer(Int64(self.subscriptionCount))),
      .init("http_req_stats", .object(requests)),
      .init("config_load_time", .string(NATSTimestamp.text(self.reloadedAt))),
      .init("slow_consumer_stats", perKind(statistics.slowConsumers)),
      .init("stale_connection_stats", perKind(statistics.staleConnections)),
    ]
  }

  // MARK: connz

  private func connz(_ query: NATSConnectionQuery) -> JSONValue {
    let now = self.context.loop.engine.now
    var found: [NATSConnectionFacts] = []
    if query.state != .closed {
      found += self.sessions.values.map { session in
        var facts = NATSConnectionFacts(session)
        if query.lists != .none || query.filterSubject != nil {
          facts.subscriptions = NATSConnectionFacts.subscriptions(of: session)
        }
        return facts
      }
    }
    if query.state != .open { found += self.closedConnections.all }
    found = found.filter { facts in
      (query.id == nil || query.id == facts.id) && (query.user == nil || query.user == facts.user)
        && (query.account == nil || query.account == facts.account)
        && (query.filterSubject == nil || facts.receives(query.filterSubject ?? ""))
    }
    let page = query.sorted(found, now: now).dropFirst(query.offset).prefix(query.limit)
    let connections = page.map {
      $0.json(now: now, showsAuth: query.showsAuth, lists: query.lists)
    }
    return .object([
      .init("server_id", .string(self.serverID)), .init("now", .string(NATSTimestamp.text(now))),
      .init("num_connections", .integer(Int64(page.count))),
      .init("total", .integer(Int64(found.count))),
      .init("offset", .integer(Int64(query.offset))), .init("limit", .integer(Int64(query.limit))),
      .init("connections", .array(connections)),
    ])
  }

  // MARK: subsz

  private func subsz(_ request: AdminRequest) throws(NATSConnectionQuery.Invalid) -> JSONValue {
    let offset = max(0, try NATSConnectionQuery.integer(request, "offset") ?? 0)
    let limitAsked = try NATSConnectionQuery.integer(request, "limit") ?? 0
    let limit = limitAsked > 0 ? limitAsked : 1024
    let lists = try NATSConnectionQuery.bool(request, "subs")
    let test = request.first("test").flatMap { $0.isEmpty ? nil : $0 }
    if let test {
      guard Array(test.utf8).withUnsafeBytes({ NATSSubject.isLiteral($0) }) else {
        throw .init(reason: "invalid test subject, must be valid publish subject: \(test)")
      }
    }
    var json: [JSONValue.Member] = [
      .init("server_id", .string(self.serverID)),
      .init("now", .string(NATSTimestamp.text(self.context.loop.engine.now))),
    ]
    json += self.routerFigures()
    let isListed = lists || test != nil
    let (total, page) = self.subscriptionDetails(
      account: request.first("acc"), test: test, offset: offset, limit: isListed ? limit : 0)
    json += [
      .init("total", .integer(Int64(total))), .init("offset", .integer(Int64(offset))),
      .init("limit", .integer(Int64(limit))),
    ]
    if isListed { json.append(.init("subscriptions_list", .array(page))) }
    return .object(json)
  }

  /// What the routers of all tenants have done. Subscriptions of other protocols count.
  private func routerFigures() -> [JSONValue.Member] {
    let routers = self.context.loop.engine.tenants.map(\.router)
    let sum = { (value: (Router) -> UInt64) in
      routers.reduce(UInt64(0)) { total, router in total &+ value(router) }
    }
    let hits = sum(\.cacheHits)
    let matches = hits &+ sum(\.cacheMisses)
    let topics = sum { UInt64($0.rememberedTopics) }
    let fanouts = routers.map(\.rememberedFanout)
    let targets = fanouts.reduce(0) { $0 + $1.sum }
    let number = { (value: UInt64) in JSONValue.integer(Int64(clamping: value)) }
    return [
      .init("num_subscriptions", number(sum { UInt64($0.subscriptionCount) })),
      .init("num_cache", number(topics)),
      .init("num_inserts", number(sum(\.inserts))), .init("num_removes", number(sum(\.removes))),
      .init("num_matches", number(matches)),
      .init("cache_hit_rate", .double(matches > 0 ? Double(hits) / Double(matches) : 0)),
      .init("max_fanout", .integer(Int64(fanouts.map(\.max).max() ?? 0))),
      .init("avg_fanout", .double(topics > 0 ? Double(targets) / Double(topics) : 0)),
    ]
  }

  /// How many subscriptions there are, and one page of them. Only connections that reach into the
  /// page are looked into, unless `test` asks which subscriptions match.
  private func subscriptionDetails(
    account: String?, test: String?, offset: Int, limit: Int
  ) -> (total: Int, page: [JSONValue]) {
    let subject = test.map { Array($0.utf8) }
    var total = 0
    var page: [JSONValue] = []
    for (id, session) in self.sessions.sorted(by: { $0.key < $1.key }) {
      let name = self.accountName(session.principal?.tenant)
      guard account == nil || account == name, let receiver = session.receiver else { continue }
      let count = receiver.subscriptions.count
      if subject == nil, page.count >= limit || total + count <= offset {
        total += count
        continue
      }
      for subscription in receiver.subscriptions.all {
        if let subject, !subject.withUnsafeBytes({ subscription.pattern.matches($0) }) { continue }
        total += 1
        guard total > offset, page.count < limit else { continue }
        let detail = NATSConnectionFacts.SubscriptionFacts(subscription).json(id: id)
        page.append(
          .object(
            [.init("account", .string(name)), .init("account_tag", .string(name))] + detail))
      }
    }
    return (total, page)
  }
}

extension NATSConnectionFacts {
  /// Whether one of the subscriptions would see a message to some subject of `filter`.
  fileprivate func receives(_ filter: String) -> Bool {
    Array(filter.utf8).withUnsafeBytes { filter in
      self.subscriptions.contains { subscription in
        Array(subscription.subject.utf8).withUnsafeBytes { NATSSubject.collide($0, filter) }
      }
    }
  }
}
