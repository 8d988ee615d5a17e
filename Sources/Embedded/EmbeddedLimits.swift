/// Bounds of an embedded broker.
public struct EmbeddedLimits: Hashable, Sendable {
  /// The most messages that wait in one group, or for one subscription without a group. A publisher
  /// to a queue that is full and has members waits; without members the oldest message goes.
  /// Default 10,000.
  public var queueMessagesMax: Int
  /// The bytes that all queues hold together. Default 1 GiB.
  public var storedBytesMax: Int
  /// The largest body, in bytes. Default 64 MiB.
  public var bodyBytesMax: Int
  /// How long a publisher waits for room before it gets `overloaded`. Default 10 s.
  public var publishTimeout: Duration
  /// The most messages of `send` that were not looked at yet. Default 65,536.
  public var unsentMax: Int

  /// Limits.
  public init(
    queueMessagesMax: Int = 10_000, storedBytesMax: Int = 1 << 30, bodyBytesMax: Int = 64 << 20,
    publishTimeout: Duration = .seconds(10), unsentMax: Int = 65_536
  ) {
    self.queueMessagesMax = queueMessagesMax
    self.storedBytesMax = storedBytesMax
    self.bodyBytesMax = bodyBytesMax
    self.publishTimeout = publishTimeout
    self.unsentMax = unsentMax
  }

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }
}
