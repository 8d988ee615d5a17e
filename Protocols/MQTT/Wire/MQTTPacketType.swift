/// The type of a control packet: the high half of its first byte (MQTT 5.0, 2.1.2).
public enum MQTTPacketType: UInt8, Hashable, Sendable, CaseIterable {
  /// Client asks to connect.
  case connect = 1
  /// Server answers CONNECT.
  case connack = 2
  /// A message.
  case publish = 3
  /// Answer to a QoS 1 PUBLISH.
  case puback = 4
  /// First answer to a QoS 2 PUBLISH.
  case pubrec = 5
  /// Release of a QoS 2 message.
  case pubrel = 6
  /// End of a QoS 2 delivery.
  case pubcomp = 7
  /// Client asks for topics.
  case subscribe = 8
  /// Answer to SUBSCRIBE.
  case suback = 9
  /// Client no longer wants topics.
  case unsubscribe = 10
  /// Answer to UNSUBSCRIBE.
  case unsuback = 11
  /// Client shows that it lives.
  case pingreq = 12
  /// Answer to PINGREQ.
  case pingresp = 13
  /// Either side ends the connection.
  case disconnect = 14
  /// Enhanced authentication; only MQTT 5.0.
  case auth = 15
}
