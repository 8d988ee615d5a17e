import MQTTWire

/// What a connection holds while somebody is let in, or shows again who it is. Apart from the
/// client, because most connections are idle ones that need it no more.
final class MQTTAdmission {
  /// CONNECT, until CONNACK.
  var connect: MQTTConnect?
  /// An exchange of AUTH packets that is under way (MQTT 5.0, 4.12).
  var exchange: MQTTAuthenticationExchange?
  /// The last word of an exchange, for CONNACK.
  var finalData: [UInt8]?

  /// Whether nothing is left to keep.
  var isOver: Bool { connect == nil && exchange == nil && finalData == nil }
}
