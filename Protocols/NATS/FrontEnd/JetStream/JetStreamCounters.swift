import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

/// The counters of a stream: what is published says by how much, what is kept says how much it is
/// then (ADR-49).
final class JetStreamCounters {
  private struct Value {
    let offset: UInt64
    let total: JetStreamInteger
    /// By origin and subject, what other streams had counted.
    let sources: [String: [String: String]]
  }

  /// Of so many subjects it is known without a look at the stream.
  private static var latestMax: Int { 1_024 }
  private static var sourcesHeader: String { "Nats-Counter-Sources" }

  private unowned let account: JetStreamAccount
  private let stream: GodwitEngine.Stream
  /// What the messages that were kept last say: they may not be committed yet.
  private var latest: [[UInt8]: Value] = [:]

  init(_ stream: GodwitEngine.Stream, _ account: JetStreamAccount) {
    self.stream = stream
    self.account = account
  }

  /// Keeps a message that counts, with what it comes to.
  ///
  /// - Returns: what became of it, and the count.
  func keep(
    _ publication: inout Publication, _ config: JetStreamStreamConfig,
    _ keep: (inout Publication) -> Capture.Result
  ) -> (result: Capture.Result, value: String) {
    func refused(_ code: JetStreamErrorCode) -> (Capture.Result, String) {
      (.refused(.notPrepared(code.rawValue)), "")
    }
    guard publication.origin == self.account.frontEnd.envelope.origin else {
      return refused(.messageIncrMissing)
    }
    let block = NATSEnvelope.Tail(publication).headers
    guard var headers = try? NATSHeaders(parsing: block),
      let options = try? JetStreamPublishOptions(parsing: block),
      let text = options.increment
    else { return refused(.messageIncrMissing) }
    let origin = headers["Nats-Stream-Source"]
    if origin == nil,
      let error = options.refusal(
        by: config, subject: String(decoding: publication.topic, as: UTF8.self),
        payloadBytes: publication.payload.count)
    {
      return refused(error.known ?? .messageIncrInvalid)
    }
    guard var increment = JetStreamInteger(text) else { return refused(.messageIncrInvalid) }
    let topic = Array(publication.topic)
    guard let before = self.value(of: topic) else { return refused(.messageCounterBroken) }
    var sources = before.sources
    if let origin {
      // The origin says how much it has; what it had before is counted already.
      let fields = origin.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard let counted = Self.total(publication.payload), let name = fields.first else {
        return refused(.messageCounterBroken)
      }
      let subject =
        fields.count >= 5 ? fields[4] : String(decoding: publication.topic, as: UTF8.self)
      let known = sources[name]?[subject].flatMap { JetStreamInteger($0) } ?? JetStreamInteger()
      sources[name, default: [:]][subject] = counted.description
      increment = counted - known
      headers.set("Nats-Incr", increment.description)
    }
    if !sources.isEmpty { headers.set(Self.sourcesHeader, Self.text(sources)) }
    let total = before.total + increment
    var encoded = ByteBuffer()
    headers.encode(into: &encoded)
    let message = JetStreamMessage(
      headers: encoded, payload: ByteBuffer(string: #"{"val":"\#(total)"}"#))
    let result = message.withPublication(to: topic, self.account) { keep(&$0) }
    if case .stored(let offset) = result {
      self.remember(Value(offset: offset, total: total, sources: sources), topic)
    }
    return (result, total.description)
  }

  private func remember(_ value: Value, _ topic: [UInt8]) {
    if self.latest.count >= Self.latestMax {
      let committed = self.stream.committedOffset
      self.latest = self.latest.filter { $0.value.offset >= committed }
    }
    self.latest[topic] = value
  }

  /// What a subject has come to; `nil` when its last message is no counter's.
  private func value(of topic: [UInt8]) -> Value? {
    let pattern = TopicPattern(canonical: topic)
    guard let last = self.stream.lastOffset(pattern) else {
      return Value(offset: 0, total: JetStreamInteger(), sources: [:])
    }
    if let known = self.latest[topic], known.offset == last { return known }
    guard let record = self.stream.committedRecord(at: last) else { return nil }
    let message = JetStreamMessage(record, self.account)
    guard let total = message.payload.withUnsafeReadableBytes({ Self.total($0) }) else {
      return nil
    }
    let headers = message.headers.withUnsafeReadableBytes { try? NATSHeaders(parsing: $0) }
    var sources: [String: [String: String]] = [:]
    if let text = headers?[Self.sourcesHeader] {
      guard let read = Self.sources(text) else { return nil }
      sources = read
    }
    return Value(offset: last, total: total, sources: sources)
  }

  private static func total(_ payload: UnsafeRawBufferPointer) -> JetStreamInteger? {
    (try? JSONValue(parsing: payload))?["val"]?.string.flatMap { JetStreamInteger($0) }
  }

  private static func sources(_ text: String) -> [String: [String: String]]? {
    guard let members = (try? JSONValue(parsing: text))?.members else { return nil }
    var sources: [String: [String: String]] = [:]
    for origin in members {
      guard let subjects = origin.value.members else { return nil }
      for subject in subjects {
        sources[origin.name, default: [:]][subject.name] = subject.value.string
      }
    }
    return sources
  }

  private static func text(_ sources: [String: [String: String]]) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      for (name, subjects) in sources.sorted(by: { $0.key < $1.key }) {
        writer.object(name) { writer in
          for (subject, value) in subjects.sorted(by: { $0.key < $1.key }) {
            writer.member(subject, value)
          }
        }
      }
    }
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension NATSHeaders {
  /// Puts a value in the place of all that a name has.
  fileprivate mutating func set(_ name: String, _ value: String) {
    self.fields.removeAll { $0.name == name }
    self.fields.append(.init(name, value))
  }
}
