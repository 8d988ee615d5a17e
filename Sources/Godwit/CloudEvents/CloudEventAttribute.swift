/// The value of an extension attribute.
///
/// In binary mode all of them are text, and are read as such: compare by `text`. Binary values,
/// URIs and times are text in both modes.
public enum CloudEventAttribute: Hashable, Sendable {
  /// Text.
  case string(String)
  /// A whole number of 32 bits.
  case integer(Int32)
  /// A truth value.
  case boolean(Bool)

  /// The value's canonical text.
  public var text: String {
    switch self {
    case .string(let text): text
    case .integer(let number): String(number)
    case .boolean(let flag): flag ? "true" : "false"
    }
  }
}

extension CloudEventAttribute: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral
{
  /// Text.
  public init(stringLiteral text: String) { self = .string(text) }
  /// A whole number.
  public init(integerLiteral number: Int32) { self = .integer(number) }
  /// A truth value.
  public init(booleanLiteral flag: Bool) { self = .boolean(flag) }
}
