import GodwitPrimitives

/// Bounds on what clients, taken together or one by one, can make the engine hold.
public struct EngineLimits: Hashable, Sendable {
  /// A topic's length in canonical bytes. Default 65,535 (MQTT's own limit, grown by escapes).
  public var topicBytesMax = 131_070
  /// Levels in the topic of a message. Default 256.
  public var topicLevelsMax = 256
  /// Levels in a subscription's pattern. Default 256.
  public var patternLevelsMax = 256
  /// Subscriptions in a tenant. Default 1,000,000.
  public var subscriptionsMax = 1_000_000
  /// Retained topics in a tenant. Default 1,000,000.
  public var retainedMax = 1_000_000
  /// Bytes held in memory for queues, retained and delayed messages, subscriptions and lasting
  /// sessions of all tenants together. Default 1 GiB.
  public var storedBytesMax = 1 << 30
  /// How much of that one tenant may hold. 0, the default: everything as long as there is one
  /// tenant, half when there are more.
  public var tenantStoredBytesMax = 0
  /// Topics whose matches are remembered, per tenant. Default 8,192.
  public var routesMax = 8_192
  /// Targets in all remembered matches of a tenant together. Default 262,144.
  public var routeTargetsMax = 262_144
  /// Bytes of all remembered matches of a tenant together. Default 32 MiB.
  public var routeBytesMax = 32 << 20

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  /// Whether a message may have this canonical topic: neither too long nor of too many levels. A
  /// topic with fewer bytes than levels are allowed is not looked at.
  public func allows(topic: UnsafeRawBufferPointer) -> Bool {
    guard topic.count <= self.topicBytesMax else { return false }
    return topic.count < self.topicLevelsMax || TopicLevels.count(topic) <= self.topicLevelsMax
  }

  /// Limits with every member at its default.
  public init() {}
}
