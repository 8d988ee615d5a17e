/// What a `.proto` file declares (proto2 and proto3), as far as a registry has use for it.
struct ProtobufFile: Hashable, Sendable {
  /// `name = value`, the value as it is written.
  struct Option: Hashable, Sendable {
    var name: String
    var value: String
  }

  /// Another file.
  struct Import: Hashable, Sendable {
    var path: String
    /// `public`, `weak`, or nothing.
    var modifier = ""
  }

  /// How often a field may be there.
  enum Label: String, Hashable, Sendable {
    case optional, required, repeated
  }

  /// A field of a message.
  struct Field: Hashable, Sendable {
    var label: Label?
    /// A scalar type, or the name of a message or an enum. A map's values.
    var type: String
    /// The type of a map's keys; `nil` for what is no map.
    var keyType: String?
    var name: String
    var number: Int
    var options: [Option] = []
    /// The `oneof` that it is in.
    var oneof: Int?
  }

  /// Fields of which one at the most is there.
  struct Oneof: Hashable, Sendable {
    var name: String
    var options: [Option] = []
  }

  /// Numbers, both ends within.
  struct Span: Hashable, Sendable {
    var first: Int
    var last: Int
  }

  /// Numbers and names that are not to be used.
  struct Reserved: Hashable, Sendable {
    var spans: [Span] = []
    var names: [String] = []
  }

  /// A message.
  struct Message: Hashable, Sendable {
    var name: String
    var fields: [Field] = []
    var oneofs: [Oneof] = []
    var messages: [Message] = []
    var enums: [Enumeration] = []
    var extensions: [Extension] = []
    var extensionSpans: [Span] = []
    var reserved = Reserved()
    var options: [Option] = []
  }

  /// A value of an enum.
  struct Constant: Hashable, Sendable {
    var name: String
    var number: Int
    var options: [Option] = []
  }

  /// An enum.
  struct Enumeration: Hashable, Sendable {
    var name: String
    var constants: [Constant] = []
    var reserved = Reserved()
    var options: [Option] = []
  }

  /// Fields that are added to somebody else's message.
  struct Extension: Hashable, Sendable {
    var message: String
    var fields: [Field] = []
  }

  /// A call.
  struct Method: Hashable, Sendable {
    var name: String
    var input: String
    var output: String
    var streamsInput = false
    var streamsOutput = false
    var options: [Option] = []
  }

  /// Calls.
  struct Service: Hashable, Sendable {
    var name: String
    var methods: [Method] = []
    var options: [Option] = []
  }

  var isProto3 = false
  var package = ""
  var imports: [Import] = []
  var options: [Option] = []
  var messages: [Message] = []
  var enums: [Enumeration] = []
  var extensions: [Extension] = []
  var services: [Service] = []
}

extension ProtobufFile {
  /// The types that need no declaration.
  static let scalars: Set<String> = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
    "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes",
  ]

  /// The largest number of a field.
  static let numberMax = 536_870_911
}
