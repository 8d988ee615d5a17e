import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// Groups of readers, of streams and of every protocol.
extension AdminAPI {
  /// So many positions are told in one answer.
  private static var positionsMax: Int { 20_000 }

  var groupEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/groups",
        parameters: ["tenant", "limit", "offset", "filter", "kind", "stream"],
        "groups of readers, of every protocol", .json { [unowned self] in self.groups($0) }),
      AdminEndpoint(
        "GET", "/api/groups", takesRest: true, parameters: ["tenant", "kind", "stream"],
        "one of them with its positions and members, by its name",
        .json { [unowned self] in self.group($0) }),
    ]
  }

  /// A group, before it is asked for more.
  struct Listed {
    var name: String
    var kind: String
    /// The protocol that keeps it; `nil` for a stream's own.
    var protocolName: String?
    /// The stream, where the group is one's own.
    var stream: GodwitEngine.Stream?
    var own: StreamGroup?
    var facts: () -> ReaderGroup.Facts
  }

  /// All groups of a tenant, in the order of their names.
  func listedGroups(of tenant: Tenant) -> [Listed] {
    var all: [Listed] = []
    for stream in tenant.streams.all {
      for group in stream.unsortedGroups {
        all.append(
          Listed(
            name: group.name, kind: "stream", stream: stream, own: group,
            facts: { Self.facts(of: group, stream) }))
      }
    }
    for frontEnd in self.facts.frontEnds {
      let name = type(of: frontEnd).name
      all += frontEnd.groups(of: tenant).map {
        Listed(name: $0.name, kind: $0.kind, protocolName: name, facts: $0.facts)
      }
    }
    return all.sorted {
      ($0.name, $0.kind, $0.stream?.name ?? "") < ($1.name, $1.kind, $1.stream?.name ?? "")
    }
  }

  private static func facts(
    of group: StreamGroup, _ stream: GodwitEngine.Stream
  ) -> ReaderGroup.Facts {
    var facts = ReaderGroup.Facts(state: Self.state(of: group))
    var position = ReaderGroup.Position(log: stream.name)
    position.doneBefore = group.floor.end
    position.end = stream.committedOffset
    position.lag = group.pendingCount
    position.inFlight = group.inFlight
    position.redelivered = group.redelivered
    position.oldestAt = Self.oldest(of: group, stream)
    facts.positions = [position]
    return facts
  }

  private static func state(of group: StreamGroup) -> String {
    if group.isPaused { return "paused" }
    return group.hasReaders ? "read" : "idle"
  }

  /// When the oldest record that is not done with came in. What is at hand is told; nobody waits
  /// for the disk here.
  private static func oldest(of group: StreamGroup, _ stream: GodwitEngine.Stream) -> Int64? {
    guard group.inFlight > 0 || group.pendingCount > 0 else { return nil }
    return LogView(stream).time(at: group.floor.end)
  }

  // MARK: JSON

  /// The groups that read a stream or topic, as its own page shows them.
  func groups(of kept: KeptLog) -> [JSONValue] {
    switch kept {
    case .stream(let stream): return stream.groups.map { Self.json($0, of: stream) }
    case .topic(let topic):
      var rows: [JSONValue] = []
      var left = Self.positionsMax
      for listed in self.listedGroups(of: topic.tenant) where listed.stream == nil {
        guard left > 0 else { break }
        var facts = listed.facts()
        left -= max(1, facts.positions.count)
        facts.positions.removeAll { $0.log != topic.name }
        if !facts.positions.isEmpty { rows.append(Self.json(listed, facts, isWhole: false)) }
      }
      return rows
    }
  }

  private static func json(
    _ group: StreamGroup, of stream: GodwitEngine.Stream
  ) -> JSONValue {
    .record([
      "name": .string(group.name),
      "kind": .string("stream"),
      "topics": .array(group.settings.filters.map { .string($0.description) }),
      "lag": .count(group.pendingCount),
      "in_flight": .count(group.inFlight),
      "redelivered": .count(group.redelivered),
      "done_before": .count(group.floor.end),
      "delivered_before": .count(group.delivered.end),
      "oldest_at": Self.time(Self.oldest(of: group, stream)),
      "state": .string(Self.state(of: group)),
      "paused": .bool(group.isPaused),
      "durable": .bool(group.settings.isDurable),
      "created_at": .time(group.createdAt),
      "last_delivered_at": group.lastDeliveredAt > 0 ? .time(group.lastDeliveredAt) : .null,
      "last_acknowledged_at":
        group.lastAcknowledgedAt > 0 ? .time(group.lastAcknowledgedAt) : .null,
    ])
  }

  private static func time(_ nanoseconds: Int64?) -> JSONValue {
    nanoseconds.map { .time($0) } ?? .null
  }

  private static func sum(_ counts: [Int?]) -> JSONValue {
    let known = counts.compactMap { $0 }
    return known.isEmpty ? .null : .count(known.reduce(0) { $0.addingClamped($1) })
  }

  private static func json(
    _ listed: Listed, _ facts: ReaderGroup.Facts, isWhole: Bool
  ) -> JSONValue {
    let positions = facts.positions
    var members: [JSONValue.Member] = [
      .init("name", .string(listed.name)),
      .init("kind", .string(listed.kind)),
      .init("protocol", listed.protocolName.map { .string($0) } ?? .null),
      .init("state", .string(facts.state)),
      .init(
        "streams", .array(Set(positions.compactMap(\.log)).sorted().map { .string($0) })),
      .init("lag", Self.sum(positions.map(\.lag))),
      .init("in_flight", Self.sum(positions.map(\.inFlight))),
      .init("redelivered", Self.sum(positions.map(\.redelivered))),
      .init("oldest_at", Self.time(positions.compactMap(\.oldestAt).min())),
      .init("members", .count(facts.members.count)),
    ]
    if positions.count == 1 {
      members.append(.init("done_before", positions[0].doneBefore.map { .count($0) } ?? .null))
    }
    guard isWhole else { return .object(members) }
    if let group = listed.own, let stream = listed.stream,
      case .object(let more) = Self.json(group, of: stream)
    {
      members += more.filter { own in !members.contains { $0.name == own.name } }
    }
    members.append(.init("positions", .array(positions.map(Self.json))))
    members.append(
      .init(
        "readers",
        .array(
          facts.members.map {
            .record([
              "id": .string($0.id), "client": .string($0.client), "address": .string($0.address),
            ])
          })))
    return .object(members)
  }

  private static func json(_ position: ReaderGroup.Position) -> JSONValue {
    func count(_ number: (some BinaryInteger)?) -> JSONValue { number.map { .count($0) } ?? .null }
    return .record([
      "stream": position.log.map { .string($0) } ?? .null,
      "partition": count(position.partition),
      "done_before": count(position.doneBefore),
      "end": count(position.end),
      "lag": count(position.lag),
      "in_flight": count(position.inFlight),
      "redelivered": count(position.redelivered),
      "oldest_at": Self.time(position.oldestAt),
      "member": position.member.map { .string($0) } ?? .null,
    ])
  }

  // MARK: Answers

  private func matching(_ request: AdminRequest, of tenant: Tenant) -> [Listed] {
    let kind = request.first("kind") ?? ""
    let stream = request.first("stream") ?? ""
    return self.listedGroups(of: tenant).filter {
      (kind.isEmpty || $0.kind == kind) && (stream.isEmpty || $0.stream?.name == stream)
    }
  }

  /// `GET /api/groups`
  func groups(_ request: AdminRequest) -> AdminResponse {
    switch self.tenant(request) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let tenant):
      let filter = request.first("filter")?.lowercased() ?? ""
      let all = self.matching(request, of: tenant)
      let matching = all.filter {
        filter.isEmpty || $0.name.lowercased().contains(filter)
          || $0.stream?.name.lowercased().contains(filter) == true
      }
      let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
      let offset = request.number("offset", default: 0, max: .max)
      var rows: [JSONValue] = []
      var left = Self.positionsMax
      for listed in matching.dropFirst(offset).prefix(limit) {
        guard left > 0 else { break }
        let facts = listed.facts()
        left -= max(1, facts.positions.count)
        rows.append(Self.json(listed, facts, isWhole: false))
      }
      return AdminResponse(
        .record([
          "tenant": .string(tenant.name),
          "total": .count(all.count),
          "matching": .count(matching.count),
          "groups": .array(rows),
        ]))
    }
  }

  /// `GET /api/groups/NAME`
  func group(_ request: AdminRequest) -> AdminResponse {
    if request.rest.isEmpty { return self.groups(request) }
    switch self.tenant(request) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let tenant):
      let found = self.matching(request, of: tenant).filter { $0.name == request.rest }
      guard let listed = found.first else { return .refusal(404, "no such group") }
      guard found.count == 1 else {
        let places = found.map { each in
          each.stream.map { "stream=\($0.name)" } ?? "kind=\(each.kind)"
        }
        return .refusal(
          409, "several groups have that name; say which: \(places.joined(separator: ", "))")
      }
      return AdminResponse(Self.json(listed, listed.facts(), isWhole: true))
    }
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflows) = self.addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}
