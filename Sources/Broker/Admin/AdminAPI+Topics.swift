import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

extension AdminAPI {
  /// Subscriptions that one answer looks at, so that a million of them do not hold the loop up.
  private static var subscriptionsVisited: Int { 50_000 }

  /// `GET /api/subscriptions`
  func subscriptions(_ request: AdminRequest) -> AdminResponse {
    let tenant: Tenant
    switch self.tenant(request) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let found): tenant = found
    }
    let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
    let filter = request.first("filter")?.lowercased() ?? ""
    let name = request.first("protocol") ?? ""
    var rows: [JSONValue] = []
    var visited = 0
    var isComplete = true
    let visit = { (subscription: Subscription) -> Bool in
      guard rows.count < limit, visited < Self.subscriptionsVisited else {
        isComplete = false
        return false
      }
      visited += 1
      let owner = subscription.subscriber.owner
      guard name.isEmpty || owner.protocolName == name else { return true }
      let pattern = subscription.pattern.description
      if filter.isEmpty || pattern.lowercased().contains(filter)
        || owner.name.lowercased().contains(filter)
      {
        rows.append(Self.json(subscription, pattern: pattern, owner: owner))
      }
      return true
    }
    if let text = request.first("topic") {
      switch TypedTopic.literal(text, limits: self.engine.limits) {
      case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
      case .success(let topic):
        for subscription in topic.withUnsafeBytes({ tenant.router.subscriptions(matching: $0) }) {
          guard visit(subscription) else { break }
        }
      }
    } else {
      tenant.router.forEachSubscription(visit)
    }
    return AdminResponse(
      .record([
        "tenant": .string(tenant.name),
        "total": .count(tenant.router.subscriptionCount),
        "complete": .bool(isComplete),
        "subscriptions": .array(rows),
      ]))
  }

  private static func json(
    _ subscription: Subscription, pattern: String, owner: SubscriberOwner
  ) -> JSONValue {
    let tail: String
    switch subscription.pattern.tail {
    case .exact: tail = "exact"
    case .oneOrMore: tail = "one_or_more"
    case .zeroOrMore: tail = "zero_or_more"
    }
    return .record([
      "pattern": .string(pattern),
      "tail": .string(tail),
      "group": subscription.group.map { .text(Self.name(ofGroup: $0)) } ?? .null,
      "protocol": .string(owner.protocolName),
      "client": .string(owner.name),
      "connection": owner.connectionID.map { .count($0) } ?? .null,
      "subscriber": .count(subscription.subscriber.id),
    ])
  }

  /// A group's name without the namespace that a NUL ends.
  private static func name(ofGroup group: [UInt8]) -> ArraySlice<UInt8> {
    guard let end = group.firstIndex(of: 0) else { return group[...] }
    return group[(end + 1)...]
  }

  /// `GET /api/retained`
  func retained(_ request: AdminRequest) -> AdminResponse {
    let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
    let text = request.first("pattern") ?? ">"
    let pattern = TypedTopic.pattern(text, limits: self.engine.limits)
    switch self.tenant(request).flatMap({ tenant in pattern.map { (tenant, $0) } }) {
    case .failure(let refusal):
      return .refusal(refusal.status, refusal.sentence)
    case .success(let (tenant, pattern)):
      var rows: [JSONValue] = []
      var isComplete = true
      let visit = { (record: Record) -> Bool in
        guard rows.count < limit else {
          isComplete = false
          return false
        }
        rows.append(self.json(retained: record))
        return true
      }
      tenant.retained.search(pattern, visit)
      // Everything is what `total` counts: the server's own topics too, after the others.
      if text == ">", isComplete {
        tenant.retained.search(
          TopicPattern(canonical: Array("$SYS.>".utf8), openTail: .zeroOrMore), visit)
      }
      return AdminResponse(
        .record([
          "tenant": .string(tenant.name),
          "total": .count(tenant.retained.count),
          "bytes": .count(tenant.retained.byteCount),
          "complete": .bool(isComplete),
          "retained": .array(rows),
        ]))
    }
  }

  private func json(retained record: Record) -> JSONValue {
    record.withPublication { publication in
      guard
        case .object(var members) = MessageView.json(&publication, engine: self.engine, number: 0)
      else { return .null }
      members.removeAll { $0.name == "number" || $0.name == "at" }
      members.insert(.init("received_at", .time(record.receivedAt)), at: 1)
      return .object(members)
    }
  }

  /// `DELETE /api/retained`
  func forget(_ request: AdminRequest) -> AdminResponse {
    let topic = TypedTopic.literal(request.first("topic") ?? "", limits: self.engine.limits)
    switch self.tenant(request).flatMap({ tenant in topic.map { (tenant, $0) } }) {
    case .failure(let refusal):
      return .refusal(refusal.status, refusal.sentence)
    case .success(let (tenant, topic)):
      guard tenant.retained.remove(topic: topic) else {
        return .refusal(404, "the topic has no retained value")
      }
      return AdminResponse(.record(["forgotten": .text(topic)]))
    }
  }

  /// `GET /api/topics`
  func busiest(_ request: AdminRequest) -> AdminResponse {
    let limit = request.number("limit", default: 20, max: 256)
    let rows = self.engine.busiestTopics(limit).map { topic in
      JSONValue.record([
        "topic": .text(topic.topic),
        "tenant": .string(topic.tenant),
        "origin": .string(self.engine.name(of: topic.origin)),
        "messages_per_second": .double(Self.rounded(topic.messagesPerSecond)),
        "bytes_per_second": .double(Self.rounded(topic.bytesPerSecond)),
        "messages": .double(topic.messages),
        "last_at": .time(topic.lastAt),
      ])
    }
    return AdminResponse(.record(["sampled": .bool(true), "topics": .array(rows)]))
  }

  private static func rounded(_ rate: Double) -> Double { (rate * 100).rounded() / 100 }

  /// `GET /api/names`
  func names(_ request: AdminRequest) -> AdminResponse {
    let topic: [UInt8]
    if let name = request.first("name"), let spoken = request.first("protocol") {
      guard let frontEnd = self.facts.frontEnds.first(where: { type(of: $0).name == spoken })
      else { return .refusal(404, "no such protocol") }
      switch frontEnd.canonical(name) {
      case .failure(let error): return .refusal(400, error.reason)
      case .success(let found): topic = found
      }
    } else {
      switch TypedTopic.literal(request.first("topic") ?? "", limits: self.engine.limits) {
      case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
      case .success(let found): topic = found
      }
    }
    let rows = self.facts.frontEnds.map { frontEnd -> JSONValue in
      let name = type(of: frontEnd).name
      switch frontEnd.spell(topic) {
      case .success(let text):
        return .record(["protocol": .string(name), "name": .string(text)])
      case .failure(let error):
        return .record([
          "protocol": .string(name), "name": .null, "reason": .string(error.reason),
        ])
      }
    }
    return AdminResponse(.record(["topic": .text(topic), "names": .array(rows)]))
  }
}
