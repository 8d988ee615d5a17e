import GodwitWire

/// A Protocol Buffers schema: a file of proto2 or proto3, and the types that it can name.
public struct ProtobufSchema: Hashable, Sendable {
  let file: ProtobufFile
  let types: ProtobufTypes

  /// Reads a schema.
  ///
  /// - Parameters:
  ///   - text: a `.proto` file, or a `FileDescriptorProto` in base64.
  ///   - references: the files that it imports, by the names by which it does.
  ///   - limits: bounds.
  /// - Throws: `SchemaError`.
  public init(
    parsing text: String, references: [ReferencedSchema] = [], limits: SchemaLimits = .defaults
  ) throws(SchemaError) {
    self.file = try Self.file(text, limits)
    var others: [ProtobufFile] = []
    for reference in references { others.append(try Self.file(reference.text, limits)) }
    self.types = try ProtobufTypes(self.file, others, limits)
    let names = Set(references.map(\.name))
    for item in self.file.imports where !names.contains(item.path) && !Self.isKnown(item.path) {
      throw .invalid("\(item.path.prefix(256)) is imported, and not among the references")
    }
    var budget = WorkBudget(steps: limits.stepsMax)
    try self.checkTypes(of: self.file.messages, in: self.file.package, &budget)
  }

  private static func file(_ text: String, _ limits: SchemaLimits) throws(SchemaError)
    -> ProtobufFile
  {
    // No text of a file is base64: every declaration has a mark in it that is none of its digits.
    let trimmed = Array(text.utf8.filter { $0 != 0x0A && $0 != 0x0D })
    if !trimmed.isEmpty, let bytes = Base64.decode(trimmed) {
      return try ProtobufDescriptorReader.file(bytes, limits: limits)
    }
    return try ProtobufParser.file(text, limits: limits)
  }

  /// Files that every compiler brings along.
  private static func isKnown(_ path: String) -> Bool {
    path.hasPrefix("google/") || path.hasPrefix("confluent/")
  }

  private static let knownPackages = ["google.", "confluent."]

  private func checkTypes(
    of messages: [ProtobufFile.Message], in scope: String, _ budget: inout WorkBudget
  ) throws(SchemaError) {
    for message in messages {
      let full = scope.isEmpty ? message.name : "\(scope).\(message.name)"
      for field in message.fields where !ProtobufFile.scalars.contains(field.type) {
        guard try self.types.find(field.type, from: full, &budget) == nil else { continue }
        let name = field.type.hasPrefix(".") ? field.type.dropFirst() : field.type[...]
        guard Self.knownPackages.contains(where: { name.hasPrefix($0) }) else {
          throw .invalid("\(full).\(field.name) is of a type that nobody declares")
        }
      }
      try self.checkTypes(of: message.messages, in: full, &budget)
    }
  }

  /// The file's text in one form.
  public var canonical: String { ProtobufText.text(of: self.file) }

  /// The text with what the author could have put in any order in one order, and full names.
  public var normalized: String {
    var file = self.file
    for index in file.messages.indices {
      self.qualify(&file.messages[index], in: file.package)
    }
    for index in file.extensions.indices {
      self.qualify(&file.extensions[index], in: file.package)
    }
    for index in file.services.indices {
      for place in file.services[index].methods.indices {
        self.qualify(&file.services[index].methods[place].input, in: file.package)
        self.qualify(&file.services[index].methods[place].output, in: file.package)
      }
    }
    return ProtobufText.text(of: file, isNormalized: true)
  }

  private func qualify(_ message: inout ProtobufFile.Message, in scope: String) {
    let full = scope.isEmpty ? message.name : "\(scope).\(message.name)"
    for index in message.fields.indices { self.qualify(&message.fields[index].type, in: full) }
    for index in message.messages.indices { self.qualify(&message.messages[index], in: full) }
    for index in message.extensions.indices {
      self.qualify(&message.extensions[index], in: full)
    }
  }

  private func qualify(_ found: inout ProtobufFile.Extension, in scope: String) {
    self.qualify(&found.message, in: scope)
    for index in found.fields.indices { self.qualify(&found.fields[index].type, in: scope) }
  }

  private func qualify(_ type: inout String, in scope: String) {
    guard !ProtobufFile.scalars.contains(type) else { return }
    if let found = self.types.find(type, from: scope) {
      type = ".\(found.full)"
    } else if Self.knownPackages.contains(where: { type.hasPrefix($0) }) {
      type = ".\(type)"
    }
  }

  /// The file as a `FileDescriptorProto` in base64. Options that descriptors have no fields for are
  /// not in it.
  public var serialized: String {
    Base64.encode(ProtobufDescriptorWriter.bytes(of: self.file, self.types))
  }
}
