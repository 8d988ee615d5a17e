import MQTTWire

/// Everything a client needs to connect.
struct ClientConfiguration: Sendable {
  /// Where the certificates of a TLS connection come from; paths of PEM files.
  struct TLS: Hashable, Sendable {
    /// Whom to trust; the system's authorities when `nil`.
    var authorities: String?
    /// The client's certificate chain.
    var certificate: String?
    /// The key of the client's certificate.
    var key: String?
    /// Whether NATS begins with the handshake and not with INFO.
    var first = false
  }

  /// Where to.
  var address: ServerAddress
  /// The user's name.
  var user: String?
  /// The password.
  var password: String?
  /// A token, which NATS knows and MQTT does not.
  var token: String?
  /// The seed of a NATS nkey.
  var nkey: NkeySeed?
  /// The client's name, which is MQTT's client identifier; the empty name is made up.
  var name = ""
  /// The version of MQTT.
  var mqttVersion = MQTTVersion.v5
  /// How TLS is done; `nil` for a plain connection.
  var tls: TLS?
  /// How long connecting may take, in seconds, until the server has let us in. Default 5.
  var connectTimeoutSeconds = 5.0

  /// A plain connection without credentials.
  init(address: ServerAddress) {
    self.address = address
  }

  /// The conversation that this configuration asks for.
  func makeSession() -> any ClientSession {
    switch self.address.language {
    case .nats: NATSClientSession(self)
    case .mqtt: MQTTClientSession(self)
    }
  }
}
