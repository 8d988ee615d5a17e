#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where messages go that were rejected, or tried too often.
public enum DeadLetters: Hashable, Sendable {
  /// To `dead-letter.` and the message's own topic.
  case byTopic
  /// To one topic.
  case topic(String)
  /// Nowhere: the loss is logged as an error.
  case discard

  /// The headers of a dead letter that say how it became one.
  public enum Header {
    /// Why: the handler's reason, or the last error.
    public static let reason = "Godwit-Dead-Reason"
    /// How often it was tried.
    public static let attempts = "Godwit-Dead-Attempts"
    /// The topic it came from.
    public static let topic = "Godwit-Dead-Topic"
    /// The subscription that gave it up.
    public static let subscription = "Godwit-Dead-Subscription"
    /// When, ISO 8601.
    public static let time = "Godwit-Dead-Time"
  }

  /// The topic that a dead letter of `topic` goes to.
  func destination(of topic: String) -> String? {
    switch self {
    case .byTopic: "dead-letter.\(topic)"
    case .topic(let name): name
    case .discard: nil
    }
  }

  /// The dead letter of a message: its own id, body and headers, and why it is one.
  static func letter(
    of message: Message, to destination: String, reason: String, attempts: Int,
    subscription: String
  ) -> Message {
    var letter = message
    letter.topic = destination
    letter.timeToLive = nil
    letter.replyTo = nil
    letter.headers[Header.reason] = Self.line(reason)
    letter.headers[Header.attempts] = String(attempts)
    letter.headers[Header.topic] = message.topic
    letter.headers[Header.subscription] = subscription
    letter.headers[Header.time] = Date().formatted(.iso8601)
    return letter
  }

  /// A reason as one line of at most 1,000 characters: what every broker carries in a header.
  private static func line(_ reason: String) -> String {
    let line = reason.prefix(1_000).map { $0.isNewline || $0.asciiValue == 0 ? " " : $0 }
    return String(line)
  }
}
