/// The CONNACK return code of MQTT 3.1 and 3.1.1 (3.1.1, 3.2.2.3).
public enum MQTTConnectReturnCode: UInt8, Hashable, Sendable {
  /// Connection accepted.
  case accepted = 0
  /// The server does not speak that version.
  case unacceptableProtocolVersion = 1
  /// The client identifier is not allowed.
  case identifierRejected = 2
  /// The server is not available.
  case serverUnavailable = 3
  /// Wrong user name or password.
  case badUserNameOrPassword = 4
  /// Not permitted.
  case notAuthorized = 5

  /// What an MQTT 3 client is told where an MQTT 5 client would be told `reason`;
  /// `nil` when there is no word for it and the connection just closes.
  public init?(_ reason: MQTTReasonCode) {
    switch reason {
    case .success: self = .accepted
    case .unsupportedProtocolVersion: self = .unacceptableProtocolVersion
    case .clientIdentifierNotValid: self = .identifierRejected
    case .badUserNameOrPassword, .badAuthenticationMethod: self = .badUserNameOrPassword
    case .notAuthorized, .banned: self = .notAuthorized
    case .serverUnavailable, .serverBusy, .quotaExceeded, .connectionRateExceeded,
      .useAnotherServer, .serverMoved, .unspecifiedError:
      self = .serverUnavailable
    default: return nil
    }
  }
}
