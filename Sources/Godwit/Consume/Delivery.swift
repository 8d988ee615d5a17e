/// A message as a handler sees it.
public struct Delivery<Payload: Sendable>: Sendable {
  /// The body's value.
  public let payload: Payload
  /// The message: headers, key, id, time.
  public let message: Message
  /// How often the message has been tried, this time included, as far as the broker counts.
  public let attempt: Int
  /// The message's place in its log, where the broker has one.
  public let offset: UInt64?
  /// The subscription's id.
  public let subscription: String

  /// The concrete topic.
  public var topic: String { self.message.topic }
  /// Whether the message was tried before.
  public var isRedelivered: Bool { self.attempt > 1 }
}
