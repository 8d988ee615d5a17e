public import GodwitPrimitives

/// Where records go that a group gives up. The first rule that fits holds.
public struct DeadLetterRule: Hashable, Sendable {
  /// The tenant; `nil`, the default, for all.
  public var tenant: String?
  /// The topics of the records; empty, the default, for all.
  public var patterns: [TopicPattern] = []
  /// The groups' names, `*` at the end for any ending; empty, the default, for all.
  public var groups: [String] = []
  /// The topic that the dead letters are published to; `nil` for nowhere. `{topic}`, `{log}` and
  /// `{group}` stand for where a record comes from.
  public var destination: String?

  /// A rule for all records of all groups.
  public init(destination: String?) { self.destination = destination }

  func fits(_ topic: UnsafeRawBufferPointer, group: String, tenant: String) -> Bool {
    if let own = self.tenant, own != tenant { return false }
    if !self.patterns.isEmpty, !self.patterns.contains(where: { $0.matches(topic) }) {
      return false
    }
    return self.groups.isEmpty
      || self.groups.contains { name in
        name.last == "*" ? group.hasPrefix(name.dropLast()) : group == name
      }
  }
}

/// Where a record was, and why it is a dead letter.
public struct Death: Hashable, Sendable {
  /// The name of the stream or topic.
  public var log: String
  /// The partition; `nil` for a stream.
  public var partition: Int?
  /// The record's offset.
  public var offset: UInt64
  /// The group that gave it up.
  public var group: String
  /// How often it was handed out.
  public var deliveries: Int
  /// Why, for people.
  public var reason: String

  /// A death.
  public init(
    log: String, partition: Int? = nil, offset: UInt64, group: String, deliveries: Int,
    reason: String
  ) {
    self.log = log
    self.partition = partition
    self.offset = offset
    self.group = group
    self.deliveries = deliveries
    self.reason = reason
  }
}

/// A tenant's dead letters: records that groups gave up, published to where the settings or the
/// group say, with headers that say where they come from. Whoever gives one up forgets the record
/// only when its letter lasts.
public final class DeadLetters {
  /// The headers of a dead letter: those of `GodwitDeadLetters` in services, and those that only a
  /// log has.
  public enum Header {
    /// Why.
    public static var reason: String { "Godwit-Dead-Reason" }
    /// How often it was handed out.
    public static var attempts: String { "Godwit-Dead-Attempts" }
    /// The topic that it was published to.
    public static var topic: String { "Godwit-Dead-Topic" }
    /// The group that gave it up.
    public static var group: String { "Godwit-Dead-Subscription" }
    /// When, ISO 8601.
    public static var time: String { "Godwit-Dead-Time" }
    /// The stream or topic that it lay in, with the partition's number behind a dash.
    public static var log: String { "Godwit-Dead-Log" }
    /// Its offset there.
    public static var offset: String { "Godwit-Dead-Offset" }
    /// The protocol that it came in by.
    public static var origin: String { "Godwit-Dead-Protocol" }

    /// What every one of them begins with.
    public static var prefix: String { "Godwit-Dead-" }
  }

  /// The stream that is made for dead letters which nothing else keeps.
  public static var streamName: String { "DEAD-LETTERS" }
  private static var patternsMax: Int { 1_024 }
  private static var reasonBytesMax: Int { 1_000 }

  private unowned let tenant: Tenant
  /// How many there were since the start.
  public private(set) var count: UInt64 = 0
  /// How often one could not be kept, and was tried again.
  public private(set) var failures: UInt64 = 0

  init(tenant: Tenant) { self.tenant = tenant }

  private var engine: Engine { self.tenant.engine }

  /// The topic that dead letters of a record go to; `nil` where they go nowhere. What is a dead
  /// letter already is none again.
  ///
  /// - Parameter own: what the group itself says, before all rules.
  public func destination(
    of record: Record, log: String, group: String, own: [UInt8]? = nil
  ) -> [UInt8]? {
    guard own != nil || !self.engine.deadLetterRules.isEmpty, !self.isLetter(record) else {
      return nil
    }
    if let own { return own }
    let rule = record.withTopic { topic in
      self.engine.deadLetterRules.first {
        $0.fits(topic, group: group, tenant: self.tenant.name)
      }
    }
    guard let template = rule?.destination else { return nil }
    var topic: [UInt8] = []
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      topic += rest[..<open].utf8
      switch rest[rest.index(after: open)..<close] {
      case "topic": topic += record.topic
      case "log": topic += Self.level(log)
      case "group": topic += Self.level(group)
      default: topic += rest[open...close].utf8
      }
      rest = rest[rest.index(after: close)...]
    }
    topic += rest.utf8
    let isFit = topic.withUnsafeBytes { self.engine.limits.allows(topic: $0) }
    return isFit && Self.isLiteral(topic) ? topic : nil
  }

  /// Whether bytes are a topic that every protocol's tools can say: no blanks, no wildcards.
  private static func isLiteral(_ topic: [UInt8]) -> Bool {
    !topic.isEmpty && topic.allSatisfy { $0 > 0x20 && $0 != 0x7F }
      && !TopicPattern(canonical: topic).hasWildcard
  }

  /// A name as one level of a topic.
  private static func level(_ name: String) -> [UInt8] {
    let text = name.utf8.map { byte in
      byte <= 0x20 || byte == 0x7F || ".*>".utf8.contains(byte) ? UInt8(ascii: "_") : byte
    }
    return text.isEmpty ? [UInt8(ascii: "_")] : text
  }

  private func isLetter(_ record: Record) -> Bool {
    let name = Array(Header.topic.utf8)
    return record.withPublication { publication in
      publication.metadata(self.engine).headers.contains { $0.name == name }
    }
  }

  /// Publishes a record's dead letter.
  ///
  /// - Parameters:
  ///   - topic: where to; as `destination` says.
  ///   - body: called when the letter is as durable as what keeps it promises, at once where it is
  ///     already; or with the error, when it is not kept. Then the record must not be forgotten.
  public func bury(
    _ record: Record, _ death: Death, to topic: [UInt8],
    _ body: @escaping (EngineError?) -> Void
  ) {
    // A stream may have to be made, which nothing may be within a publish.
    self.engine.whenQuiet { self.buryNow(record, death, topic, body) }
  }

  private func buryNow(
    _ record: Record, _ death: Death, _ topic: [UInt8], _ body: @escaping (EngineError?) -> Void
  ) {
    let letter = self.letter(of: record, death, topic)
    let kept: Kept = letter.withPublication { publication in
      var memo: Route?
      self.tenant.publish(&publication, memo: &memo)
      if !publication.isCaptured { self.keep(&publication, topic) }
      return publication.kept
    }
    guard !kept.isRefused else {
      self.failures &+= 1
      return body(EngineError(.storageFailed, "nothing keeps the dead letter"))
    }
    kept.whenCommitted { error in
      if error == nil { self.count &+= 1 } else { self.failures &+= 1 }
      body(error)
    }
  }

  private func letter(of record: Record, _ death: Death, _ topic: [UInt8]) -> Record {
    record.withPublication { publication in
      var metadata = publication.metadata(self.engine)
      // Nobody waits for an answer to a dead letter, and it does not end by itself.
      metadata.replyTopic = nil
      func add(_ name: String, _ value: [UInt8]) {
        metadata.headers.append(Metadata.Header(name: Array(name.utf8), value: value))
      }
      func add(_ name: String, _ value: String) { add(name, Array(value.utf8)) }
      add(Header.reason, Self.line(death.reason))
      add(Header.attempts, String(death.deliveries))
      add(Header.topic, Array(publication.topic))
      add(Header.group, Self.line(death.group))
      add(Header.time, Self.time(self.engine.now))
      add(Header.log, Self.line(death.log + (death.partition.map { "-\($0)" } ?? "")))
      add(Header.offset, String(death.offset))
      add(Header.origin, self.engine.name(of: publication.origin))
      return self.tenant.record(
        topic: topic, payload: Array(publication.payload), metadata: metadata,
        quality: max(publication.quality, .atLeastOnce))
    }
  }

  /// A time after 1970, as in `2026-11-22T01:02:03Z`.
  private static func time(_ nanoseconds: Int64) -> String {
    let seconds = max(0, nanoseconds / 1_000_000_000)
    let date = CronSchedule.date(of: seconds / 86_400)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let clock = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60].map(two)
    return "\(date.year)-\(two(date.month))-\(two(date.day))T\(clock.joined(separator: ":"))Z"
  }

  /// Text that fits in one header line of any protocol.
  private static func line(_ text: String) -> [UInt8] {
    var line: [UInt8] = []
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      let bytes = isControl ? [UInt8(ascii: " ")] : Array(String(scalar).utf8)
      guard line.count + bytes.count <= Self.reasonBytesMax else { break }
      line += bytes
    }
    return line
  }

  /// Has the stream of dead letters keep a message that nothing else keeps.
  private func keep(_ publication: inout Publication, _ topic: [UInt8]) {
    do throws(EngineError) {
      let streams = self.tenant.streams
      let pattern = TopicPattern(canonical: topic)
      if let stream = streams[Self.streamName] {
        if streams.isSettled {
          try self.widen(stream, pattern)
        } else {
          // Where it is refused, the next letter asks again.
          streams.whenSettled { try? self.widen(stream, pattern) }
        }
        publication.capture(stream)
      } else {
        let settings = StreamSettings(name: Self.streamName, patterns: [pattern])
        publication.capture(try streams.create(settings))
      }
    } catch {
      publication.noteRefusal(error)
    }
  }

  private func widen(_ stream: Stream, _ pattern: TopicPattern) throws(EngineError) {
    var settings = stream.settings
    guard !stream.isDeleted, !settings.patterns.contains(pattern) else { return }
    guard settings.patterns.count < Self.patternsMax else {
      throw EngineError(.quotaExceeded, "the stream of dead letters has too many topics")
    }
    settings.patterns.append(pattern)
    try self.tenant.streams.update(stream, to: settings)
  }
}
