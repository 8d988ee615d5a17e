import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// What is to be sent back: which records of which log, to where, how fast.
struct ResendOrder {
  /// Records of one log.
  struct Part {
    var view: LogView
    var start: UInt64
    var end: UInt64
  }

  /// What is sent in place of what a record has.
  struct Edit {
    var payload: [UInt8]?
    /// All headers; `nil` leaves them as they are, but those of a dead letter.
    var headers: [Metadata.Header]?
    var contentType: [UInt8]?

    var isEmpty: Bool {
      self.payload == nil && self.headers == nil && self.contentType == nil
    }
  }

  /// The stream or topic that the records are in, and which of the two it is.
  var name: String
  var kind: String
  var tenant: Tenant
  var parts: [Part] = []
  var filter = RecordFilter()
  /// The words of the filter, to show them again.
  var said: [JSONValue.Member] = []
  /// The most records.
  var limit = Int.max
  /// Where to; `nil` for where each comes from.
  var topic: [UInt8]?
  /// Messages a second; 0 for as many as can be.
  var rate = 0.0
  /// Whether a record goes when its copy lasts.
  var removes = false
  /// Whether nothing is sent.
  var isDryRun = false
  var edit = Edit()
  /// What is to be asked again if it goes on later: all but which records.
  var document: [JSONValue.Member] = []
  /// When what the records are in was made, and whether they outlive the process.
  var madeAt: Int64 = 0
  var lasts = false
  /// Who asks, and from where.
  var who = ""
  var address = ""

  /// Where a record goes; `nil` where it does not say where it comes from.
  func destination(of message: inout Publication, _ engine: Engine) -> [UInt8]? {
    if let topic = self.topic { return topic }
    let name = Array(DeadLetters.Header.topic.utf8)
    guard
      let origin = message.metadata(engine).headers.first(where: {
        $0.name.count == name.count
          && zip($0.name, name).allSatisfy { TextSearch.folded($0) == TextSearch.folded($1) }
      }),
      let text = String(validating: origin.value, as: UTF8.self),
      case .success(let topic) = TypedTopic.literal(text, limits: engine.limits),
      !topic.withUnsafeBytes({ $0.isSystemTopic })
    else { return nil }
    return topic
  }

  /// What is sent for a record.
  func copy(of message: inout Publication, to topic: [UInt8], _ engine: Engine) -> Record {
    var metadata = message.metadata(engine)
    let prefix = Array(DeadLetters.Header.prefix.utf8).map(TextSearch.folded)
    metadata.headers.removeAll { header in
      header.name.prefix(prefix.count).map(TextSearch.folded) == prefix
    }
    if let headers = self.edit.headers { metadata.headers = headers }
    if let type = self.edit.contentType { metadata.contentType = type }
    return self.tenant.record(
      topic: topic, payload: self.edit.payload ?? Array(message.payload), metadata: metadata,
      quality: max(message.quality, .atLeastOnce), expiresAt: message.expiresAt)
  }
}

extension AdminAPI {
  private static var resendMembers: Set<String> {
    [
      "tenant", "stream", "kind", "partition", "offsets", "from", "to", "pattern", "header",
      "text", "limit", "topic", "rate", "remove", "dry_run", "payload", "payload_base64", "headers",
      "content_type",
    ]
  }
  private static var offsetsMax: Int { 10_000 }

  /// What says which records, and what is of one moment only.
  private static var passingMembers: Set<String> {
    [
      "partition", "offsets", "from", "to", "dry_run", "payload", "payload_base64", "headers",
      "content_type",
    ]
  }

  /// Reads `POST /api/resends`.
  func resendOrder(_ request: AdminRequest) throws(AdminRefusal) -> ResendOrder {
    let document = try Self.document(request.body, of: Self.resendMembers)
    var order = try self.resendOrder(document) { kept throws(AdminRefusal) in
      try Self.parts(document, of: kept)
    }
    order.document = document.members?.filter { !Self.passingMembers.contains($0.name) } ?? []
    order.who = request.who
    order.address = request.address
    return order
  }

  /// What a job needs that is to go on.
  func resendOrder(
    goingOn job: ResendJob, _ request: AdminRequest
  ) throws(AdminRefusal) -> ResendOrder {
    let plan = job.plan
    if job.state == .interrupted, !plan.lasts {
      throw AdminRefusal(409, "it cannot go on: the records were in memory only")
    }
    var order = try self.resendOrder(plan.document) { kept throws(AdminRefusal) in
      guard kept.createdAt == plan.madeAt else {
        throw AdminRefusal(409, "it cannot go on: another \(kept.kind) has the name now")
      }
      let views = kept.views
      return try plan.spans.map { span throws(AdminRefusal) in
        guard let view = views.first(where: { $0.partition == span.partition }) else {
          throw AdminRefusal(409, "it cannot go on: a partition is gone")
        }
        return ResendOrder.Part(view: view, start: span.start, end: span.end)
      }
    }
    order.who = request.who
    order.address = request.address
    return order
  }

  private func resendOrder(
    _ document: JSONValue,
    parts: (KeptLog) throws(AdminRefusal) -> [ResendOrder.Part]
  ) throws(AdminRefusal) -> ResendOrder {
    let tenant = try self.tenant(named: try Self.text(document, "tenant")).get()
    guard let name = try Self.text(document, "stream") else {
      throw AdminRefusal(400, "stream is the name of what the records are in")
    }
    let kind = try Self.text(document, "kind")
    guard let kept = KeptLog.find(name, kind: kind, of: tenant) else {
      throw AdminRefusal(404, "no such stream")
    }
    var order = ResendOrder(name: kept.name, kind: kept.kind, tenant: tenant)
    order.madeAt = kept.createdAt
    order.lasts = kept.isDurable
    order.parts = try parts(kept)
    let said = ["pattern", "header", "text"]
    order.filter = try self.filter(
      pattern: try Self.text(document, said[0]), header: try Self.text(document, said[1]),
      text: try Self.text(document, said[2]))
    order.said = said.compactMap { name in document[name].map { .init(name, $0) } }
    if let topic = try Self.text(document, "topic") { order.topic = try self.literal(topic) }
    if let limit = try Self.whole(document, "limit") { order.limit = Int(clamping: limit) }
    if let rate = document["rate"] {
      guard let number = rate.double ?? rate.integer.map({ Double($0) }), number >= 0,
        number <= 1e6
      else { throw AdminRefusal(400, "rate is a number of messages a second, up to 1,000,000") }
      order.rate = number
    }
    order.removes = try Self.flag(document, "remove")
    order.isDryRun = try Self.flag(document, "dry_run")
    order.edit = try self.edit(document)
    if !order.edit.isEmpty, document["offsets"]?.elements?.count != 1 {
      throw AdminRefusal(400, "one record is edited at a time: offsets with one offset")
    }
    if order.removes, case .stream(let stream) = kept,
      stream.settings.deniesDelete || stream.settings.isSealed
    {
      throw AdminRefusal(409, "records of the stream cannot be deleted")
    }
    return order
  }

  private static func parts(
    _ document: JSONValue, of kept: KeptLog
  ) throws(AdminRefusal) -> [ResendOrder.Part] {
    var views = kept.views
    if let partition = try Self.whole(document, "partition") {
      views = views.filter { ($0.partition ?? 0) == Int(clamping: partition) }
      if views.isEmpty { throw AdminRefusal(404, "no such partition") }
    }
    if let offsets = document["offsets"] {
      guard let all = offsets.elements, (1...Self.offsetsMax).contains(all.count) else {
        throw AdminRefusal(400, "offsets is a list of 1 to \(Self.offsetsMax) offsets")
      }
      guard views.count == 1, let view = views.first else {
        throw AdminRefusal(400, "offsets need a partition: each counts by itself")
      }
      var parts: [ResendOrder.Part] = []
      for offset in all {
        guard let number = offset.integer, number >= 0 else {
          throw AdminRefusal(400, "an offset is a whole number")
        }
        let start = UInt64(number)
        parts.append(.init(view: view, start: start, end: start + 1))
      }
      return parts
    }
    let from = try Self.whole(document, "from")
    let to = try Self.whole(document, "to")
    if from != nil || to != nil, views.count > 1 {
      throw AdminRefusal(400, "from and to need a partition: each counts by itself")
    }
    // What comes while it is at it stays: what is sent back may come again.
    return views.map { view in
      ResendOrder.Part(
        view: view, start: max(from ?? 0, view.firstOffset),
        end: min(to ?? .max, view.committedOffset))
    }
  }

  private func edit(_ document: JSONValue) throws(AdminRefusal) -> ResendOrder.Edit {
    var edit = ResendOrder.Edit()
    if document["payload"] != nil || document["payload_base64"] != nil {
      edit.payload = try Self.payload(document)
    }
    let metadata = try self.metadata(document)
    if document["headers"] != nil { edit.headers = metadata.headers }
    edit.contentType = metadata.contentType
    return edit
  }

  private static func whole(
    _ document: JSONValue, _ name: String
  ) throws(AdminRefusal) -> UInt64? {
    guard let given = document[name], given != .null else { return nil }
    guard let number = given.integer, number >= 0 else {
      throw AdminRefusal(400, "\(name) is a whole number")
    }
    return UInt64(number)
  }

  private static func flag(_ document: JSONValue, _ name: String) throws(AdminRefusal) -> Bool {
    guard let given = document[name], given != .null else { return false }
    guard let flag = given.bool else { throw AdminRefusal(400, "\(name) is true or false") }
    return flag
  }
}
