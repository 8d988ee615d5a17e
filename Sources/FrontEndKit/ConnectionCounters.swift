extension Connection {
  /// What a connection has carried.
  public struct Counters: Hashable, Sendable {
    /// Bytes read, after TLS and WebSocket framing were taken off.
    public var bytesIn: UInt64 = 0
    /// Bytes sent, likewise.
    public var bytesOut: UInt64 = 0
    /// Messages that came in.
    public var messagesIn: UInt64 = 0
    /// Messages handed to the client.
    public var messagesOut: UInt64 = 0
    /// Messages dropped because the client was too slow.
    public var dropped: UInt64 = 0
    /// How often reading was put off because a receiver of its messages was nearly full.
    public var stalls: UInt64 = 0
  }
}
