/// A control packet of any version, in either direction.
///
/// Text and bytes are slices of what was received; text was checked to be valid UTF-8.
public enum MQTTPacket: Hashable, Sendable {
  /// CONNECT.
  indirect case connect(MQTTConnect)
  /// CONNACK.
  case connack(MQTTConnack)
  /// PUBLISH.
  case publish(MQTTPublish)
  /// PUBACK.
  case puback(MQTTAcknowledgement)
  /// PUBREC.
  case pubrec(MQTTAcknowledgement)
  /// PUBREL.
  case pubrel(MQTTAcknowledgement)
  /// PUBCOMP.
  case pubcomp(MQTTAcknowledgement)
  /// SUBSCRIBE.
  case subscribe(MQTTSubscribe)
  /// SUBACK.
  case suback(MQTTSuback)
  /// UNSUBSCRIBE.
  case unsubscribe(MQTTUnsubscribe)
  /// UNSUBACK.
  case unsuback(MQTTSuback)
  /// PINGREQ.
  case pingreq
  /// PINGRESP.
  case pingresp
  /// DISCONNECT.
  case disconnect(MQTTDisconnect)
  /// AUTH.
  case auth(MQTTAuth)

  /// Its type on the wire.
  public var type: MQTTPacketType {
    switch self {
    case .connect: .connect
    case .connack: .connack
    case .publish: .publish
    case .puback: .puback
    case .pubrec: .pubrec
    case .pubrel: .pubrel
    case .pubcomp: .pubcomp
    case .subscribe: .subscribe
    case .suback: .suback
    case .unsubscribe: .unsubscribe
    case .unsuback: .unsuback
    case .pingreq: .pingreq
    case .pingresp: .pingresp
    case .disconnect: .disconnect
    case .auth: .auth
    }
  }
}
