/// What the headers of a message ask of the stream that takes it.
public struct JetStreamPublishOptions: Hashable, Sendable {
  /// Which messages a message takes the place of.
  public enum Rollup: Hashable, Sendable {
    /// All of its subject.
    case subject
    /// All of the stream.
    case all
    /// A word that is neither.
    case other(String)
  }

  /// How long a message lives.
  public enum TimeToLive: Hashable, Sendable {
    /// Some seconds.
    case seconds(Int64)
    /// For ever, whatever the stream says.
    case never
    /// A text that is no duration.
    case invalid
  }

  /// `Nats-Msg-Id`: by which a second sending is known; empty for none.
  public var messageID = ""
  /// `Nats-Expected-Stream`.
  public var expectedStream = ""
  /// `Nats-Expected-Last-Sequence`; what is no number is one that no stream has.
  public var expectedLastSequence: UInt64?
  /// `Nats-Expected-Last-Subject-Sequence`, likewise.
  public var expectedLastSubjectSequence: UInt64?
  /// `Nats-Expected-Last-Subject-Sequence-Subject`: in place of the message's own subject.
  public var expectedLastSubject = ""
  /// `Nats-Expected-Last-Msg-Id`.
  public var expectedLastMessageID = ""
  /// `Nats-Rollup`.
  public var rollup: Rollup?
  /// `Nats-TTL`.
  public var timeToLive: TimeToLive?
  /// `Nats-Incr`.
  public var increment: String?
  /// `Nats-Schedule`.
  public var schedule = ""
  /// `Nats-Schedule-Target`.
  public var scheduleTarget = ""
  /// `Nats-Schedule-Source`.
  public var scheduleSource = ""
  /// `Nats-Schedule-TTL`, as it is written.
  public var scheduleTTL = ""
  /// `Nats-Schedule-Rollup`.
  public var scheduleRollup = ""
  /// `Nats-Schedule-Time-Zone`.
  public var scheduleTimeZone: String?
  /// `Nats-Scheduler`.
  public var scheduler = ""
  /// `Nats-Schedule-Next`.
  public var scheduleNext = ""
  /// `Nats-Batch-Id`.
  public var batchID = ""
  /// `Nats-Batch-Sequence`; 0 for none that is one.
  public var batchSequence: UInt64 = 0
  /// `Nats-Batch-Commit`.
  public var batchCommit = ""
  /// Whether there is a `Nats-Stream-Source`: another stream had the message before.
  public var isSourced = false
  /// `Nats-Required-Api-Level`.
  public var requiredLevel: String?

  /// Makes options that ask for nothing.
  public init() {}

  /// Reads a header block. Of headers by one name the first counts; names keep their case.
  ///
  /// - Throws: `NATSWireError` when it is none.
  public init(parsing block: UnsafeRawBufferPointer) throws(NATSWireError) {
    var reader = try NATSHeaderReader(block)
    var seen: Set<String> = []
    while let field = try reader.next() {
      guard field.name.count > 5, field.name[4] == UInt8(ascii: "-"),
        field.name.starts(with: "Nats".utf8)
      else { continue }
      let name = String(decoding: field.name[5...], as: UTF8.self)
      // An empty value says nothing, but for this one.
      guard field.value.count > 0 || name == "Schedule-Time-Zone" else { continue }
      guard seen.insert(name).inserted else { continue }
      self.take(name, field.value)
    }
  }

  private mutating func take(_ name: String, _ bytes: UnsafeRawBufferPointer) {
    var text: String { String(decoding: bytes, as: UTF8.self) }
    switch name {
    case "Msg-Id": self.messageID = text
    case "Expected-Stream": self.expectedStream = text
    case "Expected-Last-Sequence": self.expectedLastSequence = Self.number(bytes) ?? .max
    case "Expected-Last-Subject-Sequence":
      self.expectedLastSubjectSequence = Self.number(bytes) ?? .max
    case "Expected-Last-Subject-Sequence-Subject": self.expectedLastSubject = text
    case "Expected-Last-Msg-Id": self.expectedLastMessageID = text
    case "Rollup":
      switch text.lowercased() {
      case "sub": self.rollup = .subject
      case "all": self.rollup = .all
      case let word: self.rollup = .other(word)
      }
    case "TTL": self.timeToLive = TimeToLive(bytes)
    case "Incr": self.increment = text
    case "Schedule": self.schedule = text
    case "Schedule-Target": self.scheduleTarget = text
    case "Schedule-Source": self.scheduleSource = text
    case "Schedule-TTL": self.scheduleTTL = text
    case "Schedule-Rollup": self.scheduleRollup = text
    case "Schedule-Time-Zone": self.scheduleTimeZone = text
    case "Scheduler": self.scheduler = text
    case "Schedule-Next": self.scheduleNext = text
    case "Batch-Id": self.batchID = text
    case "Batch-Sequence": self.batchSequence = Self.number(bytes) ?? 0
    case "Batch-Commit": self.batchCommit = text
    case "Stream-Source": self.isSourced = true
    case "Required-Api-Level": self.requiredLevel = text
    default: break
    }
  }

  private static func number(_ text: UnsafeRawBufferPointer) -> UInt64? {
    guard !text.isEmpty, text.count <= 19, text.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return UInt64(String(decoding: text, as: UTF8.self))
  }
}

extension JetStreamPublishOptions.TimeToLive {
  /// Reads whole seconds, a duration of at least one second, or `never`.
  public init(_ text: UnsafeRawBufferPointer) {
    if String(decoding: text, as: UTF8.self).lowercased() == "never" {
      self = .never
    } else if text.allSatisfy({ (0x30...0x39).contains($0) }) {
      let seconds = text.count <= 10 ? Int64(String(decoding: text, as: UTF8.self)) : nil
      self = seconds.map { .seconds($0) } ?? .invalid
    } else if let duration = NATSDuration.parseGo(text), duration >= 1_000_000_000 {
      self = .seconds(duration / 1_000_000_000)
    } else {
      self = .invalid
    }
  }
}
