/// What a broker can do, declared by its driver. What is asked for and not here is refused when
/// the subscription starts.
public struct Capabilities: Hashable, Sendable {
  /// The strongest promise a broker gives to a subscriber.
  public enum Guarantee: String, Hashable, Sendable, Comparable {
    /// A message is handed out once, or not at all.
    case atMostOnce
    /// A message comes back until it is acknowledged.
    case atLeastOnce

    /// Whether the left promises less.
    public static func < (left: Self, right: Self) -> Bool {
      left == .atMostOnce && right == .atLeastOnce
    }
  }

  /// What a subscriber is promised.
  public var guarantee: Guarantee
  /// Whether `publish` returns after the broker itself has confirmed.
  public var confirmsPublishes = true
  /// Whether the broker hands a message out again after a delay, with a count. Where it does not,
  /// the framework holds the message and tries again itself.
  public var redelivers = false
  /// Whether members of a group share a topic's messages.
  public var hasGroups = true
  /// Whether subscriptions may have wildcards.
  public var hasPatterns = true
  /// Whether headers travel natively; elsewhere an envelope carries them.
  public var hasHeaders = true
  /// Whether messages outlive a restart of the broker.
  public var isDurable = false
  /// Whether the broker says at once that a request has nobody to answer it.
  public var reportsNoResponders = false
  /// How events of CloudEvents stand in messages in binary mode.
  public var cloudEvents = CloudEventBinding.defaults
  /// The largest body, in bytes; `nil` where only the broker knows.
  public var bodyBytesMax: Int?

  /// Capabilities with every member at its default.
  public init(guarantee: Guarantee) {
    self.guarantee = guarantee
  }
}
