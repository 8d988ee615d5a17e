/// What a schema says of another one that it needs: where it is registered.
public struct SchemaReference: Hashable, Sendable {
  /// The name by which the schema calls it: a type's full name, a URI, a file to import.
  public var name: String
  /// The subject that it is registered under.
  public var subject: String
  /// The version within the subject.
  public var version: Int

  /// A reference.
  public init(name: String, subject: String, version: Int) {
    self.name = name
    self.subject = subject
    self.version = version
  }
}

/// A schema that another one needs, with its text.
public struct ReferencedSchema: Hashable, Sendable {
  /// The name by which the other one calls it.
  public var name: String
  /// Its language.
  public var type: SchemaType
  /// Its text.
  public var text: String

  /// A schema that is needed.
  public init(name: String, type: SchemaType, text: String) {
    self.name = name
    self.type = type
    self.text = text
  }
}
