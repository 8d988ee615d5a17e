/// What a handler says became of a message.
public enum Outcome: Hashable, Sendable {
  /// Done.
  case ack
  /// To be tried again: after this delay, or by the subscription's back-off when it is `nil`.
  /// Counts as an attempt.
  case retry(after: Duration? = nil)
  /// It will never succeed: to the dead-letter topic, with the reason.
  case reject(reason: String)
  /// Not wanted, and not worth keeping.
  case drop
}
