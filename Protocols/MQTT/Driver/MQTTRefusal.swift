public import Godwit
import MQTTWire

/// What a reason code means to who called.
enum MQTTRefusal {
  /// The error of a code from 0x80 on.
  static func error(
    _ reason: MQTTReasonCode, _ what: String, _ properties: MQTTProperties? = nil
  ) -> GodwitError {
    var text = "\(what): \(self.name(reason))"
    if let said = properties?.text(.reasonString) {
      text += " (\(String(said.prefix(200)).headerLine))"
    }
    return GodwitError(self.code(reason), text)
  }

  private static func code(_ reason: MQTTReasonCode) -> GodwitError.Code {
    switch reason {
    case .badUserNameOrPassword, .notAuthorized, .banned, .badAuthenticationMethod,
      .clientIdentifierNotValid:
      .notPermitted
    case .topicFilterInvalid, .topicNameInvalid, .payloadFormatInvalid: .invalidArgument
    case .packetTooLarge: .tooLarge
    case .quotaExceeded, .serverBusy, .messageRateTooHigh, .receiveMaximumExceeded,
      .connectionRateExceeded:
      .overloaded
    case .unsupportedProtocolVersion, .retainNotSupported, .qosNotSupported,
      .sharedSubscriptionsNotSupported, .subscriptionIdentifiersNotSupported,
      .wildcardSubscriptionsNotSupported:
      .unsupported
    case .serverUnavailable, .serverShuttingDown, .useAnotherServer, .serverMoved,
      .sessionTakenOver, .keepAliveTimeout, .administrativeAction, .maximumConnectTime,
      .malformedPacket, .protocolError:
      .disconnected
    default: .refused
    }
  }

  /// A code's name (MQTT 5.0, 2.4).
  static func name(_ reason: MQTTReasonCode) -> String {
    self.names[reason.rawValue] ?? "reason 0x\(String(reason.rawValue, radix: 16))"
  }

  private static let names: [UInt8: String] = [
    0x00: "success", 0x04: "disconnect with will message", 0x10: "no matching subscribers",
    0x11: "no subscription existed", 0x80: "unspecified error", 0x81: "malformed packet",
    0x82: "protocol error", 0x83: "implementation specific error",
    0x84: "unsupported protocol version", 0x85: "client identifier not valid",
    0x86: "bad user name or password", 0x87: "not authorized", 0x88: "server unavailable",
    0x89: "server busy", 0x8A: "banned", 0x8B: "server shutting down",
    0x8C: "bad authentication method", 0x8D: "keep alive timeout", 0x8E: "session taken over",
    0x8F: "topic filter invalid", 0x90: "topic name invalid", 0x91: "packet identifier in use",
    0x92: "packet identifier not found", 0x93: "receive maximum exceeded",
    0x94: "topic alias invalid", 0x95: "packet too large", 0x96: "message rate too high",
    0x97: "quota exceeded", 0x98: "administrative action", 0x99: "payload format invalid",
    0x9A: "retain not supported", 0x9B: "QoS not supported", 0x9C: "use another server",
    0x9D: "server moved", 0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded", 0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
  ]

  /// What a server before MQTT 5.0 says in CONNACK.
  static func connectError(_ code: UInt8) -> GodwitError {
    switch MQTTConnectReturnCode(rawValue: code) {
    case .unacceptableProtocolVersion:
      GodwitError(.unsupported, "the server does not let us in: unacceptable protocol version")
    case .identifierRejected:
      GodwitError(.notPermitted, "the server does not let us in: client identifier rejected")
    case .badUserNameOrPassword:
      GodwitError(.notPermitted, "the server does not let us in: bad user name or password")
    case .notAuthorized:
      GodwitError(.notPermitted, "the server does not let us in: not authorized")
    default: GodwitError(.disconnected, "the server does not let us in: server unavailable")
    }
  }
}

extension GodwitError.Code {
  /// The broker refuses, for a reason that no other code stands for.
  public static var refused: Self { Self(rawValue: "refused") }
}
