public import GodwitEngine
public import GodwitFrontEndKit

/// Everything the broker is told when it starts.
public struct BrokerSettings: Sendable {
  /// The server's name.
  public var serverName = "godwit"
  /// Whether groups of one name are one group across protocols.
  public var joinsGroups = false
  /// How long a stop waits for clients, in seconds.
  public var shutdownGraceSeconds = 10.0
  /// Where to listen.
  public var listeners = ListenerAddress.defaults
  /// Where the admin server listens; `nil` for nowhere.
  public var admin: HostAndPort? = HostAndPort(host: "127.0.0.1", port: 8222)
  /// Bounds of the engine.
  public var limits = EngineLimits.defaults
  /// The most connections in the process.
  public var connectionsMax = 65_536
  /// The most connections from one address; 0 for no such bound.
  public var connectionsPerAddressMax = 0
  /// The sections of the front ends by name.
  public var frontEnds: [String: SettingsValues]

  /// The defaults.
  public init() {
    self.frontEnds = Dictionary(
      uniqueKeysWithValues: FrontEnds.all.map { ($0.name, SettingsValues(defaultsOf: $0.settings)) }
    )
  }
}
