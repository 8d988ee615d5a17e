/// Why a call of the framework failed.
///
/// Errors of a broker's client library or wire are in `cause`; what a program decides by is `code`
/// and `isRetriable`.
public struct GodwitError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is. Open: a driver adds its own, as an extension with static members.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as logs and metrics show it.
    public let rawValue: String

    /// A code of that name.
    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    /// The code's name.
    public var description: String { self.rawValue }

    /// An argument cannot be: an empty topic, a wildcard in a name, a limit of zero.
    public static var invalidArgument: Self { Self(rawValue: "invalidArgument") }
    /// The broker cannot do what was asked for, and says so at start.
    public static var unsupported: Self { Self(rawValue: "unsupported") }
    /// A value could not be turned into a body.
    public static var encodingFailed: Self { Self(rawValue: "encodingFailed") }
    /// A body could not be turned into a value.
    public static var decodingFailed: Self { Self(rawValue: "decodingFailed") }
    /// Larger than a limit allows.
    public static var tooLarge: Self { Self(rawValue: "tooLarge") }
    /// A deadline has passed.
    public static var timeout: Self { Self(rawValue: "timeout") }
    /// Nobody answers requests on that topic.
    public static var noResponders: Self { Self(rawValue: "noResponders") }
    /// Whoever answered a request says that it failed.
    public static var remoteFailure: Self { Self(rawValue: "remoteFailure") }
    /// The broker, or a queue on the way, takes no more now.
    public static var overloaded: Self { Self(rawValue: "overloaded") }
    /// There is no connection, or it broke.
    public static var disconnected: Self { Self(rawValue: "disconnected") }
    /// The broker does not know this user, or does not let it do that.
    public static var notPermitted: Self { Self(rawValue: "notPermitted") }
    /// The message was handed over, but the connection or the time ended before the broker's
    /// confirmation: it may have been published.
    public static var unconfirmed: Self { Self(rawValue: "unconfirmed") }
    /// The broker, subscription or driver was closed.
    public static var closed: Self { Self(rawValue: "closed") }
    /// The call's task was cancelled.
    public static var cancelled: Self { Self(rawValue: "cancelled") }
    /// A delivery was settled before.
    public static var alreadySettled: Self { Self(rawValue: "alreadySettled") }
  }

  /// What kind of failure it is.
  public var code: Code
  /// What happened, for people. Never a body's bytes, never credentials.
  public var message: String
  /// Whether the same call may succeed later without being changed.
  public var isRetriable: Bool
  /// What was thrown below.
  public var cause: (any Error)?

  /// An error.
  ///
  /// - Parameter isRetriable: whether the same call may succeed later. `nil`, the default, means
  ///   what is usual for `code`: yes for time-outs, overload and lost connections.
  public init(
    _ code: Code, _ message: String, isRetriable: Bool? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.isRetriable = isRetriable ?? Self.isUsuallyRetriable(code)
    self.cause = cause
  }

  private static func isUsuallyRetriable(_ code: Code) -> Bool {
    [.timeout, .noResponders, .overloaded, .disconnected, .unconfirmed].contains(code)
  }

  /// The code, the message, and the cause.
  public var description: String {
    let cause = self.cause.map { " (\(Self.words(of: $0)))" } ?? ""
    return "\(self.code): \(self.message)\(cause)"
  }

  /// A cause in words. Those of decoders quote what they have read; of them only the place is told.
  private static func words(of cause: any Error) -> String {
    guard let cause = cause as? DecodingError else { return "\(cause)" }
    let kind: String
    let context: DecodingError.Context
    switch cause {
    case .typeMismatch(let type, let found): (kind, context) = ("not a \(type)", found)
    case .valueNotFound(let type, let found): (kind, context) = ("no \(type)", found)
    case .keyNotFound(let key, let found): (kind, context) = ("no '\(key.stringValue)'", found)
    case .dataCorrupted(let found): (kind, context) = ("damaged", found)
    @unknown default: return "not to be decoded"
    }
    let path = context.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }
    return path.isEmpty ? kind : "\(kind) at '\(path.joined(separator: "."))'"
  }
}
