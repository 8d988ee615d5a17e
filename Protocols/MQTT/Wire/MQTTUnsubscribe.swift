public import NIOCore

/// UNSUBSCRIBE (MQTT 5.0, 3.10).
public struct MQTTUnsubscribe: Hashable, Sendable {
  /// 1 to 65,535.
  public var packetID: UInt16
  /// At least one.
  public var filters: [ByteBuffer]
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// An UNSUBSCRIBE.
  public init(
    packetID: UInt16, filters: [ByteBuffer], properties: MQTTProperties = MQTTProperties()
  ) {
    self.packetID = packetID
    self.filters = filters
    self.properties = properties
  }
}
