/// Why bytes are not an acceptable packet. Final for the connection.
public struct MQTTWireError: Error, Hashable, Sendable {
  /// What an MQTT 5.0 peer is told: 0x81 malformed packet, 0x82 protocol error, 0x95 packet too
  /// large, 0x84 unsupported version, 0x90 topic name invalid, 0x94 topic alias invalid.
  public var reason: MQTTReasonCode
  /// For people. Never holds bytes of the peer.
  public var message: String { described.description }

  let described: StaticString

  /// An error with the reason to send.
  public init(_ reason: MQTTReasonCode, _ message: StaticString) {
    self.reason = reason
    self.described = message
  }

  /// Two errors are the same when they tell the peer the same.
  public static func == (left: Self, right: Self) -> Bool { left.reason == right.reason }

  /// Consistent with `==`.
  public func hash(into hasher: inout Hasher) { hasher.combine(reason) }

  static func malformed(_ message: StaticString) -> Self { Self(.malformedPacket, message) }
  static func protocolError(_ message: StaticString) -> Self { Self(.protocolError, message) }
}
