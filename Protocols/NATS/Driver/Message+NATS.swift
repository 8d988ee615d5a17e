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
/// | `key`, `time` | `Godwit-Key`, as the correlation; `Godwit-Time` |
/// | `headers` | headers of their names, in order; blanks around values are cut |
enum NATSHeaderName {
  static var contentType: String { "Content-Type" }
  static var id: String { "Nats-Msg-Id" }
  static var correlation: String { "Correlation-Data" }
  static var timeToLive: String { "Nats-TTL" }
}

extension Message {
  /// Visible text without blanks, as subjects and groups must be.
  static func isNATSWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.withContiguousBytes { bytes in
        guard let base = bytes.baseAddress else { return false }
        return ASCIIScan.endOfToken(base, 0, bytes.count) == bytes.count && !bytes.contains(0x7F)
      }
  }

  // MARK: Time to live

  static func written(_ timeToLive: Duration) -> String {
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
        let likely = field.value.count == 16 ? "application/json" : "application/octet-stream"
        self.contentType = Message.text(field.value, likely: likely)
      } else if self.time == nil, isNamed(CarriedHeader.time), let time = Self.time(field.value) {
        self.time = time
      } else if self.correlation == nil, isNamed(NATSHeaderName.correlation) {
        self.correlation = CarriedHeader.value(of: String(decoding: field.value, as: UTF8.self))
      } else if self.key == nil, isNamed(CarriedHeader.key) {
        self.key = CarriedHeader.value(of: String(decoding: field.value, as: UTF8.self))
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
