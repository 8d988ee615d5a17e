public import GodwitWire

/// What a client is answered, and what has to be written down before.
public struct RegistryAnswer: Hashable, Sendable {
  /// The body.
  public enum Body: Hashable, Sendable {
    /// JSON.
    case json(JSONValue)
    /// A schema's text as it is.
    case text(String)
  }

  /// The body.
  public var body: Body
  /// What happens; the answer is true only when this is done.
  public var changes: [RegistryChange]

  init(_ body: JSONValue, changes: [RegistryChange] = []) {
    self.body = .json(body)
    self.changes = changes
  }

  init(text: String) {
    self.body = .text(text)
    self.changes = []
  }
}
