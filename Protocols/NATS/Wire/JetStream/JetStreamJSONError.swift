/// Why a JetStream request or response could not be read from its JSON.
public struct JetStreamJSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// For people, in the manner of nats-server: what follows `invalid JSON: ` in its answers.
  public var description: String

  /// Makes an error.
  public init(_ description: String) {
    self.description = description
  }
}
