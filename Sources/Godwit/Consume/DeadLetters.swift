import NIOCore

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
    /// What of the message stayed behind because the broker did not take it: `body of 7 bytes`,
    /// `headers`. Absent where the letter is whole.
    public static let leftOut = "Godwit-Dead-Left-Out"
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
    letter.headers[Header.reason] = reason.headerLine
    letter.headers[Header.attempts] = String(attempts)
    letter.headers[Header.topic] = message.topic
    letter.headers[Header.subscription] = subscription
    letter.headers[Header.time] = Date().formatted(.iso8601)
    return letter
  }

  /// A letter that the broker did not take, without what may be the reason.
  ///
  /// - Returns: `nil` when there is nothing to leave out.
  static func reduced(_ letter: Message, refusedWith error: GodwitError) -> Message? {
    let leftOut = letter.headers[Header.leftOut].map { "\($0), " } ?? ""
    let own = letter.headers.filter { field in
      [Header.reason, Header.attempts, Header.topic, Header.subscription, Header.time]
        .contains(field.name) || field.name == Header.leftOut
    }
    let hasFacts = letter.key != nil || letter.correlationID != nil || letter.contentType != nil
    var less = letter
    if error.code == .tooLarge, letter.body.readableBytes > 0 {
      less.headers[Header.leftOut] = "\(leftOut)body of \(letter.body.readableBytes) bytes"
      less.body = ByteBuffer()
      return less
    }
    guard [.tooLarge, .invalidArgument].contains(error.code),
      own.count < letter.headers.count || hasFacts
    else { return nil }
    // What came from other clients may be nothing that a client can send.
    less.headers = Headers(own)
    less.headers[Header.leftOut] = "\(leftOut)headers"
    less.key = nil
    less.correlationID = nil
    less.contentType = nil
    less.id = Message.makeID()
    return less
  }
}

extension String {
  /// The text as one line of at most 1,000 bytes without control characters: what every broker
  /// carries in a header, and what no terminal obeys.
  package var headerLine: String {
    var line = ""
    var isBlank = false
    for scalar in self.unicodeScalars {
      let isControl =
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        || (0x2028...0x2029).contains(scalar.value)
      if isControl, isBlank { continue }
      let next = isControl ? " " : scalar
      guard line.utf8.count + UTF8.width(next) <= 1_000 else { break }
      line.unicodeScalars.append(next)
      isBlank = isControl
    }
    return line
  }
}
