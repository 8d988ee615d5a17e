import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

/// Reads NATS messages for other protocols, and writes theirs for NATS clients.
///
/// | NATS | common form |
/// |---|---|
/// | reply subject | reply topic |
/// | `Content-Type` (any case) | content type |
/// | `Nats-Msg-Id` | message id |
/// | `Correlation-Data`; bytes that are not visible ASCII as `base64:…` | correlation |
/// | `Payload-Format-Indicator: 1` or `0` | whether the payload is text |
/// | `Nats-TTL` | expiry |
/// | `Godwit-Key` (any case), as `Correlation-Data` | key |
/// | `Godwit-Time` (any case), nanoseconds since 1970 | when it was sent |
/// | other headers, in order | headers |
/// | an inline status | dropped |
final class NATSEnvelope: EnvelopeReader {
  /// What marks NATS messages; set once, right after registration.
  private(set) var origin = Origin.engine

  private enum Name {
    static let contentType: StaticString = "Content-Type"
    static let messageID: StaticString = "Nats-Msg-Id"
    static let correlation: StaticString = "Correlation-Data"
    static let payloadFormat: StaticString = "Payload-Format-Indicator"
    static let timeToLive: StaticString = "Nats-TTL"
    static let key: StaticString = "Godwit-Key"
    static let time: StaticString = "Godwit-Time"
  }

  /// Registers the protocol with an engine.
  init(engine: Engine) {
    self.origin = engine.register(origin: "nats", reader: self)
  }

  /// The kind of frame that receivers of a foreign message share.
  func frameKind(withHeaders: Bool) -> UInt32 {
    UInt32(self.origin.index) << 8 | (withHeaders ? 2 : 1)
  }

  /// The kind of frame that receivers of a large NATS message share.
  var nativeFrameKind: UInt32 { UInt32(self.origin.index) << 8 | 3 }

  /// The canonical tail of a NATS message: `[reply ][header size ]size\r\nmessage\r\n`.
  struct Tail {
    /// The reply subject; empty when there is none.
    var reply = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The header block; empty when there is none.
    var headers = UnsafeRawBufferPointer(start: nil, count: 0)

    /// Takes apart what `NATSSession.publish` put together.
    init(_ publication: borrowing Publication) {
      let native = NATSEnvelope.shown(publication)?.tail ?? publication.native
      guard let base = native.baseAddress else { return }
      let first = ASCIIScan.endOfToken(base, 0, native.count)
      let hasHeaders = publication.nativeForm & NATSReceiver.Form.headers != 0
      var end = first
      var tokens = 1
      while end < native.count, native[end] == 0x20 {
        end = ASCIIScan.endOfToken(base, end + 1, native.count)
        tokens += 1
      }
      if tokens == (hasHeaders ? 3 : 2) {
        self.reply = UnsafeRawBufferPointer(rebasing: native[..<first])
      }
      let start = end + 2
      if hasHeaders, start <= native.count {
        // The payload is the end of the message, which two bytes follow, or stands elsewhere.
        let isApart = publication.nativeForm & NATSReceiver.Form.apart != 0
        let payloadStart = native.count - (isApart ? 0 : 2 + publication.payload.count)
        if payloadStart >= start {
          self.headers = UnsafeRawBufferPointer(rebasing: native[start..<payloadStart])
        }
      }
    }
  }

  /// A message's header block; empty where it has none.
  static func headers(of publication: borrowing Publication) -> UnsafeRawBufferPointer {
    guard publication.nativeForm & NATSReceiver.Form.headers != 0 else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return Tail(publication).headers
  }

  /// The subject that receivers are to see and what follows it, of a message of the form `shown`.
  static func shown(
    _ publication: borrowing Publication
  ) -> (subject: UnsafeRawBufferPointer, tail: UnsafeRawBufferPointer)? {
    let native = publication.native
    guard publication.nativeForm & NATSReceiver.Form.shown != 0, native.count >= 2 else {
      return nil
    }
    let end = 2 + Int(native[0]) << 8 + Int(native[1])
    guard end <= native.count else { return nil }
    return (
      UnsafeRawBufferPointer(rebasing: native[2..<end]),
      UnsafeRawBufferPointer(rebasing: native[end...])
    )
  }

  // MARK: From NATS

  func metadata(of publication: borrowing Publication) -> Metadata {
    let tail = Tail(publication)
    var metadata = Metadata()
    if !tail.reply.isEmpty { metadata.replyTopic = Array(tail.reply) }
    guard !tail.headers.isEmpty else { return metadata }
    do throws(NATSWireError) {
      var reader = try NATSHeaderReader(tail.headers)
      if reader.status != nil { metadata.dropped += 1 }
      while let field = try reader.next() { Self.add(field, to: &metadata) }
    } catch {
      metadata.dropped += 1
    }
    return metadata
  }

  private static func add(_ field: NATSHeaderReader.Field, to metadata: inout Metadata) {
    let value = Array(field.value)
    if metadata.contentType == nil, self.matches(field.name, Name.contentType) {
      metadata.contentType = value
    } else if metadata.messageID == nil, self.matches(field.name, Name.messageID) {
      metadata.messageID = value
    } else if metadata.correlation == nil, self.matches(field.name, Name.correlation) {
      metadata.correlation = CarriedBytes.bytes(of: value)
    } else if metadata.payloadIsText == nil, self.matches(field.name, Name.payloadFormat),
      value == [0x30] || value == [0x31]
    {
      metadata.payloadIsText = value == [0x31]
    } else if self.matches(field.name, Name.timeToLive) {
      // `NATSSession.publish` has made it the publication's expiry.
    } else if metadata.key == nil, self.matches(field.name, Name.key) {
      metadata.key = CarriedBytes.bytes(of: value)
    } else if metadata.sentAt == nil, self.matches(field.name, Name.time),
      let time = CarriedTime.nanoseconds(of: value)
    {
      metadata.sentAt = time
    } else {
      metadata.headers.append(.init(name: Array(field.name), value: value))
    }
  }

  /// Whether two names are equal but for case.
  private static func matches(_ name: UnsafeRawBufferPointer, _ expected: StaticString) -> Bool {
    guard name.count == expected.utf8CodeUnitCount else { return false }
    for index in 0..<name.count {
      let byte = name[index]
      let other = expected.utf8Start[index]
      if byte == other { continue }
      guard byte ^ other == 0x20, (byte | 0x20) >= 0x61, (byte | 0x20) <= 0x7A else { return false }
    }
    return true
  }

  /// When a message with this header block ends its life: `now` plus `Nats-TTL`, or 0 for never.
  ///
  /// The value is whole seconds, or a duration such as `1h30m` or `500ms` (ADR-43).
  static func expiry(_ headers: UnsafeRawBufferPointer, now: Int64) -> Int64 {
    guard self.mentionsTimeToLive(headers), var reader = try? NATSHeaderReader(headers) else {
      return 0
    }
    while let field = try? reader.next() {
      guard self.matches(field.name, Name.timeToLive) else { continue }
      guard let nanoseconds = NATSDuration.parse(field.value), nanoseconds > 0 else { return 0 }
      let (sum, overflow) = now.addingReportingOverflow(nanoseconds)
      return overflow ? 0 : sum
    }
    return 0
  }

  /// A quick look for `-TTL` in any case, so that most header blocks need not be taken apart.
  private static func mentionsTimeToLive(_ headers: UnsafeRawBufferPointer) -> Bool {
    guard let base = headers.baseAddress else { return false }
    var start = 0
    while let dash = ASCIIScan.first(UInt8(ascii: "-"), in: base, start, headers.count) {
      if dash + 4 <= headers.count {
        let word = UInt32(
          littleEndian: base.loadUnaligned(fromByteOffset: dash, as: UInt32.self))
        if word | 0x2020_2000 == 0x6C74_742D { return true }
      }
      start = dash + 1
    }
    return false
  }

  // MARK: Into streams

  /// What a message's headers ask of the streams that capture it (ADR-1, ADR-43).
  func conditions(of publication: borrowing Publication) -> AppendConditions? {
    let headers = Self.headers(of: publication)
    guard !headers.isEmpty else { return nil }
    let conditions = AppendConditions()
    conditions.propertyBytes = headers.count
    guard let options = try? JetStreamPublishOptions(parsing: headers) else { return conditions }
    func bytes(_ text: String) -> [UInt8]? { text.isEmpty ? nil : Array(text.utf8) }
    conditions.messageID = bytes(options.messageID)
    conditions.stream = bytes(options.expectedStream)
    conditions.nextOffset = options.expectedLastSequence
    conditions.topicEnd = options.expectedLastSubjectSequence
    if !options.expectedLastSubject.isEmpty {
      conditions.topicEndPattern = TopicPattern(canonical: Array(options.expectedLastSubject.utf8))
    }
    conditions.lastMessageID = bytes(options.expectedLastMessageID)
    switch options.rollup {
    case .subject: conditions.rollup = .topic
    case .all: conditions.rollup = .all
    case nil where !options.schedule.isEmpty: conditions.rollup = .topic
    case nil, .other: break
    }
    conditions.schedule = options.scheduleNote
    if !options.batchID.isEmpty, !options.isSourced {
      conditions.batch = BatchNote(
        id: Array(options.batchID.utf8), isLast: options.batchCommit == "1")
    }
    switch options.timeToLive {
    case .never: conditions.timeToLive = .never
    case .invalid: conditions.timeToLive = .invalid
    case .seconds(let seconds) where seconds > 0:
      let (nanoseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
      conditions.timeToLive = .after(overflows ? .max : nanoseconds)
    case nil, .seconds: break
    }
    // No stream has this name: what it would ask of a stream, none here can do.
    if options.asksForMore { conditions.stream = [] }
    return conditions
  }

  /// The header block of a kept message; empty when it has none.
  func headerBlock(of publication: inout Publication, engine: Engine) -> ByteBuffer {
    if publication.origin == self.origin { return ByteBuffer(bytes: Self.headers(of: publication)) }
    var block = ByteBuffer()
    let metadata = publication.metadata(engine)
    _ = self.headers(of: publication, metadata, now: engine.now, into: &block)
    return block
  }

  // MARK: To NATS

  /// The tail of a message of another protocol, behind one byte that tells its form.
  func tail(
    of publication: inout Publication, engine: Engine, withHeaders: Bool
  ) -> ByteBuffer {
    let metadata = publication.metadata(engine)
    var block = ByteBuffer()
    if withHeaders {
      let leftOut = self.headers(of: publication, metadata, now: engine.now, into: &block)
      engine.counters.droppedProperties &+= UInt64(truncatingIfNeeded: leftOut)
    }
    var tail = ByteBuffer()
    let size = block.readableBytes + publication.payload.count
    tail.reserveCapacity(size + (metadata.replyTopic?.count ?? 0) + 48)
    tail.writeInteger(block.readableBytes > 0 ? NATSReceiver.Form.headers : NATSReceiver.Form.plain)
    if let reply = metadata.replyTopic, !reply.isEmpty {
      tail.writeBytes(reply)
      tail.writeStaticString(" ")
    }
    if block.readableBytes > 0 {
      tail.writeString(String(block.readableBytes))
      tail.writeStaticString(" ")
    }
    tail.writeString(String(size))
    tail.writeStaticString("\r\n")
    tail.writeBuffer(&block)
    tail.writeBytes(publication.payload)
    tail.writeStaticString("\r\n")
    return tail
  }

  /// Writes the header block; nothing when there is nothing to say.
  ///
  /// - Returns: how many properties a header cannot hold.
  private func headers(
    of publication: borrowing Publication, _ metadata: Metadata, now: Int64,
    into block: inout ByteBuffer
  ) -> Int {
    var leftOut = 0
    func write(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
      guard NATSHeaders.isValidName(name), NATSHeaders.isValidValue(value) else {
        leftOut += 1
        return
      }
      if block.readableBytes == 0 { block.writeStaticString("NATS/1.0\r\n") }
      block.writeBytes(name)
      block.writeStaticString(": ")
      block.writeBytes(value)
      block.writeStaticString("\r\n")
    }
    if let contentType = metadata.contentType { write(Self.bytes(Name.contentType), contentType) }
    if let messageID = metadata.messageID { write(Self.bytes(Name.messageID), messageID) }
    if let data = metadata.correlation {
      write(Self.bytes(Name.correlation), CarriedBytes.text(of: data))
    }
    if let isText = metadata.payloadIsText {
      write(Self.bytes(Name.payloadFormat), isText ? [0x31] : [0x30])
    }
    if publication.expiresAt > 0 {
      let seconds = max(1, (publication.expiresAt - now + 999_999_999) / 1_000_000_000)
      write(Self.bytes(Name.timeToLive), Array(String(seconds).utf8))
    }
    if let key = metadata.key { write(Self.bytes(Name.key), CarriedBytes.text(of: key)) }
    if let time = metadata.sentAt { write(Self.bytes(Name.time), CarriedTime.text(of: time)) }
    for header in metadata.headers { write(header.name, header.value) }
    if block.readableBytes > 0 { block.writeStaticString("\r\n") }
    return leftOut
  }

  private static func bytes(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }
}

extension JetStreamPublishOptions {
  /// Whether a message asks for what no stream here does: counters, schedules, batches, words that
  /// are none.
  fileprivate var asksForMore: Bool {
    if case .other = self.rollup { return true }
    return self.increment != nil || !self.batchID.isEmpty || !self.schedule.isEmpty
      || !self.scheduler.isEmpty || !self.scheduleNext.isEmpty
      || (self.expectedLastSubjectSequence == nil && !self.expectedLastSubject.isEmpty)
  }
}
