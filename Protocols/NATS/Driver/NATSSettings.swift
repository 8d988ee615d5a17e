public import Godwit
public import GodwitDriverKit

/// How to reach a NATS server, and how to behave towards it.
public struct NATSSettings: Sendable {
  /// The servers. At least one.
  public var servers: [Endpoint]
  /// Who the client is.
  public var credentials: NATSCredentials
  /// The client's name, as the server's monitoring shows it. Default: `godwit`.
  public var name: String
  /// Whether a server that does not speak TLS is refused. It is spoken anyway with those that
  /// require it. Default no; `tls:` URLs set it.
  public var requiresTLS: Bool
  /// Whether TLS begins before the server says anything, for servers with `handshake_first`.
  /// Default no: it begins when the server has said that it speaks TLS.
  public var beginsWithTLS: Bool
  /// Certificates and the like.
  public var tls: TLSSettings
  /// Whether servers are tried in their order. Default at random.
  public var keepsOrder: Bool
  /// Whether servers that a cluster tells of are connected to as well. Default yes.
  public var learnsServers: Bool
  /// How long a connection may take until it works. Default 5 s.
  public var connectTimeout: Duration
  /// How long a publish may wait for a connection and its confirmation, and a subscription for its.
  /// Default 10 s.
  public var timeout: Duration
  /// How long the connection may be quiet before the server is asked whether it lives. Default
  /// 30 s.
  public var pingInterval: Duration
  /// How long it has for the answer; while it says other things, `pingInterval` longer. Default
  /// 10 s.
  public var pingTimeout: Duration
  /// The waits between attempts to reconnect. Default 200 ms, doubled, at most 30 s, with jitter.
  public var backoff: Backoff
  /// After how many attempts in a row a lost connection is given up. Default: never.
  public var attemptsMax: Int?
  /// How long stopping may wait for confirmations. Default 10 s.
  public var drainTimeout: Duration
  /// The most bytes of publishes on their way to the socket: then `publish` waits and `send` fails.
  /// Default 16 MiB.
  public var pendingBytesMax: Int
  /// What may wait for one subscription beyond its prefetch; what is beyond is lost, and logged.
  public var windowLimits: DeliveryWindow.Limits

  /// Settings with every default.
  public init(servers: [Endpoint], credentials: NATSCredentials = .none) {
    self.servers = servers
    self.credentials = credentials
    self.name = "godwit"
    self.requiresTLS = false
    self.beginsWithTLS = false
    self.tls = TLSSettings()
    self.keepsOrder = false
    self.learnsServers = true
    self.connectTimeout = .seconds(5)
    self.timeout = .seconds(10)
    self.pingInterval = .seconds(30)
    self.pingTimeout = .seconds(10)
    self.backoff = Backoff()
    self.attemptsMax = nil
    self.drainTimeout = .seconds(10)
    self.pendingBytesMax = 16 << 20
    self.windowLimits = DeliveryWindow.Limits()
  }

  /// Settings from a URL, or from several with commas between: `nats://` and `tls://` (port 4222),
  /// `ws://` (80) and `wss://` (443). A user and password, or a user alone, which is a token then,
  /// stand before the host, as in `nats://user:password@host`; the first URL's count.
  ///
  /// - Throws: `invalidArgument`.
  public init(url: String) throws(GodwitError) {
    var servers: [Endpoint] = []
    var credentials = NATSCredentials.none
    var requiresTLS = false
    for text in url.split(separator: ",", omittingEmptySubsequences: false) {
      let url = try EndpointURL(
        text.filter { $0 != " " }, defaultScheme: "nats")
      let isWebSocket = url.scheme == "ws" || url.scheme == "wss"
      var endpoint = Endpoint(host: url.host, port: url.port ?? 4222)
      switch url.scheme {
      case "nats": break
      case "tls": requiresTLS = true
      case "ws", "wss":
        endpoint.usesTLS = url.scheme == "wss"
        endpoint.port = url.port ?? (endpoint.usesTLS ? 443 : 80)
        endpoint.webSocketPath = url.path.isEmpty ? "/" : url.path
      default:
        throw GodwitError(
          .invalidArgument, "a URL whose scheme is none of NATS: nats, tls, ws or wss")
      }
      guard isWebSocket || url.path.isEmpty || url.path == "/" else {
        throw GodwitError(
          .invalidArgument,
          "a NATS URL with something behind the host; options are for Broker(url:drivers:)")
      }
      servers.append(endpoint)
      if case .none = credentials, let user = url.user {
        credentials = url.password.map { .user(user, password: $0) } ?? .token(user)
      }
    }
    self.init(servers: servers, credentials: credentials)
    self.requiresTLS = requiresTLS
  }

  var link: LinkSettings {
    var endpoints = self.servers
    if self.beginsWithTLS {
      for index in endpoints.indices { endpoints[index].usesTLS = true }
    }
    return LinkSettings(
      endpoints: endpoints, keepsOrder: self.keepsOrder, tls: self.tls,
      connectTimeout: self.connectTimeout, backoff: self.backoff, attemptsMax: self.attemptsMax,
      drainTimeout: self.drainTimeout, pendingBytesMax: self.pendingBytesMax)
  }

  func validate() throws(GodwitError) {
    guard !self.servers.isEmpty else {
      throw GodwitError(.invalidArgument, "no NATS server is named")
    }
    for duration in [self.connectTimeout, self.timeout, self.pingInterval, self.pingTimeout]
    where duration <= .zero {
      throw GodwitError(.invalidArgument, "a time of \(duration) in the NATS settings")
    }
    guard self.drainTimeout >= .zero else {
      throw GodwitError(.invalidArgument, "a drain time-out of \(self.drainTimeout) for NATS")
    }
    try self.backoff.validate()
    if let max = self.attemptsMax, max < 1 {
      throw GodwitError(.invalidArgument, "attemptsMax of \(max) for NATS; 1 or more")
    }
    guard self.windowLimits.messagesMax > 0, self.windowLimits.bytesMax > 0 else {
      throw GodwitError(.invalidArgument, "windowLimits of nothing for NATS")
    }
    guard self.pendingBytesMax > 0 else {
      throw GodwitError(.invalidArgument, "pendingBytesMax of \(self.pendingBytesMax)")
    }
  }
}
