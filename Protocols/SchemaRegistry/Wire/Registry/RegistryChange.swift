/// One thing that happens to a registry. What the journal has is a list of these.
public enum RegistryChange: Hashable, Sendable {
  /// A schema has an id.
  case schema(id: Int, RegistrySchema)
  /// A subject has a version, which is the schema of that id.
  case version(subject: String, number: Int, id: Int)
  /// A version is not listed any more.
  case deleted(subject: String, number: Int)
  /// A version is gone, and with its last one a schema.
  case gone(subject: String, number: Int)
  /// How compatible versions of a subject must be; of all others where no subject is named.
  case level(subject: String?, CompatibilityLevel?)
  /// Whether schemas of a subject are normalized, asked or not.
  case normalize(subject: String?, Bool?)
  /// What may be done with a subject.
  case mode(subject: String?, RegistryMode?)
  /// Smaller ids were given already.
  case nextID(Int)

  /// What it adds to the memory that is held, at the most.
  public var growth: Int {
    switch self {
    case .schema(_, let schema): schema.size
    case .version(let subject, _, _): RegistryState.versionBytes + subject.utf8.count
    case .level(let subject?, _?), .mode(let subject?, _?), .normalize(let subject?, _?):
      RegistryState.settingsBytes + subject.utf8.count
    default: 0
    }
  }
}

/// A schema with an id.
public struct RegistrySchema: Hashable, Sendable {
  /// A name for it that no other registry gives.
  public var guid: String
  /// Its language.
  public var type: SchemaType
  /// Its canonical text.
  public var text: String
  /// What it needs.
  public var references: [SchemaReference]

  /// A schema.
  public init(
    guid: String, type: SchemaType, text: String, references: [SchemaReference] = []
  ) {
    self.guid = guid
    self.type = type
    self.text = text
    self.references = references
  }

  /// What it takes of memory, about.
  var size: Int {
    512 + self.text.utf8.count
      + self.references.reduce(0) { $0 + 160 + $1.name.utf8.count + $1.subject.utf8.count }
  }
}
