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
  static var contentType: String { "Content-Type" }
  static var id: String { "Nats-Msg-Id" }
  static var correlation: String { "Correlation-Data" }
  static var timeToLive: String { "Nats-TTL" }
}

extension Message {
  /// Writes the message as HPUB; as PUB when it is bare.
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
    guard !self.isBare else { return self.writeBareNATS(into: &out) }
    let correlation = self.correlationID.map(Self.written)
    let timeToLive = self.timeToLive.map { Self.written($0) }
    let time = Int(exactly: (self.time.timeIntervalSince1970 * 1e9).rounded())
    let early = time.flatMap { $0 < 0 ? "\($0)" : nil }
    var size = "NATS/1.0\r\n\r\n".utf8.count
    size += try Self.size(NATSHeaderName.id, self.id)
    size += try Self.size(NATSHeaderName.contentType, self.contentType)
    size += try Self.size(NATSHeaderName.correlation, correlation)
    size += try Self.size(NATSHeaderName.timeToLive, timeToLive)
    size += try Self.size(CarriedHeader.key, self.key)
    size += try Self.size(CarriedHeader.time, early)
    if let time, time >= 0 { size += CarriedHeader.time.utf8.count + 4 + ASCIIScan.digits(time) }
    for field in self.headers {
      guard Self.isBytes(field.name, NATSHeaders.isValidName) else {
        throw Self.notCarried(field.name)
      }
      size += try Self.size(field.name, field.value)
    }
    let total = size + self.body.readableBytes
    let lineMax = self.topic.utf8.count + (self.replyTo?.utf8.count ?? 0) + 48
    out.writeWithUnsafeMutableBytes(minimumWritableBytes: lineMax + total + 2) { bytes in
      var writer = FrameWriter(bytes)
      writer.write("HPUB ")
      writer.write(self.topic)
      writer.write(" ")
      if let replyTo = self.replyTo {
        writer.write(replyTo)
        writer.write(" ")
      }
      writer.write(decimal: size)
      writer.write(" ")
      writer.write(decimal: total)
      writer.write("\r\nNATS/1.0\r\n")
      writer.write(NATSHeaderName.id, self.id)
      writer.write(NATSHeaderName.contentType, self.contentType)
      writer.write(NATSHeaderName.correlation, correlation)
      writer.write(NATSHeaderName.timeToLive, timeToLive)
      writer.write(CarriedHeader.key, self.key)
      writer.write(CarriedHeader.time, early)
      if let time, time >= 0 {
        writer.write(CarriedHeader.time)
        writer.write(": ")
        writer.write(decimal: time)
        writer.write("\r\n")
      }
      for field in self.headers { writer.write(field.name, field.value) }
      writer.write("\r\n")
      self.body.withUnsafeReadableBytes { writer.write($0) }
      writer.write("\r\n")
      return writer.count
    }
    return total
  }

  private func writeBareNATS(into out: inout ByteBuffer) -> Int {
    let size = self.body.readableBytes
    let lineMax = self.topic.utf8.count + (self.replyTo?.utf8.count ?? 0) + 32
    out.writeWithUnsafeMutableBytes(minimumWritableBytes: lineMax + size + 2) { bytes in
      var writer = FrameWriter(bytes)
      writer.write("PUB ")
      writer.write(self.topic)
      writer.write(" ")
      if let replyTo = self.replyTo {
        writer.write(replyTo)
        writer.write(" ")
      }
      writer.write(decimal: size)
      writer.write("\r\n")
      self.body.withUnsafeReadableBytes { writer.write($0) }
      writer.write("\r\n")
      return writer.count
    }
    return size
  }

  /// Visible text without blanks, as subjects and groups must be.
  static func isNATSWord(_ text: String) -> Bool {
    !text.isEmpty && self.isBytes(text) { $0.allSatisfy { $0 > 0x20 && $0 != 0x7F } }
  }

  /// What a header takes in the block.
  private static func size(_ name: String, _ value: String?) throws(GodwitError) -> Int {
    guard let value else { return 0 }
    guard self.isBytes(value, NATSHeaders.isValidValue) else { throw self.notCarried(name) }
    return name.utf8.count + value.utf8.count + ": \r\n".utf8.count
  }

  /// Whether a text's bytes are such; looks at them in place where they stand in one piece.
  private static func isBytes(
    _ text: String, _ isSo: (UnsafeBufferPointer<UInt8>) -> Bool
  ) -> Bool {
    if let answer = text.utf8.withContiguousStorageIfAvailable(isSo) { return answer }
    return Array(text.utf8).withUnsafeBufferPointer(isSo)
  }

  private static func notCarried(_ name: String) -> GodwitError {
    GodwitError(.invalidArgument, "NATS cannot carry the header '\(name)' as it is")
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
  ///
  /// - Parameter topic: what its subject often is, so that it need not be made again.
  static func read(_ operation: NATSOperation, likely topic: String = "") -> NATSDelivery? {
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
      topic: Self.text(operation.subject, likely: topic),
      body: ByteBuffer(bytes: operation.payload), contentType: facts.contentType,
      headers: facts.headers, key: facts.key, timeToLive: facts.timeToLive,
      id: facts.id ?? Message.makeID(), time: facts.time ?? Date())
    message.correlationID = facts.correlation
    if !operation.reply.isEmpty {
      message.replyTo = String(decoding: operation.reply, as: UTF8.self)
    }
    return NATSDelivery(message: message, status: status)
  }

  /// The text of bytes; the likely one where it is that.
  fileprivate static func text(_ bytes: UnsafeRawBufferPointer, likely text: String) -> String {
    let isThat = text.utf8.withContiguousStorageIfAvailable { $0.elementsEqual(bytes) }
    return isThat == true ? text : String(decoding: bytes, as: UTF8.self)
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
      func isNamed(_ name: String) -> Bool {
        name.utf8.withContiguousStorageIfAvailable { $0.elementsEqual(field.name) } == true
      }
      if self.id == nil, isNamed(NATSHeaderName.id) {
        self.id = String(decoding: field.value, as: UTF8.self)
      } else if self.contentType == nil, isNamed(NATSHeaderName.contentType) {
        self.contentType = Message.text(field.value, likely: "application/json")
      } else if self.time == nil, isNamed(CarriedHeader.time), let time = Self.time(field.value) {
        self.time = time
      } else if self.correlation == nil, isNamed(NATSHeaderName.correlation) {
        self.correlation = Message.readCorrelation(String(decoding: field.value, as: UTF8.self))
      } else if self.key == nil, isNamed(CarriedHeader.key) {
        self.key = String(decoding: field.value, as: UTF8.self)
      } else if self.timeToLive == nil, isNamed(NATSHeaderName.timeToLive) {
        self.timeToLive = NATSDuration.parse(field.value).map { .nanoseconds($0) }
      } else {
        self.headers.append(
          String(decoding: field.name, as: UTF8.self),
          String(decoding: field.value, as: UTF8.self))
      }
    }

    private static func time(_ value: UnsafeRawBufferPointer) -> Date? {
      Int64(String(decoding: value, as: UTF8.self)).map {
        Date(timeIntervalSince1970: Double($0) / 1e9)
      }
    }
  }
}
