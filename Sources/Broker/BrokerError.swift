/// Why the broker does not start, in one sentence for people.
public struct BrokerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sentence, without a final stop.
  public let description: String

  /// An error.
  public init(_ description: String) {
    self.description = description
  }
}
