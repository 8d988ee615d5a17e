/// Why a schema is none, or is more than this registry looks at.
public struct SchemaError: Error, Hashable, Sendable {
  /// The kind of defect.
  public enum Code: Hashable, Sendable {
    /// The text is no schema of its language.
    case invalid
    /// A limit is broken.
    case tooLarge
  }

  /// The kind of defect.
  public var code: Code
  /// A sentence for people.
  public var message: String

  /// An error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  static func invalid(_ message: String) -> SchemaError { SchemaError(.invalid, message) }
}
