/// Why bytes are not an acceptable message, or a message cannot be written. Final for the
/// connection when the bytes were a peer's.
public struct KafkaWireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  public enum Reason: Hashable, Sendable {
    /// The bytes do not follow the schema.
    case malformed
    /// A size or a count is beyond its limit.
    case tooLarge
    /// The codec does not know that version of the message.
    case unsupportedVersion
    /// The codec does not know that kind of message.
    case unknownAPI
    /// The value does not fit into the form that the version gives it.
    case unrepresentable
  }

  /// What kind of failure it is.
  public var reason: Reason
  /// For people. Never holds bytes of the peer.
  public var message: String { described.description }
  /// The message.
  public var description: String { message }

  let described: StaticString

  /// An error of a kind.
  public init(_ reason: Reason, _ message: StaticString) {
    self.reason = reason
    self.described = message
  }

  /// Two errors are the same when they are of one kind.
  public static func == (left: Self, right: Self) -> Bool { left.reason == right.reason }

  /// Consistent with `==`.
  public func hash(into hasher: inout Hasher) { hasher.combine(reason) }

  static func malformed(_ message: StaticString) -> Self { Self(.malformed, message) }
  static var truncated: Self { Self(.malformed, "the message ends too early") }
}
