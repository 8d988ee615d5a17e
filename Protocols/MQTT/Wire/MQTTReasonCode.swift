/// A reason code of MQTT 5.0 (2.4): below 0x80 success, from 0x80 on failure.
public struct MQTTReasonCode: RawRepresentable, Hashable, Sendable {
  /// The byte on the wire.
  public var rawValue: UInt8

  /// Any byte; whether a packet may carry it is asked with `isAllowed(in:)`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable
  init(_ rawValue: UInt8) { self.rawValue = rawValue }

  /// Whether the code reports a failure.
  public var isError: Bool { rawValue >= 0x80 }

  /// Success, normal disconnection, or granted QoS 0.
  public static var success: Self { Self(0x00) }
  /// Granted QoS 1.
  public static var grantedQoS1: Self { Self(0x01) }
  /// Granted QoS 2.
  public static var grantedQoS2: Self { Self(0x02) }
  /// The client disconnects and wants its will published.
  public static var disconnectWithWill: Self { Self(0x04) }
  /// Accepted, but nobody subscribes.
  public static var noMatchingSubscribers: Self { Self(0x10) }
  /// Nothing to unsubscribe.
  public static var noSubscriptionExisted: Self { Self(0x11) }
  /// Another step of authentication follows.
  public static var continueAuthentication: Self { Self(0x18) }
  /// The client starts to authenticate again.
  public static var reauthenticate: Self { Self(0x19) }
  /// Failure without a reason given.
  public static var unspecifiedError: Self { Self(0x80) }
  /// The bytes do not follow the specification.
  public static var malformedPacket: Self { Self(0x81) }
  /// The packet is well formed but not allowed here.
  public static var protocolError: Self { Self(0x82) }
  /// Valid, but this server does not accept it.
  public static var implementationSpecificError: Self { Self(0x83) }
  /// The server does not speak that version.
  public static var unsupportedProtocolVersion: Self { Self(0x84) }
  /// The client identifier is not allowed.
  public static var clientIdentifierNotValid: Self { Self(0x85) }
  /// Wrong user name or password.
  public static var badUserNameOrPassword: Self { Self(0x86) }
  /// Not permitted.
  public static var notAuthorized: Self { Self(0x87) }
  /// The server is not available.
  public static var serverUnavailable: Self { Self(0x88) }
  /// The server is busy; try later.
  public static var serverBusy: Self { Self(0x89) }
  /// The client was banned.
  public static var banned: Self { Self(0x8A) }
  /// The server shuts down.
  public static var serverShuttingDown: Self { Self(0x8B) }
  /// The authentication method is not supported, or not the one in use.
  public static var badAuthenticationMethod: Self { Self(0x8C) }
  /// Nothing came for one and a half times the keep-alive time.
  public static var keepAliveTimeout: Self { Self(0x8D) }
  /// Another connection uses the same client identifier.
  public static var sessionTakenOver: Self { Self(0x8E) }
  /// The topic filter is not accepted.
  public static var topicFilterInvalid: Self { Self(0x8F) }
  /// The topic name is not accepted.
  public static var topicNameInvalid: Self { Self(0x90) }
  /// The packet identifier is already in use.
  public static var packetIdentifierInUse: Self { Self(0x91) }
  /// The packet identifier is not known.
  public static var packetIdentifierNotFound: Self { Self(0x92) }
  /// More unacknowledged messages than the receive maximum.
  public static var receiveMaximumExceeded: Self { Self(0x93) }
  /// The topic alias is zero or above the maximum.
  public static var topicAliasInvalid: Self { Self(0x94) }
  /// The packet is larger than the receiver takes.
  public static var packetTooLarge: Self { Self(0x95) }
  /// Messages come too fast.
  public static var messageRateTooHigh: Self { Self(0x96) }
  /// A limit of the implementation or the administrator was reached.
  public static var quotaExceeded: Self { Self(0x97) }
  /// An administrator ended the connection.
  public static var administrativeAction: Self { Self(0x98) }
  /// The payload is not what the format indicator says.
  public static var payloadFormatInvalid: Self { Self(0x99) }
  /// Retained messages are not supported.
  public static var retainNotSupported: Self { Self(0x9A) }
  /// The QoS is above the server's maximum.
  public static var qosNotSupported: Self { Self(0x9B) }
  /// Use another server for now.
  public static var useAnotherServer: Self { Self(0x9C) }
  /// Use another server for good.
  public static var serverMoved: Self { Self(0x9D) }
  /// Shared subscriptions are not supported.
  public static var sharedSubscriptionsNotSupported: Self { Self(0x9E) }
  /// Connections come too fast.
  public static var connectionRateExceeded: Self { Self(0x9F) }
  /// The longest time a connection may last is over.
  public static var maximumConnectTime: Self { Self(0xA0) }
  /// Subscription identifiers are not supported.
  public static var subscriptionIdentifiersNotSupported: Self { Self(0xA1) }
  /// Wildcard subscriptions are not supported.
  public static var wildcardSubscriptionsNotSupported: Self { Self(0xA2) }
}

extension MQTTReasonCode {
  /// Whether a packet of this type may carry the code (MQTT 5.0, 3.x.2.1 of each packet).
  public func isAllowed(in type: MQTTPacketType) -> Bool {
    switch type {
    case .connack:
      switch rawValue {
      case 0x00, 0x80...0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99...0x9D, 0x9F: true
      default: false
      }
    case .puback, .pubrec:
      switch rawValue {
      case 0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99: true
      default: false
      }
    case .pubrel, .pubcomp: rawValue == 0x00 || rawValue == 0x92
    case .suback:
      switch rawValue {
      case 0x00...0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2: true
      default: false
      }
    case .unsuback:
      switch rawValue {
      case 0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91: true
      default: false
      }
    case .disconnect:
      switch rawValue {
      case 0x00, 0x04, 0x80...0x83, 0x87, 0x89, 0x8B, 0x8D...0x90, 0x93...0xA2: true
      default: false
      }
    case .auth: rawValue == 0x00 || rawValue == 0x18 || rawValue == 0x19
    case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp: false
    }
  }
}
