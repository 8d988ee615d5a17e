public import Godwit

/// How a driver keeps its connection.
public struct LinkSettings: Sendable {
  /// The servers. At least one.
  public var endpoints: [Endpoint]
  /// Whether servers are tried in their order; otherwise at random, so that clients spread. Default
  /// at random.
  public var keepsOrder: Bool
  /// Settings of TLS, for endpoints and servers that want it.
  public var tls: TLSSettings
  /// How long a connection may take until publishes and subscriptions work. Default 5 s.
  public var connectTimeout: Duration
  /// The waits between rounds of attempts. Default 200 ms, doubled, at most 30 s, with jitter.
  public var backoff: Backoff
  /// After how many attempts in a row a connection is given up that was lost; `nil`, the default:
  /// never. The first connection is given up after one attempt at each server.
  public var attemptsMax: Int?
  /// How long stopping may wait for confirmations. Default 10 s.
  public var drainTimeout: Duration
  /// The most bytes of publishes on their way to the socket; beyond it publishers wait. Default
  /// 16 MiB.
  public var pendingBytesMax: Int

  /// Settings.
  public init(
    endpoints: [Endpoint], keepsOrder: Bool = false, tls: TLSSettings = .init(),
    connectTimeout: Duration = .seconds(5), backoff: Backoff = .init(), attemptsMax: Int? = nil,
    drainTimeout: Duration = .seconds(10), pendingBytesMax: Int = 16 << 20
  ) {
    self.endpoints = endpoints
    self.keepsOrder = keepsOrder
    self.tls = tls
    self.connectTimeout = connectTimeout
    self.backoff = backoff
    self.attemptsMax = attemptsMax
    self.drainTimeout = drainTimeout
    self.pendingBytesMax = pendingBytesMax
  }
}
