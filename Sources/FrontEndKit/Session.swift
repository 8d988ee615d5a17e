import GodwitEngine
public import NIOCore

/// What a session made of the bytes it was shown.
public struct Intake: Hashable, Sendable {
  /// How many bytes, from the front, are done with.
  public var consumed: Int
  /// How many bytes there must be, from the first one not consumed, before it is worth asking
  /// again; 0 when that is not known. Only what passed the session's limits is asked for.
  public var needed: Int

  /// What was made of the bytes.
  public init(consumed: Int, needed: Int = 0) {
    self.consumed = consumed
    self.needed = needed
  }
}

/// One protocol's half of a connection: parses what comes in, and may itself be a subscriber.
///
/// The connection calls; all calls come on the loop. After `connection.close` there is only
/// `closed` to come.
open class Session {
  /// The connection. The two hold each other until `closed` was called.
  public final let connection: Connection

  /// A session of `connection`.
  public init(connection: Connection) {
    self.connection = connection
  }

  /// The transport is ready: the TCP connection, or the TLS or WebSocket handshake, stands.
  open func opened() {}

  /// Bytes came in. They are valid during the call only. A session that has paused reading may
  /// leave the rest: it is shown again after `resumeReading`.
  open func receive(_ bytes: UnsafeRawBufferPointer) -> Intake { Intake(consumed: bytes.count) }

  /// As `receive` of bytes, with the buffer that they are in, for who hands parts of it on: these
  /// are valid for longer than the call, but hold the whole of it, which may be much larger, and
  /// which the next read would have used again. The default shows the bytes.
  open func receive(_ buffer: ByteBuffer) -> Intake {
    buffer.withUnsafeReadableBytes { self.receive($0) }
  }

  /// A TLS handshake that `connection.startTLS` began has succeeded.
  open func tlsEstablished() {}

  /// The peer will send no more. The default closes.
  open func inputClosed() {
    self.connection.close(.peerClosed)
  }

  /// More bytes wait to be sent than `connection.pendingBytesMax`. Called at most once per flush;
  /// the default closes the connection as too slow. It may close, nothing else.
  open func outputOverflowed() {
    self.connection.close(.slowConsumer)
  }

  /// Bytes wait to be sent, and the socket has taken none for `connection.writeDeadlineSeconds`.
  /// The default closes the connection at once: last words would only wait with the rest.
  open func outputTimedOut() {
    self.connection.abort(.writeDeadline)
  }

  /// What waited to be sent has gone down to a quarter of the bound, or to nothing.
  open func outputDrained() {}

  /// The connection is gone. Called exactly once.
  open func closed(_ reason: CloseReason) {}

  /// What the admin API shows of this session beside the connection's own facts: names and values.
  open var details: [(name: String, value: SettingValue)] { [] }

  /// An operator, or a full process, wants the connection gone. The default closes it; a protocol
  /// with words for it says them first.
  open func evict(_ reason: CloseReason) {
    self.connection.close(reason)
  }
}

/// Why a connection ended.
public struct CloseReason: Hashable, Sendable, CustomStringConvertible {
  /// A short text, such as `Client Closed`; stable, for logs and admin pages.
  public let text: String

  /// A reason of a protocol's own.
  public init(_ text: String) {
    self.text = text
  }

  /// The reason's text.
  public var description: String { self.text }

  /// The peer ended the connection.
  public static var peerClosed: Self { .init("Client Closed") }
  /// The peer broke its protocol.
  public static var protocolError: Self { .init("Protocol Error") }
  /// The peer does not read what it asked for.
  public static var slowConsumer: Self { .init("Slow Consumer (Pending Bytes)") }
  /// The peer's socket has taken nothing for too long.
  public static var writeDeadline: Self { .init("Slow Consumer (Write Deadline)") }
  /// The peer did not answer.
  public static var stale: Self { .init("Stale Connection") }
  /// The peer did not prove who it is.
  public static var authentication: Self { .init("Authentication Failure") }
  /// The peer took too long to say who it is, or to finish a handshake.
  public static var authenticationTimeout: Self { .init("Authentication Timeout") }
  /// There are too many connections.
  public static var tooMany: Self { .init("Maximum Connections Exceeded") }
  /// The server stops.
  public static var shutdown: Self { .init("Server Shutdown") }
  /// An operator wanted it.
  public static var operatorRequest: Self { .init("Kicked") }
  /// The socket failed.
  public static var ioError: Self { .init("Read Error") }
  /// The TLS handshake failed.
  public static var tlsError: Self { .init("TLS Handshake Failure") }
}
