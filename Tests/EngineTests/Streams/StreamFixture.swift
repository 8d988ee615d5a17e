import GodwitEngine
import GodwitPrimitives
import NIOCore
import Testing

/// Reads conditions from a payload of the form `text|name=value|...`.
final class TextConditions: EnvelopeReader {
  private(set) var origin = Origin.engine

  init(engine: Engine) {
    self.origin = engine.register(origin: "text", reader: self)
  }

  func metadata(of publication: borrowing Publication) -> Metadata { Metadata() }

  func conditions(of publication: borrowing Publication) -> AppendConditions? {
    let text = String(decoding: publication.payload, as: UTF8.self)
    guard text.contains("|") else { return nil }
    let conditions = AppendConditions()
    var schedule: (begins: SendingTime?, from: [UInt8]?, next: Int64?) = (nil, nil, nil)
    for part in text.split(separator: "|").dropFirst() {
      let pair = part.split(separator: "=")
      let value = String(pair[1])
      switch pair[0] {
      case "id": conditions.messageID = Array(value.utf8)
      case "stream": conditions.stream = Array(value.utf8)
      case "next": conditions.nextOffset = UInt64(value)
      case "end": conditions.topicEnd = UInt64(value)
      case "of": conditions.topicEndPattern = TopicPattern(canonical: Array(value.utf8))
      case "last": conditions.lastMessageID = Array(value.utf8)
      case "rollup": conditions.rollup = value == "all" ? .all : .topic
      case "ttl":
        conditions.timeToLive =
          value == "never" ? .never : Int64(value).map { .after($0) } ?? .invalid
      case "at": schedule.begins = Int64(value).map { .once($0) }
      case "every": schedule.begins = Int64(value).map { .again(.every($0)) }
      case "from": schedule.from = Array(value.utf8)
      case "batch": conditions.batch = BatchNote(id: Array(value.utf8), isLast: false)
      case "done": conditions.batch?.isLast = true
      case "due": schedule.next = Int64(value)
      default: Issue.record("unknown condition \(part)")
      }
    }
    if schedule.begins != nil || schedule.from != nil {
      conditions.schedule = .note(
        begins: schedule.begins, from: schedule.from, next: schedule.next)
    }
    return conditions
  }
}

/// An engine, a tenant and a publisher of text.
final class StreamFixture {
  let engine: Engine
  let tenant: Tenant
  let reader: TextConditions
  private var memo: Route?

  init(now: Int64 = 1_000_000_000, _ store: (Engine) -> (any Store)? = { _ in nil }) {
    self.engine = Engine(now: now)
    self.reader = TextConditions(engine: self.engine)
    self.tenant = self.engine.tenant(named: "a")
    if let store = store(self.engine) { self.tenant.store = store }
  }

  /// A stream of those patterns.
  func stream(
    _ patterns: String..., change: (inout StreamSettings) -> Void = { _ in }
  ) throws -> GodwitEngine.Stream {
    var settings = StreamSettings(
      name: "s", patterns: patterns.map { TopicPattern(canonical: Array($0.utf8)) })
    change(&settings)
    return try self.tenant.streams.create(settings)
  }

  /// Publishes, and answers what streams made of it.
  @discardableResult
  func publish(_ topic: String, _ text: String, expiresAt: Int64 = 0) -> Captures {
    Array(topic.utf8).withUnsafeBytes { topic in
      Array(text.utf8).withUnsafeBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: self.reader.origin,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
        publication.expiresAt = expiresAt
        self.tenant.publish(&publication, memo: &self.memo)
        return publication.captures
      }
    }
  }

  /// Moves the time on and fires what is due.
  func advance(by nanoseconds: Int64) {
    self.engine.advance(to: self.engine.now + nanoseconds)
    _ = self.engine.timers.fireDue()
  }
}

/// A span of time that is a whole number of the timers' ticks.
let tick: Int64 = 10_000_000

extension GodwitEngine.Stream {
  /// The text of all records.
  var texts: [String] {
    var texts: [String] = []
    var offset = self.firstOffset
    while offset < self.committedOffset {
      self.withRecord(at: offset) { if let record = $0 { texts.append(record.text) } }
      offset += 1
    }
    return texts
  }
}

extension Capture {
  /// The result in short.
  var text: String {
    switch self.result {
    case .stored(let offset): "\(offset)"
    case .duplicate(of: let offset): "=\(offset)"
    case .refused(let refusal): "\(refusal)"
    }
  }
}

extension TopicPattern {
  init(_ text: String) { self.init(canonical: Array(text.utf8)) }
}
