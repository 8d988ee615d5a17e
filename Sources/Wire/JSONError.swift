/// Why bytes are not an acceptable JSON document.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of defect.
  public enum Code: Hashable, Sendable {
    /// The text ends inside a value.
    case truncated
    /// A byte that cannot stand where it stands.
    case unexpectedByte
    /// A string with a bad escape, a raw control character, a lone surrogate or bad UTF-8.
    case invalidString
    /// A number outside the grammar or too large for a double.
    case invalidNumber
    /// Something follows the document.
    case trailingBytes
    /// A limit of `JSONLimits` is broken.
    case limitExceeded
  }

  /// The kind of defect.
  public var code: Code
  /// The byte offset where it was noticed.
  public var offset: Int

  /// Makes an error.
  public init(_ code: Code, at offset: Int) {
    self.code = code
    self.offset = offset
  }

  /// For people: the kind and the place, never the text itself.
  public var description: String { "JSON: \(self.code) at byte \(self.offset)" }
}
