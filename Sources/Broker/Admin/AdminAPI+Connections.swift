import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

extension AdminAPI {
  /// How connections can be sorted.
  private enum SortKey: String, CaseIterable {
    case id
    case openedAt = "opened_at"
    case lastReadAt = "last_read_at"
    case messagesIn = "messages_in"
    case messagesOut = "messages_out"
    case bytesIn = "bytes_in"
    case bytesOut = "bytes_out"
    case dropped
    case pendingBytes = "pending_bytes"

    func value(_ connection: Connection) -> UInt64 {
      switch self {
      case .id: connection.id
      case .openedAt: UInt64(clamping: connection.openedAt)
      case .lastReadAt: UInt64(clamping: connection.lastReadAt)
      case .messagesIn: connection.counters.messagesIn
      case .messagesOut: connection.counters.messagesOut
      case .bytesIn: connection.counters.bytesIn
      case .bytesOut: connection.counters.bytesOut
      case .dropped: connection.counters.dropped
      case .pendingBytes: UInt64(clamping: connection.pendingBytes)
      }
    }
  }

  /// `GET /api/connections`
  func connections(_ request: AdminRequest) -> AdminResponse {
    let key = request.first("sort") ?? SortKey.id.rawValue
    guard let sort = SortKey(rawValue: key) else {
      let known = SortKey.allCases.map(\.rawValue).joined(separator: ", ")
      return .refusal(400, "sort is one of \(known)")
    }
    let order = request.first("order") ?? "asc"
    guard order == "asc" || order == "desc" else {
      return .refusal(400, "order is one of asc, desc")
    }
    let descends = order == "desc"
    let filter = request.first("filter")?.lowercased() ?? ""
    let name = request.first("protocol") ?? ""
    var rows = self.loop.connections.all
    let total = rows.count
    if !name.isEmpty { rows.removeAll { $0.frontEndName != name } }
    if !filter.isEmpty { rows.removeAll { !Self.matches($0, filter) } }
    let matching = rows.count
    // Numbers decide between equals, so that pages hang together.
    var keyed = rows.map { (value: sort.value($0), connection: $0) }
    keyed.sort { left, right in
      if left.value != right.value { return (left.value < right.value) != descends }
      return left.connection.id < right.connection.id
    }
    let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
    let offset = request.number("offset", default: 0, max: .max)
    return AdminResponse(
      .record([
        "total": .count(total),
        "matching": .count(matching),
        "offset": .count(offset),
        "limit": .count(limit),
        "connections": .array(
          keyed.dropFirst(offset).prefix(limit).map { Self.json($0.connection) }),
      ]))
  }

  private static func matches(_ connection: Connection, _ filter: String) -> Bool {
    connection.clientName.lowercased().contains(filter)
      || connection.userName.lowercased().contains(filter)
      || connection.peer.address.contains(filter)
      || connection.tenantName.lowercased().contains(filter)
      || connection.peer.listener.contains(filter)
      || String(connection.id) == filter
  }

  /// `GET /api/connections/ID`
  func connection(_ request: AdminRequest) -> AdminResponse {
    switch self.connection(named: request.rest) {
    case .failure(let refusal):
      return .refusal(refusal.status, refusal.sentence)
    case .success(let connection):
      let details = connection.session.details.map {
        JSONValue.Member($0.name, JSONValue($0.value))
      }
      guard case .object(var members) = Self.json(connection) else {
        return .refusal(500, "a connection without members")
      }
      members.append(.init("details", .object(details)))
      return AdminResponse(.object(members))
    }
  }

  /// `DELETE /api/connections/ID`
  func disconnect(_ request: AdminRequest) -> AdminResponse {
    switch self.connection(named: request.rest) {
    case .failure(let refusal):
      return .refusal(refusal.status, refusal.sentence)
    case .success(let connection):
      connection.session.evict(.operatorRequest)
      return AdminResponse(.record(["disconnected": .count(connection.id)]))
    }
  }

  /// `GET /api/sessions`: what protocols tell at `/api/NAME/sessions`, in one list.
  func sessions(_ request: AdminRequest) -> AdminResponse {
    let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
    let query = [(name: "limit", value: "\(limit)")]
    let inner = AdminRequest(method: "GET", rest: "", query: query, body: [])
    var total: Int64 = 0
    var rows: [JSONValue] = []
    for frontEnd in self.facts.frontEnds {
      let name = type(of: frontEnd).name
      let route = self.contributed.first {
        $0.method == "GET" && $0.path == "/api/\(name)/sessions"
      }
      guard let answer = route?.answer(inner), answer.status == 200 else { continue }
      total += answer.body["total"]?.integer ?? 0
      for case .object(let members) in answer.body["sessions"]?.elements ?? [] {
        rows.append(.object([.init("protocol", .string(name))] + members))
      }
    }
    return AdminResponse(
      .record(["total": .count(total), "sessions": .array(Array(rows.prefix(limit)))]))
  }

  private func connection(named text: String) -> Result<Connection, AdminRefusal> {
    guard let id = UInt64(text) else {
      return .failure(AdminRefusal(400, "a connection's number is expected"))
    }
    guard let connection = self.loop.connections.connection(id) else {
      return .failure(AdminRefusal(404, "no such connection"))
    }
    return .success(connection)
  }

  private static func json(_ connection: Connection) -> JSONValue {
    let peer = connection.peer
    var members: [JSONValue.Member] = [
      .init("id", .count(connection.id)),
      .init("protocol", .string(connection.frontEndName)),
      .init("client", .string(connection.clientName)),
      .init("user", .string(connection.userName)),
      .init("tenant", .string(connection.tenantName)),
      .init("address", .string(peer.address)),
      .init("port", .count(peer.port)),
      .init("listener", .string(peer.listener)),
      .init("transport", .string(peer.transport.rawValue)),
      .init("encrypted", .bool(peer.isEncrypted)),
    ]
    if let version = peer.tlsVersion { members.append(.init("tls_version", .string(version))) }
    if let subject = peer.certificateSubject {
      members.append(.init("certificate_subject", .string(subject)))
    }
    members += [
      .init("opened_at", .time(connection.openedAt)),
      .init("last_read_at", .time(connection.loop.engine.date(ofUptime: connection.lastReadAt))),
      .init("messages_in", .count(connection.counters.messagesIn)),
      .init("messages_out", .count(connection.counters.messagesOut)),
      .init("bytes_in", .count(connection.counters.bytesIn)),
      .init("bytes_out", .count(connection.counters.bytesOut)),
      .init("dropped", .count(connection.counters.dropped)),
      .init("pending_bytes", .count(connection.pendingBytes)),
    ]
    if connection.stuckSince != 0 {
      members.append(.init("stuck_since", .time(connection.stuckSince)))
    }
    return .object(members)
  }
}
