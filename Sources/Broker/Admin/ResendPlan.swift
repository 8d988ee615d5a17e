import GodwitEngine
import GodwitWire

/// What a job is, apart from the logs and tenants that it works on: what is shown of it, and what
/// is written down so that it can go on after a restart.
struct ResendPlan {
  /// Records of one log.
  struct Span: Hashable {
    /// `nil` for a stream.
    var partition: Int?
    var start: UInt64
    var end: UInt64
  }

  /// More than this is not written down, in bytes: a filter is a few words.
  private static var documentBytesMax: Int { 65_536 }

  /// What it was told, as it is shown.
  var shown: [JSONValue.Member]
  /// What is asked again when it goes on; `null` where it cannot.
  var document: JSONValue
  var spans: [Span]
  /// When what the records are in was made, in the engine's clock: another one of that name has
  /// other records at the same offsets.
  var madeAt: Int64
  /// Whether the records outlive the process.
  var lasts: Bool
  var isDryRun: Bool
  /// Who asked, and from where.
  var who: String
  var address: String

  init(_ order: ResendOrder) {
    self.shown =
      [
        .init("tenant", .string(order.tenant.name)),
        .init("stream", .string(order.name)),
        .init("kind", .string(order.kind)),
        .init("dry_run", .bool(order.isDryRun)),
        .init("remove", .bool(order.removes)),
        .init("edited", .bool(!order.edit.isEmpty)),
        .init("rate", order.rate > 0 ? .double(order.rate) : .null),
        .init("topic", order.topic.map { .text($0) } ?? .null),
      ] + order.said
    let document = JSONValue.object(order.document)
    // One record that is edited is sent at once, or not.
    let isShort = order.edit.isEmpty && document.encoded.count <= Self.documentBytesMax
    self.document = isShort ? document : .null
    self.spans = order.parts.map {
      Span(partition: $0.view.partition, start: $0.start, end: $0.end)
    }
    self.madeAt = order.madeAt
    self.lasts = order.lasts
    self.isDryRun = order.isDryRun
    self.who = order.who
    self.address = order.address
  }

  /// Forgets what only a job needs that goes on.
  mutating func close() {
    self.document = .null
    self.spans = []
  }

  // MARK: Written down

  var members: [JSONValue.Member] {
    [
      .init("shown", .object(self.shown)),
      .init("document", self.document),
      // Three numbers for each: a list of lists would be four values.
      .init(
        "spans",
        .array(
          self.spans.flatMap { span in
            [.count(span.partition ?? -1), .count(span.start), .count(span.end)]
          })),
      .init("made_at", .integer(self.madeAt)),
      .init("lasts", .bool(self.lasts)),
      .init("who", .string(self.who)),
      .init("from", .string(self.address)),
    ]
  }

  /// What was written; `nil` where it is none.
  init?(_ stored: JSONValue) {
    guard let shown = stored["shown"]?.members, let document = stored["document"],
      let numbers = stored["spans"]?.elements, numbers.count.isMultiple(of: 3),
      let madeAt = stored["made_at"]?.integer, let lasts = stored["lasts"]?.bool,
      let who = stored["who"]?.string, let address = stored["from"]?.string
    else { return nil }
    self.shown = shown
    self.document = document
    self.spans = []
    for index in stride(from: 0, to: numbers.count, by: 3) {
      guard let partition = numbers[index].integer, let start = numbers[index + 1].integer,
        let end = numbers[index + 2].integer, start >= 0, end >= start
      else { return nil }
      self.spans.append(
        Span(
          partition: partition < 0 ? nil : Int(clamping: partition), start: UInt64(start),
          end: UInt64(end)))
    }
    self.madeAt = madeAt
    self.lasts = lasts
    self.isDryRun = false
    self.who = who
    self.address = address
  }
}

/// How far a job has come, as it is written down while it goes on.
struct ResendProgress: Hashable {
  enum State: String {
    case running, done, cancelled, failed
    /// The broker has ended while it was running.
    case interrupted
  }

  var state = State.running
  /// What lies before this offset of the span of this number is done with.
  var span = 0
  var next: UInt64 = 0
  var endedAt: Int64?
  var error: String?
  var lookedAt = 0
  /// Records that are to be sent.
  var chosen = 0
  var sent = 0
  var removed = 0
  var failed = 0
  /// Sent where nobody kept or took it: such a one is not removed.
  var unheard = 0
  /// Those that do not say where they come from.
  var withoutOrigin = 0
  var unreadable = 0

  init() {}

  var counts: [JSONValue.Member] {
    [
      .init("looked_at", .count(self.lookedAt)),
      .init("chosen", .count(self.chosen)),
      .init("sent", .count(self.sent)),
      .init("failed", .count(self.failed)),
      .init("unheard", .count(self.unheard)),
      .init("without_origin", .count(self.withoutOrigin)),
      .init("unreadable", .count(self.unreadable)),
      .init("removed", .count(self.removed)),
      .init("error", self.error.map { .string($0) } ?? .null),
    ]
  }

  // MARK: Written down

  var json: JSONValue {
    .object(
      [
        .init("state", .string(self.state.rawValue)),
        .init("span", .count(self.span)),
        .init("next", .count(self.next)),
        .init("ended_at", self.endedAt.map { .integer($0) } ?? .null),
      ] + self.counts)
  }

  /// What was written; `nil` where it is none.
  init?(_ stored: JSONValue) {
    guard let state = stored["state"]?.string.flatMap({ State(rawValue: $0) }),
      let span = stored["span"]?.integer, let next = stored["next"]?.integer, span >= 0, next >= 0
    else { return nil }
    func count(_ name: String) -> Int { stored[name]?.integer.map { Int(clamping: $0) } ?? 0 }
    self.state = state
    self.span = Int(clamping: span)
    self.next = UInt64(next)
    self.endedAt = stored["ended_at"]?.integer
    self.error = stored["error"]?.string
    self.lookedAt = count("looked_at")
    self.chosen = count("chosen")
    self.sent = count("sent")
    self.failed = count("failed")
    self.unheard = count("unheard")
    self.withoutOrigin = count("without_origin")
    self.unreadable = count("unreadable")
    self.removed = count("removed")
  }
}
