/// How a program's brokers and subscriptions are, at one moment.
public struct HealthReport: Hashable, Sendable, Encodable {
  /// How a broker is.
  public struct Broker: Hashable, Sendable, Encodable {
    /// The broker's kind (`messaging.system`).
    public var system: String
    /// `idle`, `connected`, `reconnecting`, `failed` or `closed`; why is for the log.
    public var state: String
    /// Whether publishes and subscriptions work.
    public var isConnected: Bool
  }

  /// How a subscription is.
  public struct Subscription: Hashable, Sendable, Encodable {
    /// The subscription's id.
    public var id: String
    /// Its topic or pattern.
    public var pattern: String
    /// Its group.
    public var group: String?
    /// Whether it has subscribed, and was not asked to stop.
    public var isSubscribed: Bool
    /// Whether handlers are at work and nothing has come to an end for too long.
    public var isStalled: Bool
    /// Messages handled to their end.
    public var settled: UInt64
    /// Attempts that failed or asked for another.
    public var retried: UInt64
    /// Messages that went to the dead-letter topic.
    public var dead: UInt64
    /// Messages at work.
    public var active: Int
  }

  /// The brokers, in their order.
  public var brokers: [Broker]
  /// The subscriptions, in their order.
  public var subscriptions: [Subscription]

  /// Whether the program is worth keeping: no subscription is stalled. A broker that is away is no
  /// reason to start a program anew.
  public var isLive: Bool { !self.subscriptions.contains(where: \.isStalled) }

  /// Whether the program does its work: every broker connected, every subscription subscribed.
  public var isReady: Bool {
    self.brokers.allSatisfy(\.isConnected) && self.subscriptions.allSatisfy(\.isSubscribed)
  }
}
