/// What a server says in `-ERR`. The texts are nats-server's, to the letter: clients compare them.
public enum NATSServerError: Hashable, Sendable {
  case unknownProtocolOperation
  case maximumControlLineExceeded
  case maximumPayloadViolation
  case authorizationViolation
  case authenticationTimeout
  case userAuthenticationExpired
  case accountAuthenticationExpired
  case staleConnection
  case slowConsumer
  case invalidClientProtocol
  case noRespondersRequiresHeaders
  case maximumConnectionsExceeded
  case maximumAccountConnectionsExceeded
  case secureConnectionRequired
  case connectionThrottled
  case maximumSubscriptionsExceeded
  case invalidSubject
  case invalidPublishSubject
  /// Publishing to this subject, quoted as Go's `%q` does, is not allowed.
  case publishNotPermitted(subject: String)
  /// Publishing with this reply subject, quoted, is not allowed.
  case replyNotPermitted(subject: String)
  /// Subscribing to this subject, quoted, with this queue group, quoted, is not allowed.
  case subscriptionNotPermitted(subject: String, queue: String?)
  /// A subscription's subject, quoted, has more tokens than allowed.
  case subscriptionHasTooManyTokens(subject: String)
  /// A text this version does not know.
  case other(String)

  /// The text between the quotes of `-ERR '…'`.
  public var text: String {
    switch self {
    case .unknownProtocolOperation: "Unknown Protocol Operation"
    case .maximumControlLineExceeded: "maximum control line exceeded"
    case .maximumPayloadViolation: "Maximum Payload Violation"
    case .authorizationViolation: "Authorization Violation"
    case .authenticationTimeout: "Authentication Timeout"
    case .userAuthenticationExpired: "User Authentication Expired"
    case .accountAuthenticationExpired: "Account Authentication Expired"
    case .staleConnection: "Stale Connection"
    case .slowConsumer: "Slow Consumer"
    case .invalidClientProtocol: "invalid client protocol"
    case .noRespondersRequiresHeaders: "no responders requires headers support"
    case .maximumConnectionsExceeded: "maximum connections exceeded"
    case .maximumAccountConnectionsExceeded: "maximum account active connections exceeded"
    case .secureConnectionRequired: "Secure Connection - TLS Required"
    case .connectionThrottled: "Connection throttling is active. Please try again later."
    case .maximumSubscriptionsExceeded: "maximum subscriptions exceeded"
    case .invalidSubject: "Invalid Subject"
    case .invalidPublishSubject: "Invalid Publish Subject"
    case .publishNotPermitted(let subject): "Permissions Violation for Publish to \(subject)"
    case .replyNotPermitted(let subject):
      "Permissions Violation for Publish with Reply of \(subject)"
    case .subscriptionNotPermitted(let subject, nil):
      "Permissions Violation for Subscription to \(subject)"
    case .subscriptionNotPermitted(let subject, let queue?):
      "Permissions Violation for Subscription to \(subject) using queue \(queue)"
    case .subscriptionHasTooManyTokens(let subject):
      "Permissions Violation for Subscription to \(subject), too many tokens"
    case .other(let text): text
    }
  }

  /// Whether the server closes the connection after saying it.
  public var closesConnection: Bool {
    switch self {
    case .maximumSubscriptionsExceeded, .invalidSubject, .invalidPublishSubject,
      .publishNotPermitted, .replyNotPermitted, .subscriptionNotPermitted,
      .subscriptionHasTooManyTokens, .other:
      false
    default: true
    }
  }

  private static let withoutDetail: [NATSServerError] = [
    .unknownProtocolOperation, .maximumControlLineExceeded, .maximumPayloadViolation,
    .authorizationViolation, .authenticationTimeout, .userAuthenticationExpired,
    .accountAuthenticationExpired, .staleConnection, .slowConsumer, .invalidClientProtocol,
    .noRespondersRequiresHeaders, .maximumConnectionsExceeded,
    .maximumAccountConnectionsExceeded, .secureConnectionRequired, .connectionThrottled,
    .maximumSubscriptionsExceeded, .invalidSubject, .invalidPublishSubject,
  ]

  /// Reads the argument of a received `-ERR`, with or without its quotes.
  public init(argument: UnsafeRawBufferPointer) {
    var text = String(decoding: argument, as: UTF8.self)
    if text.utf8.count >= 2, text.hasPrefix("'"), text.hasSuffix("'") {
      text = String(text.dropFirst().dropLast())
    }
    if let known = Self.withoutDetail.first(where: { $0.text == text }) {
      self = known
    } else if let subject = text.dropping(prefix: "Permissions Violation for Publish to ") {
      self = .publishNotPermitted(subject: subject)
    } else if let subject = text.dropping(
      prefix: "Permissions Violation for Publish with Reply of ")
    {
      self = .replyNotPermitted(subject: subject)
    } else if let rest = text.dropping(prefix: "Permissions Violation for Subscription to ") {
      self = Self.subscription(rest)
    } else {
      self = .other(text)
    }
  }

  private static func subscription(_ rest: String) -> NATSServerError {
    let tooMany = ", too many tokens"
    if rest.hasSuffix(tooMany) {
      return .subscriptionHasTooManyTokens(subject: String(rest.dropLast(tooMany.count)))
    }
    let separator = Array("\" using queue \"".utf8)
    let bytes = Array(rest.utf8)
    guard bytes.count >= separator.count else {
      return .subscriptionNotPermitted(subject: rest, queue: nil)
    }
    for start in 0...(bytes.count - separator.count)
    where bytes[start..<(start + separator.count)].elementsEqual(separator) {
      return .subscriptionNotPermitted(
        subject: String(decoding: bytes[...start], as: UTF8.self),
        queue: String(decoding: bytes[(start + separator.count - 1)...], as: UTF8.self))
    }
    return .subscriptionNotPermitted(subject: rest, queue: nil)
  }
}

extension String {
  fileprivate func dropping(prefix: String) -> String? {
    self.hasPrefix(prefix) ? String(self.dropFirst(prefix.count)) : nil
  }
}
