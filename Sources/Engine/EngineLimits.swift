/// Bounds on what clients, taken together or one by one, can make the engine hold.
public struct EngineLimits: Hashable, Sendable {
  /// A topic's length in canonical bytes. Default 65,535 (MQTT's own limit, grown by escapes).
  public var topicBytesMax = 131_070
  /// Levels in a subscription's pattern. Default 256.
  public var patternLevelsMax = 256
  /// Subscriptions in a tenant. Default 1,000,000.
  public var subscriptionsMax = 1_000_000
  /// Retained topics in a tenant. Default 1,000,000.
  public var retainedMax = 1_000_000
  /// Bytes held in memory for queues, retained and delayed messages of all tenants together.
  /// Default 1 GiB.
  public var storedBytesMax = 1 << 30
  /// Topics whose matches are remembered, per tenant. Default 8,192.
  public var routesMax = 8_192
  /// Targets in all remembered matches of a tenant together. Default 262,144.
  public var routeTargetsMax = 262_144

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  /// Limits with every member at its default.
  public init() {}
}
