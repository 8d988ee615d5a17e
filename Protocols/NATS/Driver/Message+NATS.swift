import Godwit
import GodwitWire
import NATSWire
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a message's facts travel in NATS headers: the names that Godwit's own broker translates for
/// other protocols, and `CarriedHeader` for what it has no name for.
///
/// | message | NATS |
/// |---|---|
/// | `topic`, `replyTo` | subject, reply subject |
/// | `id` | `Nats-Msg-Id` |
/// | `contentType` | `Content-Type` |
/// | `correlationID` | `Correlation-Data`; what is not visible ASCII as `base64:…` |
/// | `timeToLive` | `Nats-TTL`: seconds, or milliseconds such as `1500ms` |
/// | `key`, `time` | `Godwit-Key`, `Godwit-Time` |
/// | `headers` | headers of their names, in order; blanks around values are cut |
enum NATSHeaderName {
  static let contentType = "Content-Type"
  static let id = "Nats-Msg-Id"
  static let correlation = "Correlation-Data"
  static let timeToLive = "Nats-TTL"
}

extension Message {
  /// Writes the message as HPUB.
  ///
  /// - Returns: headers and body in bytes, which the server limits.
  /// - Throws: `invalidArgument` when NATS cannot carry it.
  func writeNATS(into out: inout ByteBuffer) throws(GodwitError) -> Int {
    guard Self.isNATSWord(self.topic) else {
      throw GodwitError(.invalidArgument, "'\(self.topic)' is no NATS subject")
    }
    if let replyTo = self.replyTo, !Self.isNATSWord(replyTo) {
      throw GodwitError(.invalidArgument, "'\(replyTo)' is no NATS subject for answers")
    }
    var block = ByteBuffer()
    block.writeStaticString("NATS/1.0\r\n")
    try Self.write(NATSHeaderName.id, self.id, into: &block)
    if let contentType = self.contentType {
      try Self.write(NATSHeaderName.contentType, contentType, into: &block)
    }
    if let correlation = self.correlationID {
      try Self.write(NATSHeaderName.correlation, Self.written(correlation), into: &block)
    }
    if let timeToLive = self.timeToLive {
      try Self.write(NATSHeaderName.timeToLive, Self.written(timeToLive), into: &block)
    }
    if let key = self.key { try Self.write(CarriedHeader.key, key, into: &block) }
    let time = (self.time.timeIntervalSince1970 * 1e9).rounded()
    if let nanoseconds = Int64(exactly: time) {
      try Self.write(CarriedHeader.time, String(nanoseconds), into: &block)
    }
    for field in self.headers { try Self.write(field.name, field.value, into: &block) }
    block.writeStaticString("\r\n")
    NATSEncoder.publish(
      self.topic.utf8, reply: self.replyTo?.utf8, headers: block.readableBytesView,
      payload: self.body.readableBytesView, into: &out)
    return block.readableBytes + self.body.readableBytes
  }

  /// Visible text without blanks, as subjects and groups must be.
  static func isNATSWord(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
  }

  private static func write(
    _ name: String, _ value: String, into block: inout ByteBuffer
  ) throws(GodwitError) {
    guard NATSHeaders.isValidName(name.utf8), NATSHeaders.isValidValue(value.utf8) else {
      throw GodwitError(.invalidArgument, "NATS cannot carry the header '\(name)' as it is")
    }
    block.writeString(name)
    block.writeStaticString(": ")
    block.writeString(value)
    block.writeStaticString("\r\n")
  }

  // MARK: Correlation

  private static let base64Prefix = "base64:"

  private static func written(_ correlation: String) -> String {
    if correlation.hasPrefix(self.base64Prefix) {
      // Bytes that are no text were read as they stood, and go back as they stood.
      if let bytes = Base64.decode(Array(correlation.utf8.dropFirst(self.base64Prefix.utf8.count))),
        String(validating: bytes, as: UTF8.self) == nil
      {
        return correlation
      }
    } else if !correlation.isEmpty, correlation.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
      return correlation
    }
    return self.base64Prefix + Base64.encode(Array(correlation.utf8))
  }

  private static func readCorrelation(_ text: String) -> String {
    guard text.hasPrefix(self.base64Prefix),
      let bytes = Base64.decode(Array(text.utf8.dropFirst(self.base64Prefix.utf8.count))),
      let decoded = String(validating: bytes, as: UTF8.self)
    else { return text }
    return decoded
  }

  // MARK: Time to live

  private static func written(_ timeToLive: Duration) -> String {
    let (seconds, attoseconds) = timeToLive.components
    if seconds < 0 { return "1ms" }
    if attoseconds == 0, seconds > 0 { return String(seconds) }
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    if overflow { return String(seconds) }
    return "\(max(1, milliseconds + attoseconds / 1_000_000_000_000_000))ms"
  }

  // MARK: Reading

  /// What a MSG or HMSG holds.
  struct NATSDelivery {
    var message: Message
    /// The status in place of an answer, such as 503.
    var status: Int?
  }

  /// Reads a MSG or HMSG; `nil` when its headers cannot be read.
  static func read(_ operation: NATSOperation) -> NATSDelivery? {
    var reader: NATSHeaderReader?
    if operation.headerBytes > 0 {
      guard let found = try? NATSHeaderReader(operation.headers) else { return nil }
      reader = found
    }
    let status = reader?.status
    var facts = Facts()
    do {
      while let field = try reader?.next() { facts.read(field) }
    } catch {
      return nil
    }
    var message = Message(
      topic: String(decoding: operation.subject, as: UTF8.self),
      body: ByteBuffer(bytes: operation.payload), contentType: facts.contentType,
      headers: facts.headers, key: facts.key, timeToLive: facts.timeToLive,
      id: facts.id ?? Message.makeID(), time: facts.time ?? Date())
    message.correlationID = facts.correlation
    if !operation.reply.isEmpty {
      message.replyTo = String(decoding: operation.reply, as: UTF8.self)
    }
    return NATSDelivery(message: message, status: status)
  }

  /// What headers say, the first of each name.
  private struct Facts {
    var id: String?
    var contentType: String?
    var correlation: String?
    var key: String?
    var time: Date?
    var timeToLive: Duration?
    var headers = Headers()

    mutating func read(_ field: NATSHeaderReader.Field) {
      let name = String(decoding: field.name, as: UTF8.self)
      let value = String(decoding: field.value, as: UTF8.self)
      switch name {
      case NATSHeaderName.id where self.id == nil: self.id = value
      case NATSHeaderName.contentType where self.contentType == nil: self.contentType = value
      case NATSHeaderName.correlation where self.correlation == nil:
        self.correlation = Message.readCorrelation(value)
      case CarriedHeader.key where self.key == nil: self.key = value
      case CarriedHeader.time where self.time == nil && Int64(value) != nil:
        self.time = Int64(value).map { Date(timeIntervalSince1970: Double($0) / 1e9) }
      case NATSHeaderName.timeToLive where self.timeToLive == nil:
        self.timeToLive = NATSDuration.parse(field.value).map { .nanoseconds($0) }
      default: self.headers.append(name, value)
      }
    }
  }
}
