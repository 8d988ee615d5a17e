/// Totals of the front end since it started.
struct MQTTStatistics: Hashable, Sendable {
  /// Packets of any kind.
  var packetsReceived: UInt64 = 0
  var packetsSent: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var bytesSent: UInt64 = 0
  /// PUBLISH packets and the bytes of their payloads.
  var publishesReceived: UInt64 = 0
  var publishesSent: UInt64 = 0
  var publishesDropped: UInt64 = 0
  var payloadBytesReceived: UInt64 = 0
  var payloadBytesSent: UInt64 = 0
  /// Connections.
  var socketsOpened: UInt64 = 0
  var connectionsAccepted: UInt64 = 0
  var clientsExpired: UInt64 = 0
  var clientsMaximum = 0
  var bans: UInt64 = 0
  /// Live now.
  var clientsConnected = 0
  var subscriptions = 0
  var sharedSubscriptions = 0

  @inline(__always)
  mutating func sent(_ size: Int, payload: Int) {
    packetsSent &+= 1
    publishesSent &+= 1
    bytesSent &+= UInt64(truncatingIfNeeded: size)
    payloadBytesSent &+= UInt64(truncatingIfNeeded: payload)
  }
}
