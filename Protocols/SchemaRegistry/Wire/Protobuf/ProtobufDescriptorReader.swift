/// Reads a `FileDescriptorProto` (google/protobuf/descriptor.proto), as clients send schemas that
/// they have compiled.
struct ProtobufDescriptorReader {
  typealias File = ProtobufFile

  private let limits: SchemaLimits
  private var isProto3 = false
  private var depth = 0

  /// Reads a file.
  ///
  /// - Throws: `SchemaError` for what is none, or has options that text cannot say here.
  static func file(_ bytes: [UInt8], limits: SchemaLimits) throws(SchemaError) -> File {
    var reader = Self(limits: limits)
    let file = try reader.file(ProtobufReader(bytes[...]))
    try ProtobufCheck(file).check()
    return file
  }

  private init(limits: SchemaLimits) {
    self.limits = limits
  }

  private static func name(_ value: ProtobufReader.Value) throws(SchemaError) -> String {
    let name = try value.text()
    let isName =
      name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
      && name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
      }
    guard isName else { throw .invalid("a descriptor with a name that is none") }
    return name
  }

  private static func options(
    _ value: ProtobufReader.Value, _ known: ProtobufOptions.Known
  ) throws(SchemaError) -> [File.Option] {
    guard let options = try ProtobufOptions.read(try value.message(), known) else {
      throw .invalid("a descriptor with options of its own; send the schema as text")
    }
    return options
  }

  private mutating func file(_ message: ProtobufReader) throws(SchemaError) -> File {
    // What is in it depends on its syntax, which comes last.
    var first = message
    while let (number, value) = try first.next() {
      guard number == 12 else { continue }
      let syntax = try value.text()
      guard ["proto2", "proto3", ""].contains(syntax) else {
        throw .invalid("the syntax \(syntax.prefix(64)) is not supported by this registry")
      }
      self.isProto3 = syntax == "proto3"
    }
    var file = File()
    file.isProto3 = self.isProto3
    var reader = message
    var publicImports: [Int] = []
    var weakImports: [Int] = []
    while let (number, value) = try reader.next() {
      switch number {
      case 2: file.package = try Self.name(value)
      case 3:
        let path = try value.text()
        guard !path.contains("\""), !path.contains("\\"), !path.contains("\n") else {
          throw .invalid("a descriptor with an odd import")
        }
        file.imports.append(File.Import(path: path))
      case 4: file.messages.append(try self.message(try value.message()).message)
      case 5: file.enums.append(try self.enumeration(try value.message()))
      case 6: file.services.append(try self.service(try value.message()))
      case 7: file.extensions.append(try self.extensionField(try value.message()))
      case 8: file.options = try Self.options(value, ProtobufOptions.ofFiles)
      case 10: publicImports.append(try value.int())
      case 11: weakImports.append(try value.int())
      default: break
      }
    }
    for index in publicImports where file.imports.indices.contains(index) {
      file.imports[index].modifier = "public"
    }
    for index in weakImports where file.imports.indices.contains(index) {
      file.imports[index].modifier = "weak"
    }
    return file
  }

  /// A message, and its fields when it stands for the entries of a map.
  private mutating func message(
    _ bytes: ProtobufReader
  ) throws(SchemaError) -> (message: File.Message, isEntry: Bool) {
    self.depth += 1
    defer { self.depth -= 1 }
    guard self.depth <= self.limits.depthMax else {
      throw SchemaError(.tooLarge, "nested too deep")
    }
    var message = File.Message(name: "")
    var isEntry = false
    var entries: [String: File.Message] = [:]
    var synthetic: Set<Int> = []
    var reader = bytes
    while let (number, value) = try reader.next() {
      switch number {
      case 1: message.name = try Self.name(value)
      case 2:
        let (field, isOptional) = try self.field(try value.message())
        if isOptional, let oneof = field.oneof { synthetic.insert(oneof) }
        message.fields.append(field)
      case 3:
        let (inner, isMapEntry) = try self.message(try value.message())
        if isMapEntry { entries[inner.name] = inner } else { message.messages.append(inner) }
      case 4: message.enums.append(try self.enumeration(try value.message()))
      case 5:
        let span = try Self.span(try value.message())
        message.extensionSpans.append(File.Span(first: span.first, last: span.last - 1))
      case 6: message.extensions.append(try self.extensionField(try value.message()))
      case 7:
        if let flag = try Self.mapEntryFlag(try value.message()) {
          isEntry = flag
        } else {
          message.options = try Self.options(value, ProtobufOptions.ofMessages)
        }
      case 8: message.oneofs.append(try Self.oneof(try value.message()))
      case 9:
        let span = try Self.span(try value.message())
        message.reserved.spans.append(File.Span(first: span.first, last: span.last - 1))
      case 10: message.reserved.names.append(try Self.name(value))
      default: break
      }
    }
    Self.join(entries, to: &message)
    Self.remove(synthetic, from: &message)
    guard message.fields.allSatisfy({ $0.oneof.map(message.oneofs.indices.contains) ?? true }),
      !message.name.isEmpty
    else { throw .invalid("a descriptor with an incomplete message") }
    return (message, isEntry)
  }

  /// `map_entry`, which no text says; `nil` when these are other options.
  private static func mapEntryFlag(_ options: ProtobufReader) throws(SchemaError) -> Bool? {
    var reader = options
    guard let (number, value) = try reader.next(), number == 7 else { return nil }
    return try value.int() != 0
  }

  /// Fields of entries are maps.
  private static func join(
    _ entries: [String: File.Message], to message: inout File.Message
  ) {
    for index in message.fields.indices where message.fields[index].label == .repeated {
      let type = message.fields[index].type
      let short = type.lastIndex(of: ".").map { String(type[type.index(after: $0)...]) } ?? type
      guard let entry = entries[short], let key = entry.fields.first(where: { $0.number == 1 }),
        let value = entry.fields.first(where: { $0.number == 2 })
      else { continue }
      message.fields[index].label = nil
      message.fields[index].keyType = key.type
      message.fields[index].type = value.type
    }
  }

  /// What stands for `optional` in proto3 is no `oneof` that anybody wrote.
  private static func remove(_ synthetic: Set<Int>, from message: inout File.Message) {
    guard !synthetic.isEmpty else { return }
    var places: [Int: Int] = [:]
    var kept: [File.Oneof] = []
    for (index, oneof) in message.oneofs.enumerated() where !synthetic.contains(index) {
      places[index] = kept.count
      kept.append(oneof)
    }
    message.oneofs = kept
    for index in message.fields.indices {
      message.fields[index].oneof = message.fields[index].oneof.flatMap { places[$0] }
    }
  }

  private static let types = [
    "", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
    "group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64",
  ]

  private mutating func field(
    _ bytes: ProtobufReader
  ) throws(SchemaError) -> (field: File.Field, isOptional: Bool) {
    var field = File.Field(type: "", name: "", number: 0)
    var isOptional = false
    var reader = bytes
    var typeName = ""
    while let (number, value) = try reader.next() {
      switch number {
      case 1: field.name = try Self.name(value)
      case 3: field.number = try value.int()
      case 4:
        let label = try value.int()
        field.label = label == 1 ? .optional : label == 2 ? .required : .repeated
      case 5:
        let type = try value.int()
        guard Self.types.indices.contains(type), type != 10 else {
          throw .invalid("a descriptor with a type that this registry does not know")
        }
        field.type = Self.types[type]
      case 6: typeName = try Self.name(value)
      case 7:
        let text = try value.text()
        field.options.append(.init(name: "default", value: Self.defaultText(text, field.type)))
      case 8: field.options += try Self.options(value, ProtobufOptions.ofFields)
      case 9: field.oneof = try value.int()
      case 10:
        let name = try value.text()
        if name != Self.jsonName(field.name) {
          field.options.append(.init(name: "json_name", value: ProtobufOptions.quoted(name)))
        }
      case 17: isOptional = try value.int() != 0
      default: break
      }
    }
    if !typeName.isEmpty { field.type = typeName }
    if field.oneof != nil, !isOptional || field.label != .optional { field.label = nil }
    if self.isProto3, !isOptional, field.label == .optional { field.label = nil }
    guard !field.name.isEmpty, !field.type.isEmpty else {
      throw .invalid("a descriptor with an incomplete field")
    }
    return (field, isOptional)
  }

  private static func defaultText(_ text: String, _ type: String) -> String {
    type == "string" || type == "bytes" ? ProtobufOptions.quoted(text) : text
  }

  /// The name that a field has in JSON where nothing else is said.
  static func jsonName(_ name: String) -> String {
    var result = ""
    var isNext = false
    for character in name {
      if character == "_" {
        isNext = true
      } else {
        result += isNext ? character.uppercased() : String(character)
        isNext = false
      }
    }
    return result
  }

  private mutating func extensionField(
    _ bytes: ProtobufReader
  ) throws(SchemaError) -> File.Extension {
    var reader = bytes
    var target = ""
    while let (number, value) = try reader.next() {
      if number == 2 { target = try Self.name(value) }
    }
    return File.Extension(message: target, fields: [try self.field(bytes).field])
  }

  private static func oneof(_ bytes: ProtobufReader) throws(SchemaError) -> File.Oneof {
    var reader = bytes
    var oneof = File.Oneof(name: "")
    while let (number, value) = try reader.next() {
      if number == 1 { oneof.name = try Self.name(value) }
    }
    return oneof
  }

  private static func span(_ bytes: ProtobufReader) throws(SchemaError) -> File.Span {
    var reader = bytes
    var span = File.Span(first: 0, last: 0)
    while let (number, value) = try reader.next() {
      if number == 1 { span.first = try value.int() }
      if number == 2 { span.last = try value.int() }
    }
    return span
  }

  private mutating func enumeration(
    _ bytes: ProtobufReader
  ) throws(SchemaError) -> File.Enumeration {
    var found = File.Enumeration(name: "")
    var reader = bytes
    while let (number, value) = try reader.next() {
      switch number {
      case 1: found.name = try Self.name(value)
      case 2:
        var constant = File.Constant(name: "", number: 0)
        var inner = try value.message()
        while let (number, value) = try inner.next() {
          switch number {
          case 1: constant.name = try Self.name(value)
          case 2: constant.number = try value.int()
          case 3: constant.options = try Self.options(value, ProtobufOptions.ofConstants)
          default: break
          }
        }
        found.constants.append(constant)
      case 3: found.options = try Self.options(value, ProtobufOptions.ofEnums)
      case 4: found.reserved.spans.append(try Self.span(try value.message()))
      case 5: found.reserved.names.append(try Self.name(value))
      default: break
      }
    }
    return found
  }

  private mutating func service(_ bytes: ProtobufReader) throws(SchemaError) -> File.Service {
    var service = File.Service(name: "")
    var reader = bytes
    while let (number, value) = try reader.next() {
      switch number {
      case 1: service.name = try Self.name(value)
      case 2:
        var method = File.Method(name: "", input: "", output: "")
        var inner = try value.message()
        while let (number, value) = try inner.next() {
          switch number {
          case 1: method.name = try Self.name(value)
          case 2: method.input = try Self.name(value)
          case 3: method.output = try Self.name(value)
          case 4: method.options = try Self.options(value, ProtobufOptions.ofServices)
          case 5: method.streamsInput = try value.int() != 0
          case 6: method.streamsOutput = try value.int() != 0
          default: break
          }
        }
        service.methods.append(method)
      case 3: service.options = try Self.options(value, ProtobufOptions.ofServices)
      default: break
      }
    }
    return service
  }
}
