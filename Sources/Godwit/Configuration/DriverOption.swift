/// One option of a driver, as configurations and URLs name it.
public struct DriverOption: Hashable, Sendable {
  /// What an option takes.
  public enum Kind: Hashable, Sendable {
    /// Text.
    case text
    /// Text that must never be shown.
    case secret
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// A time in seconds within bounds; fractions are allowed.
    case seconds(ClosedRange<Double>)
    /// `true` or `false`.
    case flag
  }

  /// The value of an option.
  public enum Value: Hashable, Sendable {
    /// Of `text` and `secret`.
    case text(String)
    /// Of `integer`.
    case integer(Int)
    /// Of `seconds`.
    case duration(Duration)
    /// Of `flag`.
    case flag(Bool)
  }

  /// The name, in lower case with underscores and the unit last: `publish_timeout_seconds`.
  public let name: String
  /// What it takes.
  public let kind: Kind

  /// An option.
  public init(_ name: String, _ kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// The value that `text` stands for.
  ///
  /// - Throws: `invalidArgument` with the option's name and what it takes; never with the text.
  func value(of text: String) throws(GodwitError) -> Value {
    switch self.kind {
    case .text, .secret:
      return .text(text)
    case .integer(let bounds):
      guard let number = Int(text), bounds.contains(number) else {
        throw self.refusal("a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return .integer(number)
    case .seconds(let bounds):
      guard let number = Double(text), bounds.contains(number) else {
        throw self.refusal("a number of seconds from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return .duration(.seconds(number))
    case .flag:
      guard let flag = Bool(text) else { throw self.refusal("true or false") }
      return .flag(flag)
    }
  }

  func refusal(_ taken: String) -> GodwitError {
    GodwitError(.invalidArgument, "the option '\(self.name)' takes \(taken)")
  }
}
