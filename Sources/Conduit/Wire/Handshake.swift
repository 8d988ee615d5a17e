import Godwit
import GodwitWire
import NIOCore

/// How a send begins: published to the service, with an address for acknowledgements.
///
/// The first three fields are the original's. What follows is between peers of this kind; the
/// original passes over it.
struct Handshake: Hashable, Sendable {
  /// The most bytes of one that is read or written.
  static let bytesMax = 64 << 10
  /// What this side speaks beyond the original: flow control, and streams of an instance's own.
  static let ownVersion = 1
  private static let headersMax = 256

  /// The sender's service, as it names itself; replies go there.
  var source = ""
  /// The event that a reply is sent as; empty where none is expected.
  var replyEvent = ""
  /// The event.
  var event = ""
  /// 0 for the original.
  var version = 0
  /// The payload's media type.
  var contentType: String?
  var headers = Headers()

  /// - Throws: `tooLarge`.
  func frame() throws(GodwitError) -> ByteBuffer {
    var writer = MessagePackWriter(bytesMax: Self.bytesMax, capacity: 160)
    do throws(MessagePackError) {
      let extras = self.version == 0 ? 0 : 1 + (self.contentType == nil ? 0 : 1)
      let hasHeaders = self.version != 0 && !self.headers.isEmpty
      try writer.map(count: 3 + extras + (hasHeaders ? 1 : 0))
      try writer.string("sourceServiceName")
      try writer.string(self.source)
      try writer.string("replySubject")
      try writer.string(self.replyEvent)
      try writer.string("subject")
      try writer.string(self.event)
      guard self.version != 0 else { return writer.buffer }
      try writer.string("v")
      try writer.integer(Int64(self.version))
      if let contentType = self.contentType {
        try writer.string("ct")
        try writer.string(contentType)
      }
      if hasHeaders {
        try writer.string("hdr")
        try writer.array(count: self.headers.count * 2)
        for field in self.headers {
          try writer.string(field.name)
          try writer.string(field.value)
        }
      }
      return writer.buffer
    } catch {
      throw GodwitError(
        .tooLarge, "event, reply address and headers of more than \(Self.bytesMax) bytes",
        cause: error)
    }
  }

  init(
    source: String, replyEvent: String = "", event: String, version: Int = Handshake.ownVersion,
    contentType: String? = nil, headers: Headers = [:]
  ) {
    self.source = source
    self.replyEvent = replyEvent
    self.event = event
    self.version = version
    self.contentType = contentType
    self.headers = headers
  }

  /// - Throws: `decodingFailed`, `tooLarge`.
  init(_ frame: ByteBuffer) throws(GodwitError) {
    guard frame.readableBytes <= Self.bytesMax else {
      throw GodwitError(.tooLarge, "a handshake of \(frame.readableBytes) bytes")
    }
    var fields = try FrameFields(frame)
    while let key = try fields.nextKey() {
      switch key {
      case "sourceServiceName": self.source = try fields.text()
      case "replySubject": self.replyEvent = try fields.text()
      case "subject": self.event = try fields.text()
      case "v": self.version = try fields.count()
      case "ct": self.contentType = try fields.text()
      case "hdr":
        let texts = try fields.texts(countMax: Self.headersMax * 2)
        for index in stride(from: 0, to: texts.count - 1, by: 2) {
          self.headers.append(texts[index], texts[index + 1])
        }
      default: try fields.skip()
      }
    }
  }
}
