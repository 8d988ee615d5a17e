public import GodwitFrontEndKit

/// What the admin pages tell of the broker as a whole. The broker keeps it true; confined to the
/// loop.
public final class BrokerFacts {
  /// Where the broker is in its life.
  public enum State: String, Hashable, Sendable {
    /// Listeners are being bound.
    case starting
    /// Clients are served.
    case serving
    /// Clients are being sent away.
    case draining
  }

  /// A listener, as it was bound.
  public struct Listening: Hashable, Sendable {
    /// The listener's name, such as `mqtt-ws`.
    public var name: String
    /// The address it got.
    public var address: BoundAddress

    /// A listener.
    public init(name: String, address: BoundAddress) {
      self.name = name
      self.address = address
    }
  }

  /// One bound that the settings set, for people.
  public struct Limit: Hashable, Sendable {
    /// The settings key, such as `nats.max_payload`.
    public var name: String
    /// Its value.
    public var value: SettingValue
    /// What it bounds, its unit included.
    public var meaning: String

    /// A limit.
    public init(name: String, value: SettingValue, meaning: String) {
      self.name = name
      self.value = value
      self.meaning = meaning
    }
  }

  /// The server's own name.
  public let serverName: String
  /// The version, such as `0.1.0`.
  public let version: String
  /// When the broker started, in the engine's clock.
  public let startedAt: Int64
  /// Where the broker is in its life; `/readyz` answers 503 unless it is `serving`.
  public var state: State = .starting
  /// The protocols that are served.
  public var frontEnds: [any FrontEnd]
  /// The listeners that are bound.
  public var listeners: [Listening] = []
  /// Bounds of the settings, beside the engine's own.
  public var limits: [Limit] = []
  /// What an operator should know at a glance, as sentences: anonymous access on an open address,
  /// settings that wait for a restart.
  public var notices: [String] = []
  /// Where passwords are checked, for the metrics.
  var passwords: PasswordDesk?

  /// The facts of a broker that is starting.
  public init(
    serverName: String, version: String, startedAt: Int64, frontEnds: [any FrontEnd] = []
  ) {
    self.serverName = serverName
    self.version = version
    self.startedAt = startedAt
    self.frontEnds = frontEnds
  }
}
