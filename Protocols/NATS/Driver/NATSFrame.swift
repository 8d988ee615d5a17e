import Godwit
import GodwitWire
import NATSWire
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A message as it goes to the server: HPUB, or PUB when it is bare. Checked and measured first, so
/// that its bytes are counted before there is room for them, and written once, in place.
struct NATSFrame {
  /// Headers and body in bytes, which the server limits.
  let size: Int
  /// All of the frame in bytes.
  let bytes: Int
  private let headerBytes: Int
  private let correlation: String?
  private let timeToLive: String?
  private let key: String?
  /// Nanoseconds since 1970.
  private let time: Int?

  /// Measures a message.
  ///
  /// - Throws: `invalidArgument` when NATS cannot carry it.
  init(_ message: Message) throws(GodwitError) {
    guard Message.isNATSWord(message.topic) else {
      throw GodwitError(.invalidArgument, "'\(message.topic)' is no NATS subject")
    }
    var line = "PUB  \r\n\r\n".utf8.count + message.topic.utf8.count
    if let replyTo = message.replyTo {
      guard Message.isNATSWord(replyTo) else {
        throw GodwitError(.invalidArgument, "'\(replyTo)' is no NATS subject for answers")
      }
      line += replyTo.utf8.count + 1
    }
    guard !message.isBare else {
      self.headerBytes = 0
      self.correlation = nil
      self.timeToLive = nil
      self.key = nil
      self.time = nil
      self.size = message.body.readableBytes
      self.bytes = line + ASCIIScan.digits(self.size) + self.size
      return
    }
    self.correlation = message.correlationID.map(CarriedHeader.text)
    self.key = message.key.map(CarriedHeader.text)
    self.timeToLive = message.timeToLive.map { Message.written($0) }
    self.time = Int(exactly: (message.time.timeIntervalSince1970 * 1e9).rounded())
    var headers = "NATS/1.0\r\n\r\n".utf8.count
    headers += try Self.size(NATSHeaderName.id, message.id)
    headers += try Self.size(NATSHeaderName.contentType, message.contentType)
    headers += try Self.size(NATSHeaderName.correlation, self.correlation)
    headers += try Self.size(NATSHeaderName.timeToLive, self.timeToLive)
    headers += try Self.size(CarriedHeader.key, self.key)
    if let time = self.time {
      headers += CarriedHeader.time.utf8.count + ": \r\n".utf8.count
      headers += time < 0 ? "\(time)".utf8.count : ASCIIScan.digits(time)
    }
    for field in message.headers {
      guard field.name.utf8.withContiguousBytes({ NATSHeaders.isValidName($0) }) else {
        throw Self.notCarried(field.name)
      }
      headers += try Self.size(field.name, field.value)
    }
    self.headerBytes = headers
    self.size = headers + message.body.readableBytes
    self.bytes =
      line + "H ".utf8.count + ASCIIScan.digits(headers) + ASCIIScan.digits(self.size) + self.size
  }

  /// Appends the frame of the message that was measured.
  func write(_ message: Message, into out: inout ByteBuffer) {
    out.writeWithUnsafeMutableBytes(minimumWritableBytes: self.bytes) { room in
      var writer = FrameWriter(room)
      writer.write(message.isBare ? "PUB " : "HPUB ")
      writer.write(message.topic)
      writer.write(" ")
      if let replyTo = message.replyTo {
        writer.write(replyTo)
        writer.write(" ")
      }
      if !message.isBare {
        writer.write(decimal: self.headerBytes)
        writer.write(" ")
      }
      writer.write(decimal: self.size)
      writer.write("\r\n")
      if !message.isBare { self.writeHeaders(of: message, to: &writer) }
      message.body.withUnsafeReadableBytes { writer.write($0) }
      writer.write("\r\n")
      return writer.count
    }
  }

  private func writeHeaders(of message: Message, to writer: inout FrameWriter) {
    writer.write("NATS/1.0\r\n")
    writer.write(NATSHeaderName.id, message.id)
    writer.write(NATSHeaderName.contentType, message.contentType)
    writer.write(NATSHeaderName.correlation, self.correlation)
    writer.write(NATSHeaderName.timeToLive, self.timeToLive)
    writer.write(CarriedHeader.key, self.key)
    if let time = self.time {
      writer.write(CarriedHeader.time)
      writer.write(": ")
      if time < 0 { writer.write("\(time)") } else { writer.write(decimal: time) }
      writer.write("\r\n")
    }
    for field in message.headers { writer.write(field.name, field.value) }
    writer.write("\r\n")
  }

  /// What a header takes in the block.
  private static func size(_ name: String, _ value: String?) throws(GodwitError) -> Int {
    guard let value else { return 0 }
    let isValid = value.utf8.withContiguousBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      // Few values have controls, and of those most are tabs.
      return ASCIIScan.isFreeOfControls(base, bytes.count) || NATSHeaders.isValidValue(bytes)
    }
    guard isValid else { throw self.notCarried(name) }
    return name.utf8.count + value.utf8.count + ": \r\n".utf8.count
  }

  private static func notCarried(_ name: String) -> GodwitError {
    GodwitError(.invalidArgument, "NATS cannot carry the header '\(name)' as it is")
  }
}

extension String.UTF8View {
  /// Looks at the bytes in place, where they stand in one piece; most do.
  func withContiguousBytes<Result>(_ look: (UnsafeRawBufferPointer) -> Result) -> Result {
    let found = self.withContiguousStorageIfAvailable { look(UnsafeRawBufferPointer($0)) }
    return found ?? Array(self).withUnsafeBytes(look)
  }
}
