public import NIOCore

/// Appends operations to a buffer, for both sides. Subjects, sids and groups are written as
/// given: the caller has validated them.
public enum NATSEncoder {
  /// `INFO {json}`, with the blank before the line end that nats-server sends.
  public static func info(_ info: NATSServerInfo, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("INFO ")
    buffer.writeBytes(info.encoded)
    buffer.writeStaticString(" \r\n")
  }

  /// `CONNECT {json}`.
  public static func connect(_ options: NATSConnectOptions, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("CONNECT ")
    buffer.writeBytes(options.encoded)
    buffer.writeStaticString("\r\n")
  }

  /// `PING`.
  public static func ping(into buffer: inout ByteBuffer) {
    buffer.writeStaticString("PING\r\n")
  }

  /// `PONG`.
  public static func pong(into buffer: inout ByteBuffer) {
    buffer.writeStaticString("PONG\r\n")
  }

  /// `+OK`.
  public static func ok(into buffer: inout ByteBuffer) {
    buffer.writeStaticString("+OK\r\n")
  }

  /// `-ERR 'text'`.
  public static func error(_ error: NATSServerError, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("-ERR '")
    buffer.writeString(error.text)
    buffer.writeStaticString("'\r\n")
  }

  /// `SUB subject [queue] sid`.
  @inlinable
  public static func subscribe<Bytes: Collection<UInt8>>(
    _ subject: Bytes, queue: Bytes?, sid: Bytes, into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString("SUB ")
    buffer.writeBytes(subject)
    buffer.writeStaticString(" ")
    if let queue {
      buffer.writeBytes(queue)
      buffer.writeStaticString(" ")
    }
    buffer.writeBytes(sid)
    buffer.writeStaticString("\r\n")
  }

  /// `UNSUB sid [messagesMax]`.
  @inlinable
  public static func unsubscribe(
    sid: some Collection<UInt8>, messagesMax: Int? = nil, into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString("UNSUB ")
    buffer.writeBytes(sid)
    if let messagesMax {
      buffer.writeStaticString(" ")
      buffer.writeString(String(messagesMax))
    }
    buffer.writeStaticString("\r\n")
  }

  /// `PUB subject [reply] size` or `HPUB subject [reply] header-size size`, and the message.
  ///
  /// - Parameter headers: a whole header block, or empty for PUB.
  @inlinable
  public static func publish<Name: Collection<UInt8>, Bytes: Collection<UInt8>>(
    _ subject: Name, reply: Name?, headers: Bytes, payload: Bytes, into buffer: inout ByteBuffer
  ) {
    if headers.isEmpty {
      buffer.writeStaticString("PUB ")
    } else {
      buffer.writeStaticString("HPUB ")
    }
    buffer.writeBytes(subject)
    self.tail(reply: reply, headers: headers, payload: payload, into: &buffer)
  }

  /// `MSG subject sid [reply] size` or `HMSG subject sid [reply] header-size size`, and the
  /// message.
  ///
  /// - Parameter headers: a whole header block, or empty for MSG.
  @inlinable
  public static func message<Name: Collection<UInt8>, Bytes: Collection<UInt8>>(
    _ subject: Name, sid: Name, reply: Name?, headers: Bytes, payload: Bytes,
    into buffer: inout ByteBuffer
  ) {
    if headers.isEmpty {
      buffer.writeStaticString("MSG ")
    } else {
      buffer.writeStaticString("HMSG ")
    }
    buffer.writeBytes(subject)
    buffer.writeStaticString(" ")
    buffer.writeBytes(sid)
    self.tail(reply: reply, headers: headers, payload: payload, into: &buffer)
  }

  @inlinable
  static func tail<Name: Collection<UInt8>, Bytes: Collection<UInt8>>(
    reply: Name?, headers: Bytes, payload: Bytes, into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString(" ")
    if let reply {
      buffer.writeBytes(reply)
      buffer.writeStaticString(" ")
    }
    if !headers.isEmpty {
      buffer.writeString(String(headers.count))
      buffer.writeStaticString(" ")
    }
    buffer.writeString(String(headers.count + payload.count))
    buffer.writeStaticString("\r\n")
    buffer.writeBytes(headers)
    buffer.writeBytes(payload)
    buffer.writeStaticString("\r\n")
  }
}
