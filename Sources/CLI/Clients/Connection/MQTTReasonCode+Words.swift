import MQTTWire

extension MQTTReasonCode {
  /// The code in words, with what the server says about it.
  func words(_ reasonString: String?) -> String {
    let name = Self.names[self.rawValue] ?? "reason 0x\(String(self.rawValue, radix: 16))"
    guard let reasonString, !reasonString.isEmpty else { return name }
    return "\(name) (\(reasonString))"
  }

  private static let names: [UInt8: String] = [
    0x00: "normal end", 0x80: "unspecified error", 0x81: "malformed packet",
    0x82: "protocol error", 0x83: "implementation specific error",
    0x84: "unsupported protocol version", 0x85: "client identifier not valid",
    0x86: "bad user name or password", 0x87: "not authorized", 0x88: "server unavailable",
    0x89: "server busy", 0x8A: "banned", 0x8B: "server shutting down",
    0x8C: "bad authentication method", 0x8D: "keep alive timeout", 0x8E: "session taken over",
    0x8F: "topic filter invalid", 0x90: "topic name invalid", 0x93: "receive maximum exceeded",
    0x95: "packet too large", 0x96: "message rate too high", 0x97: "quota exceeded",
    0x98: "administrative action", 0x99: "payload format invalid", 0x9A: "retain not supported",
    0x9B: "QoS not supported", 0x9C: "use another server", 0x9D: "server moved",
    0x9E: "shared subscriptions not supported", 0x9F: "connection rate exceeded",
    0xA0: "maximum connect time", 0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
  ]
}

extension MQTTConnectReturnCode {
  /// The code in words.
  var words: String {
    switch self {
    case .accepted: "accepted"
    case .unacceptableProtocolVersion: "unsupported protocol version"
    case .identifierRejected: "client identifier not valid"
    case .serverUnavailable: "server unavailable"
    case .badUserNameOrPassword: "bad user name or password"
    case .notAuthorized: "not authorized"
    }
  }
}
