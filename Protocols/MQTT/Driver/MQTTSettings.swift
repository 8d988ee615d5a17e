public import Godwit
public import GodwitDriverKit
import GodwitSASLprep
import MQTTWire
public import NIOCore

/// How to reach an MQTT server, and how to behave towards it.
public struct MQTTSettings: Sendable {
  /// The protocol's version.
  public enum Version: Int, Hashable, Sendable {
    /// MQTT 3.1.1.
    case v311 = 4
    /// MQTT 5.0.
    case v5 = 5
  }

  /// The quality of service of publishes and subscriptions.
  public enum QualityOfService: Int, Hashable, Sendable {
    /// Nothing is confirmed, and what is lost is lost.
    case atMostOnce = 0
    /// Repeated until it is acknowledged.
    case atLeastOnce = 1
    /// As `atLeastOnce`, and a publish that is repeated is not doubled by the protocol. A handler
    /// may still see a message twice, when its process ended before it was done.
    case exactlyOnce = 2
  }

  /// The servers. At least one.
  public var servers: [Endpoint]
  /// The version that is spoken. Default 5.0.
  public var version: Version
  /// Who the client is to the server. Default: none, which stands for a random one: what the server
  /// keeps for it then ends with the driver. No two processes may have the same.
  public var clientID: String?
  /// How the client says who it is. Default: not at all, or by its TLS certificate.
  public var credentials: MQTTCredentials
  /// The quality of service of publishes and subscriptions, and with it the promise that
  /// subscriptions can have. Default at least once.
  public var qos: QualityOfService
  /// How long the server keeps what a subscription has before it after its connection is gone, in
  /// seconds; `UInt32.max` for ever. Default 3,600. MQTT 3.1.1 knows 0 and for ever only.
  public var sessionExpirySeconds: UInt32
  /// Whether what the server has kept from an earlier process is thrown away. Default no.
  public var startsClean: Bool
  /// How long the connection may be silent, in seconds; the server may ask for less. Default 30.
  public var keepAliveSeconds: UInt16
  /// What the server publishes when the client goes without a word. Default nothing.
  public var will: MQTTWill?
  /// Whether every message is retained that does not say otherwise (`MQTTHeader.retain`). Default
  /// no.
  public var retainsMessages: Bool
  /// Which retained messages a subscription gets when it is made. Default those of a new session.
  public var retainedMessages: MQTTRetainedMessages
  /// Whether an envelope carries what MQTT 3.1.1 has no place for: headers, content type, answers.
  /// Whoever reads the messages has to know it. Default yes. MQTT 5.0 needs none.
  public var usesEnvelope: Bool
  /// Whether the server has shared subscriptions, which groups are made of. MQTT 5.0 has, unless
  /// the server says otherwise; the text of 3.1.1 has not, but most servers have. Default yes.
  public var hasGroups: Bool
  /// The most topics that get a number in place of their name, per connection, when the server
  /// takes such. Default 32.
  public var topicAliasesMax: Int
  /// The largest packet that is taken, in bytes. Default 16 MiB.
  public var packetBytesMax: Int
  /// Certificates and the like.
  public var tls: TLSSettings
  /// Whether servers are tried in their order. Default at random.
  public var keepsOrder: Bool
  /// How long a connection may take until it works. Default 5 s.
  public var connectTimeout: Duration
  /// How long a publish may wait for a connection and its confirmation, and a subscription for its.
  /// Default 10 s.
  public var timeout: Duration
  /// How long the server has to answer when it is asked whether it lives; while it says other
  /// things, `keepAliveSeconds` longer (30 s where that is 0). Default 10 s.
  public var pingTimeout: Duration
  /// The waits between attempts to reconnect. Default 200 ms, doubled, at most 30 s, with jitter.
  public var backoff: Backoff
  /// After how many attempts in a row a lost connection is given up. Default: never.
  public var attemptsMax: Int?
  /// How long stopping may wait for confirmations. Default 10 s.
  public var drainTimeout: Duration
  /// The most bytes of publishes that are not acknowledged: then `publish` waits and `send` fails.
  /// Default 16 MiB.
  public var pendingBytesMax: Int
  /// What may wait for one subscription beyond its prefetch where the Receive Maximum does not
  /// bound it. Of messages at QoS 0 what is beyond is lost, and logged; others come again, on
  /// another connection.
  public var windowLimits: DeliveryWindow.Limits

  /// Settings with every default.
  public init(servers: [Endpoint], credentials: MQTTCredentials = .none) {
    self.servers = servers
    self.version = .v5
    self.clientID = nil
    self.credentials = credentials
    self.qos = .atLeastOnce
    self.sessionExpirySeconds = 3_600
    self.startsClean = false
    self.keepAliveSeconds = 30
    self.will = nil
    self.retainsMessages = false
    self.retainedMessages = .ofNewSessions
    self.usesEnvelope = true
    self.hasGroups = true
    self.topicAliasesMax = 32
    self.packetBytesMax = 16 << 20
    self.tls = TLSSettings()
    self.keepsOrder = false
    self.connectTimeout = .seconds(5)
    self.timeout = .seconds(10)
    self.pingTimeout = .seconds(10)
    self.backoff = Backoff()
    self.attemptsMax = nil
    self.drainTimeout = .seconds(10)
    self.pendingBytesMax = 16 << 20
    self.windowLimits = DeliveryWindow.Limits()
  }

  /// Settings from a URL, or from several with commas between: `mqtt://` (port 1883), `mqtts://`
  /// (8883), `mqtt+ws://` (80) and `mqtt+wss://` (443), whose path is `/mqtt` when there is none. A
  /// user and password stand before the host, as in `mqtt://user:password@host`; the first URL's
  /// count.
  ///
  /// - Throws: `invalidArgument`.
  public init(url: String) throws(GodwitError) {
    var servers: [Endpoint] = []
    var credentials = MQTTCredentials.none
    for text in url.split(separator: ",", omittingEmptySubsequences: false) {
      let url = try EndpointURL(text.filter { $0 != " " }, defaultScheme: "mqtt")
      servers.append(try Self.endpoint(url))
      if case .none = credentials, let user = url.user {
        credentials = .user(user, password: url.password)
      }
    }
    self.init(servers: servers, credentials: credentials)
  }

  private static func endpoint(_ url: EndpointURL) throws(GodwitError) -> Endpoint {
    let port: Int
    var usesTLS = false
    var path: String?
    switch url.scheme {
    case "mqtt": port = 1883
    case "mqtts": (port, usesTLS) = (8883, true)
    case "mqtt+ws": (port, path) = (80, "/mqtt")
    case "mqtt+wss": (port, usesTLS, path) = (443, true, "/mqtt")
    default:
      throw GodwitError(
        .invalidArgument,
        "'\(url.scheme)' is no scheme of MQTT: mqtt, mqtts, mqtt+ws or mqtt+wss")
    }
    if path != nil, !url.path.isEmpty {
      path = url.path
    } else if path == nil, !url.path.isEmpty, url.path != "/" {
      throw GodwitError(.invalidArgument, "an MQTT URL with '\(url.path)' behind the host")
    }
    var endpoint = Endpoint(
      host: url.host, port: url.port ?? port, usesTLS: usesTLS, webSocketPath: path)
    endpoint.webSocketProtocol = path == nil ? nil : "mqtt"
    return endpoint
  }

  var link: LinkSettings {
    LinkSettings(
      endpoints: self.servers, keepsOrder: self.keepsOrder, tls: self.tls,
      connectTimeout: self.connectTimeout, backoff: self.backoff, attemptsMax: self.attemptsMax,
      drainTimeout: self.drainTimeout, pendingBytesMax: self.pendingBytesMax)
  }

  func validate() throws(GodwitError) {
    guard !self.servers.isEmpty else {
      throw GodwitError(.invalidArgument, "no MQTT server is named")
    }
    for duration in [self.connectTimeout, self.timeout, self.pingTimeout] where duration <= .zero {
      throw GodwitError(.invalidArgument, "a time of \(duration) in the MQTT settings")
    }
    guard self.drainTimeout >= .zero else {
      throw GodwitError(.invalidArgument, "a drain time-out of \(self.drainTimeout) for MQTT")
    }
    try self.backoff.validate()
    if let max = self.attemptsMax, max < 1 {
      throw GodwitError(.invalidArgument, "attemptsMax of \(max) for MQTT; 1 or more")
    }
    guard self.windowLimits.messagesMax > 0, self.windowLimits.bytesMax > 0 else {
      throw GodwitError(.invalidArgument, "windowLimits of nothing for MQTT")
    }
    guard self.pendingBytesMax > 0, self.topicAliasesMax >= 0,
      (1_024...268_435_460).contains(self.packetBytesMax)
    else { throw GodwitError(.invalidArgument, "a limit of the MQTT settings cannot be") }
    if let clientID = self.clientID {
      guard !clientID.isEmpty, clientID.utf8.count <= 256, !clientID.utf8.contains(0) else {
        throw GodwitError(.invalidArgument, "a client id of 1 to 256 bytes")
      }
    }
    if self.version == .v311 {
      if case .scram = self.credentials {
        throw GodwitError(.unsupported, "MQTT 3.1.1 has no SCRAM: choose 5.0, or a password")
      }
      guard self.will?.delay ?? .zero == .zero else {
        throw GodwitError(.unsupported, "MQTT 3.1.1 has no delay of wills")
      }
    }
    _ = try self.will?.wire(self.version)
  }
}

extension MQTTSettings.Version {
  var wire: MQTTVersion { self == .v5 ? .v5 : .v311 }
}

extension MQTTSettings.QualityOfService {
  var wire: MQTTQoS {
    switch self {
    case .atMostOnce: .atMostOnce
    case .atLeastOnce: .atLeastOnce
    case .exactlyOnce: .exactlyOnce
    }
  }
}

/// How an MQTT client says who it is.
public enum MQTTCredentials: Hashable, Sendable {
  /// It does not: anonymous, or by its TLS certificate.
  case none
  /// A user, and a password or none.
  case user(String, password: String?)
  /// A user and a password that is proven and not shown, by SCRAM-SHA-256: enhanced authentication
  /// of MQTT 5.0. The server proves that it knows the password too. Both are brought into the form
  /// of SASLprep (RFC 4013); what has none is refused.
  case scram(String, password: String)

  var login: MQTTLogin {
    switch self {
    case .none: MQTTLogin()
    case .user(let user, let password): MQTTLogin(user: user, password: password)
    case .scram(let user, let password):
      MQTTLogin(scram: SCRAMCredentials(user: user, password: password))
    }
  }

  /// The form in which servers keep names and passwords for SCRAM (RFC 5802, 5.1).
  func prepared() throws(GodwitError) -> Self {
    guard case .scram(let user, let password) = self else { return self }
    guard let user = try? SASLprep.prepare(user), !user.isEmpty else {
      throw GodwitError(.invalidArgument, "a user that SASLprep (RFC 4013) has no form for")
    }
    // Why would tell something of it.
    guard let password = try? SASLprep.prepare(password), !password.isEmpty else {
      throw GodwitError(.invalidArgument, "a password that SASLprep (RFC 4013) has no form for")
    }
    return .scram(user, password: password)
  }
}

/// Which retained messages a subscription without a group gets.
public enum MQTTRetainedMessages: Hashable, Sendable {
  /// Whenever the subscription is made, also again.
  case always
  /// When the server did not have the subscription. On MQTT 3.1.1 as `always`.
  case ofNewSessions
  /// None. Not on MQTT 3.1.1.
  case never

  var wire: MQTTSubscribe.RetainHandling {
    switch self {
    case .always: .send
    case .ofNewSessions: .sendIfNew
    case .never: .doNotSend
    }
  }
}

/// A message that the server publishes when the client goes without a word.
public struct MQTTWill: Hashable, Sendable {
  /// Where to.
  public var topic: String
  /// What.
  public var payload: ByteBuffer
  /// How.
  public var qos: MQTTSettings.QualityOfService
  /// Whether it is retained. Default no.
  public var retain: Bool
  /// How long the client may be gone before, in whole seconds. Default at once. A process that
  /// starts again begins anew: the will of the one before is published then.
  public var delay: Duration

  /// A will.
  public init(
    topic: String, payload: ByteBuffer, qos: MQTTSettings.QualityOfService = .atLeastOnce,
    retain: Bool = false, delay: Duration = .zero
  ) {
    self.topic = topic
    self.payload = payload
    self.qos = qos
    self.retain = retain
    self.delay = delay
  }

  func wire(_ version: MQTTSettings.Version) throws(GodwitError) -> MQTTConnect.Will {
    guard self.payload.readableBytes <= Int(UInt16.max), self.delay >= .zero else {
      throw GodwitError(.invalidArgument, "a will of more than 65535 bytes, or of a delay below 0")
    }
    var will = MQTTConnect.Will(
      topic: try MQTTNames.name(self.topic), payload: self.payload, qos: self.qos.wire,
      retain: self.retain)
    if version == .v5, self.delay > .zero {
      will.properties.append(.willDelayInterval, self.delaySeconds)
    }
    return will
  }

  var delaySeconds: UInt32 { UInt32(clamping: self.delay.components.seconds) }
}
