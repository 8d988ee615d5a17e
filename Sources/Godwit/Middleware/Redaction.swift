/// What of a message's headers may be logged, and how.
public struct Redaction: Sendable {
  /// Which headers are logged at all, in lower case. Default: none.
  public var headers: Set<String>
  /// Turns a header's value into what is logged of it; `nil` for nothing but that there is one.
  public var value: @Sendable (_ name: String, _ value: String) -> String?
  /// Turns an error into what is logged of it. Default: the error as text, as its author wrote it.
  public var error: @Sendable (any Error) -> String

  /// The most characters of a value that are logged.
  public static let charactersMax = 256

  /// A redaction.
  public init(
    headers: Set<String> = [],
    value: @escaping @Sendable (_ name: String, _ value: String) -> String? = Redaction.usual,
    error: @escaping @Sendable (any Error) -> String = { "\($0)" }
  ) {
    self.headers = Set(headers.map { $0.lowercased() })
    self.value = value
    self.error = error
  }

  /// The value, unless the name speaks of a secret: `authorization`, `cookie`, `password`,
  /// `secret`, `token` or `key` in it.
  public static func usual(name: String, value: String) -> String? {
    let name = name.lowercased()
    let secrets = ["authorization", "cookie", "password", "secret", "token", "key"]
    return secrets.contains(where: { name.contains($0) }) ? nil : value
  }

  /// The headers as they are logged.
  func redacted(_ headers: Headers) -> [(name: String, value: String)] {
    guard !self.headers.isEmpty else { return [] }
    return headers.compactMap { field in
      let name = field.name.lowercased()
      guard self.headers.contains(name) else { return nil }
      let value = self.value(name, field.value).map { String($0.prefix(Self.charactersMax)) }
      return (name, value ?? "(redacted)")
    }
  }
}
