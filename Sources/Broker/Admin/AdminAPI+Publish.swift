import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

extension AdminAPI {
  /// What `POST /api/publish` was given, checked.
  private struct Order {
    var tenant: Tenant
    var topic: [UInt8]
    var payload: [UInt8] = []
    var metadata = Metadata()
    var quality = Publication.Quality.atMostOnce
    var isRetained = false
    var expiresAt: Int64 = 0
  }

  private static var orderMembers: Set<String> {
    [
      "topic", "payload", "payload_base64", "headers", "retain", "tenant", "quality",
      "content_type", "reply", "correlation", "expires_seconds",
    ]
  }

  /// `POST /api/publish`
  func publish(_ request: AdminRequest) -> AdminResponse {
    do throws(AdminRefusal) {
      let order = try self.order(request.body)
      return try self.carryOut(order)
    } catch {
      return .refusal(error.status, error.sentence)
    }
  }

  private func carryOut(_ order: Order) throws(AdminRefusal) -> AdminResponse {
    let record = order.tenant.record(
      topic: order.topic, payload: order.payload, metadata: order.metadata,
      quality: order.quality, isRetained: order.isRetained, expiresAt: order.expiresAt)
    if order.isRetained {
      if order.payload.isEmpty {
        order.tenant.retained.remove(topic: order.topic)
      } else {
        do throws(EngineError) {
          try order.tenant.retained.set(record)
        } catch {
          throw AdminRefusal(507, error.message)
        }
      }
    }
    let receivers = order.tenant.publish(record)
    return AdminResponse(
      .record([
        "topic": .text(order.topic),
        "tenant": .string(order.tenant.name),
        "bytes": .count(order.payload.count),
        "receivers": .count(receivers),
      ]))
  }

  /// A body that is an object with no members but those named.
  static func document(_ body: [UInt8], of known: Set<String>) throws(AdminRefusal) -> JSONValue {
    let document: JSONValue
    do throws(JSONError) {
      document = try JSONValue(parsing: body)
    } catch {
      throw AdminRefusal(400, "the body is no JSON: \(error)")
    }
    guard let members = document.members else {
      throw AdminRefusal(400, "the body is no JSON object")
    }
    if let unknown = members.first(where: { !known.contains($0.name) }) {
      throw AdminRefusal(400, "unknown member '\(unknown.name)'")
    }
    return document
  }

  private func order(_ body: [UInt8]) throws(AdminRefusal) -> Order {
    let document = try Self.document(body, of: Self.orderMembers)
    let tenant = try self.tenant(named: try Self.text(document, "tenant")).get()
    let topic = try self.literal(try Self.text(document, "topic") ?? "")
    var order = Order(tenant: tenant, topic: topic)
    order.payload = try Self.payload(document)
    order.metadata = try self.metadata(document)
    if let retain = document["retain"] {
      guard let flag = retain.bool else { throw AdminRefusal(400, "retain is true or false") }
      order.isRetained = flag
    }
    if let quality = document["quality"] {
      guard let number = quality.integer.flatMap({ UInt8(exactly: $0) }),
        let value = Publication.Quality(rawValue: number)
      else { throw AdminRefusal(400, "quality is 0, 1 or 2") }
      order.quality = value
    }
    if let seconds = document["expires_seconds"] {
      guard let number = seconds.double, number > 0, number <= 4_000_000_000 else {
        throw AdminRefusal(400, "expires_seconds is a number greater than 0")
      }
      order.expiresAt = self.engine.now + Int64(number * 1_000_000_000)
    }
    return order
  }

  func literal(_ text: String) throws(AdminRefusal) -> [UInt8] {
    let topic = try TypedTopic.literal(text, limits: self.engine.limits).get()
    let isSystem = topic.withUnsafeBytes { $0.isSystemTopic }
    guard !isSystem else { throw AdminRefusal(403, "$SYS topics are the server's own") }
    return topic
  }

  static func text(_ document: JSONValue, _ name: String) throws(AdminRefusal) -> String? {
    guard let value = document[name], value != .null else { return nil }
    guard let text = value.string else { throw AdminRefusal(400, "\(name) is a text") }
    return text
  }

  static func payload(_ document: JSONValue) throws(AdminRefusal) -> [UInt8] {
    let plain = try Self.text(document, "payload")
    guard let coded = try Self.text(document, "payload_base64") else {
      return Array((plain ?? "").utf8)
    }
    guard plain == nil else {
      throw AdminRefusal(400, "either payload or payload_base64, not both")
    }
    guard let bytes = Base64.decode(Array(coded.utf8)) else {
      throw AdminRefusal(400, "payload_base64 is no base64")
    }
    return bytes
  }

  func metadata(_ document: JSONValue) throws(AdminRefusal) -> Metadata {
    var metadata = Metadata()
    if let type = try Self.text(document, "content_type") {
      metadata.contentType = try Self.line(type, "content_type")
    }
    if let correlation = try Self.text(document, "correlation") {
      metadata.correlation = try Self.line(correlation, "correlation")
    }
    if let reply = try Self.text(document, "reply") {
      metadata.replyTopic = try TypedTopic.literal(reply, limits: self.engine.limits).get()
    }
    switch document["headers"] {
    case nil, .null?: break
    case .object(let members)?:
      for member in members { try Self.add(member.name, member.value, to: &metadata) }
    case .array(let pairs)?:
      for pair in pairs {
        guard let parts = pair.elements, parts.count == 2, let name = parts[0].string else {
          throw AdminRefusal(400, "headers is an object, or a list of pairs of texts")
        }
        try Self.add(name, parts[1], to: &metadata)
      }
    default: throw AdminRefusal(400, "headers is an object, or a list of pairs of texts")
    }
    return metadata
  }

  private static func add(
    _ name: String, _ value: JSONValue, to metadata: inout Metadata
  ) throws(AdminRefusal) {
    guard let text = value.string else { throw AdminRefusal(400, "a header's value is a text") }
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }) else {
      throw AdminRefusal(400, "a header's name is ASCII without blanks and colons")
    }
    metadata.headers.append(
      Metadata.Header(name: Array(name.utf8), value: try Self.line(text, "a header")))
  }

  /// Text that fits in one header line of any protocol.
  private static func line(_ text: String, _ name: String) throws(AdminRefusal) -> [UInt8] {
    guard text.utf8.count <= 65_535, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw AdminRefusal(400, "\(name) has control characters, or is longer than 65,535 bytes")
    }
    return Array(text.utf8)
  }
}
