import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

/// A message that the server sends: a header block, a payload, and perhaps the subject that
/// receivers are to see in place of the one by which it finds them.
struct JetStreamMessage {
  /// The header block with its empty line; empty for none.
  var headers = ByteBuffer()
  var payload: ByteBuffer
  /// What receivers see; empty for the subject that it is sent to.
  var subject: [UInt8] = []

  init(headers: ByteBuffer, payload: ByteBuffer) {
    self.headers = headers
    self.payload = payload
  }

  /// A record as a message.
  init(_ record: Record, _ account: JetStreamAccount) {
    self.payload = record.body
    self.subject = record.topic
    self.headers = record.withPublication {
      account.frontEnd.envelope.headerBlock(of: &$0, engine: account.engine)
    }
  }

  /// The bytes that limits of requests count: subject, headers and payload.
  var byteCount: Int {
    self.subject.count + self.headers.readableBytes + self.payload.readableBytes
  }

  /// Adds header fields.
  mutating func add(_ fields: [NATSHeaders.Field]) {
    var block = NATSHeaders(fields)
    if self.headers.readableBytes >= 2 {
      // Behind the last field, before the empty line.
      var old = self.headers
      old.moveWriterIndex(to: old.writerIndex - 2)
      var added = ByteBuffer()
      block.encode(into: &added)
      added.moveReaderIndex(forwardBy: "NATS/1.0\r\n".utf8.count)
      old.writeBuffer(&added)
      self.headers = old
    } else {
      block.status = nil
      self.headers.clear()
      block.encode(into: &self.headers)
    }
  }

  /// Takes header fields away.
  mutating func strip(_ isUnwanted: (String) -> Bool) {
    guard self.headers.readableBytes > 0,
      var headers = self.headers.withUnsafeReadableBytes({ try? NATSHeaders(parsing: $0) }),
      headers.fields.contains(where: { isUnwanted($0.name) })
    else { return }
    headers.fields.removeAll { isUnwanted($0.name) }
    self.headers.clear()
    if !headers.fields.isEmpty { headers.encode(into: &self.headers) }
  }

  /// Calls `body` with the message as if a client had sent it to `topic`.
  ///
  /// - Parameter isShown: whether receivers see `subject` in place of `topic`.
  func withPublication<Result>(
    to topic: [UInt8], reply: [UInt8] = [], isShown: Bool = false, _ account: JetStreamAccount,
    _ body: (inout Publication) -> Result
  ) -> Result {
    var native = ByteBuffer()
    let headerBytes = self.headers.readableBytes
    native.reserveCapacity(self.byteCount + reply.count + 48)
    if isShown {
      native.writeInteger(UInt16(truncatingIfNeeded: self.subject.count))
      native.writeBytes(self.subject)
    }
    if !reply.isEmpty {
      native.writeBytes(reply)
      native.writeStaticString(" ")
    }
    if headerBytes > 0 {
      native.writeDecimal(UInt64(headerBytes))
      native.writeStaticString(" ")
    }
    native.writeDecimal(UInt64(headerBytes + self.payload.readableBytes))
    native.writeStaticString("\r\n")
    native.writeImmutableBuffer(self.headers)
    let start = native.readableBytes
    native.writeImmutableBuffer(self.payload)
    native.writeStaticString("\r\n")
    let form = NATSReceiver.Form.self
    return topic.withUnsafeBytes { topic in
      native.withUnsafeReadableBytes { bytes in
        var publication = Publication(
          topic: topic,
          payload: UnsafeRawBufferPointer(rebasing: bytes[start..<(bytes.count - 2)]),
          origin: account.frontEnd.envelope.origin, native: bytes, quality: .atMostOnce)
        publication.nativeForm =
          (headerBytes > 0 ? form.headers : form.plain) | (isShown ? form.shown : 0)
        return body(&publication)
      }
    }
  }

  /// Leaves only the size of the payload, in a header.
  mutating func dropPayload() {
    self.add([.init("Nats-Msg-Size", String(self.payload.readableBytes))])
    self.payload.clear()
  }

  /// Sends the message to whoever listens to `topic`.
  ///
  /// - Returns: how many took it.
  @discardableResult
  func publish(to topic: [UInt8], reply: [UInt8], _ account: JetStreamAccount) -> Int {
    let isSpeakable = topic.withUnsafeBytes { NATSSubject.isLiteral($0) && !$0.isSystemTopic }
    guard isSpeakable else { return 0 }
    return self.withPublication(to: topic, reply: reply, isShown: !self.subject.isEmpty, account) {
      var memo: Route?
      return account.tenant.publish(&$0, memo: &memo)
    }
  }
}
