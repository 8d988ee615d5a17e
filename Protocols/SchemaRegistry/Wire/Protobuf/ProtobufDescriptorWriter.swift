/// Writes a `FileDescriptorProto` (google/protobuf/descriptor.proto).
struct ProtobufDescriptorWriter {
  typealias File = ProtobufFile

  private let file: File
  private let types: ProtobufTypes

  /// The bytes of a file.
  static func bytes(of file: File, _ types: ProtobufTypes) -> [UInt8] {
    Self(file: file, types: types).bytes
  }

  private var bytes: [UInt8] {
    var writer = ProtobufWriter()
    writer.write(1, "default")
    if !self.file.package.isEmpty { writer.write(2, self.file.package) }
    for item in self.file.imports { writer.write(3, item.path) }
    for item in self.file.messages {
      writer.write(4) { self.write(item, in: self.file.package, to: &$0) }
    }
    for item in self.file.enums { writer.write(5) { Self.write(item, to: &$0) } }
    for item in self.file.services { writer.write(6) { self.write(item, to: &$0) } }
    for item in self.file.extensions {
      for field in item.fields {
        writer.write(7) { self.write(field, of: self.file.package, item.message, to: &$0) }
      }
    }
    if let options = ProtobufOptions.bytes(self.file.options, ProtobufOptions.ofFiles) {
      writer.write(8, options)
    }
    for (index, item) in self.file.imports.enumerated() {
      if item.modifier == "public" { writer.write(10, index) }
      if item.modifier == "weak" { writer.write(11, index) }
    }
    if self.file.isProto3 { writer.write(12, "proto3") }
    return writer.bytes
  }

  private func write(_ message: File.Message, in scope: String, to writer: inout ProtobufWriter) {
    let full = scope.isEmpty ? message.name : "\(scope).\(message.name)"
    writer.write(1, message.name)
    var optionals: [String] = []
    for field in message.fields {
      var field = field
      // In proto3 what may be absent is alone in a `oneof` of its own.
      let isOptional = self.file.isProto3 && field.label == .optional
      if isOptional {
        field.oneof = message.oneofs.count + optionals.count
        optionals.append("_" + field.name)
      }
      writer.write(2) { self.write(field, of: full, nil, isOptional: isOptional, to: &$0) }
    }
    for field in message.fields {
      guard let key = field.keyType else { continue }
      writer.write(3) { inner in
        inner.write(1, Self.entryName(field.name))
        let parts = [
          File.Field(label: .optional, type: key, name: "key", number: 1),
          File.Field(label: .optional, type: field.type, name: "value", number: 2),
        ]
        for part in parts { inner.write(2) { self.write(part, of: full, nil, to: &$0) } }
        inner.write(7) { $0.write(7, 1) }
      }
    }
    for item in message.messages { writer.write(3) { self.write(item, in: full, to: &$0) } }
    for item in message.enums { writer.write(4) { Self.write(item, to: &$0) } }
    for span in message.extensionSpans { Self.write(5, span, isOpen: true, to: &writer) }
    for item in message.extensions {
      for field in item.fields {
        writer.write(6) { self.write(field, of: full, item.message, to: &$0) }
      }
    }
    if let options = ProtobufOptions.bytes(message.options, ProtobufOptions.ofMessages) {
      writer.write(7, options)
    }
    for name in message.oneofs.map(\.name) + optionals { writer.write(8) { $0.write(1, name) } }
    for span in message.reserved.spans { Self.write(9, span, isOpen: true, to: &writer) }
    for name in message.reserved.names { writer.write(10, name) }
  }

  private static func entryName(_ name: String) -> String {
    let camel = ProtobufDescriptorReader.jsonName("_" + name)
    return camel + "Entry"
  }

  private static func write(
    _ number: Int, _ span: File.Span, isOpen: Bool, to writer: inout ProtobufWriter
  ) {
    writer.write(number) {
      $0.write(1, span.first)
      $0.write(2, isOpen ? span.last + 1 : span.last)
    }
  }

  private static let numbers: [String: Int] = [
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed64": 6, "fixed32": 7,
    "bool": 8, "string": 9, "bytes": 12, "uint32": 13, "sfixed32": 15, "sfixed64": 16,
    "sint32": 17, "sint64": 18,
  ]

  private func write(
    _ field: File.Field, of scope: String, _ extended: String?, isOptional: Bool = false,
    to writer: inout ProtobufWriter
  ) {
    writer.write(1, field.name)
    if let extended { writer.write(2, self.name(extended, scope)) }
    writer.write(3, field.number)
    let isMap = field.keyType != nil
    writer.write(4, isMap || field.label == .repeated ? 3 : field.label == .required ? 2 : 1)
    if isMap {
      writer.write(5, 11)
      writer.write(6, ".\(scope).\(Self.entryName(field.name))")
    } else if let number = Self.numbers[field.type] {
      writer.write(5, number)
    } else {
      if let found = self.types.find(field.type, from: scope) {
        writer.write(5, found.message == nil ? 14 : 11)
      }
      writer.write(6, self.name(field.type, scope))
    }
    for option in field.options where option.name == "default" {
      writer.write(7, ProtobufOptions.unquoted(option.value))
    }
    if let options = ProtobufOptions.bytes(field.options, ProtobufOptions.ofFields) {
      writer.write(8, options)
    }
    if let oneof = field.oneof { writer.write(9, oneof) }
    for option in field.options where option.name == "json_name" {
      writer.write(10, ProtobufOptions.unquoted(option.value))
    }
    if isOptional { writer.write(17, 1) }
  }

  /// A type's name in full; as it is written where nobody here knows it.
  private func name(_ name: String, _ scope: String) -> String {
    if let found = self.types.find(name, from: scope) { return ".\(found.full)" }
    let isInFull = name.hasPrefix("google.") || name.hasPrefix("confluent.")
    return isInFull ? ".\(name)" : name
  }

  private static func write(_ found: File.Enumeration, to writer: inout ProtobufWriter) {
    writer.write(1, found.name)
    for constant in found.constants {
      writer.write(2) {
        $0.write(1, constant.name)
        $0.write(2, constant.number)
        let options = ProtobufOptions.bytes(constant.options, ProtobufOptions.ofConstants)
        if let options { $0.write(3, options) }
      }
    }
    if let options = ProtobufOptions.bytes(found.options, ProtobufOptions.ofEnums) {
      writer.write(3, options)
    }
    for span in found.reserved.spans { Self.write(4, span, isOpen: false, to: &writer) }
    for name in found.reserved.names { writer.write(5, name) }
  }

  private func write(_ service: File.Service, to writer: inout ProtobufWriter) {
    writer.write(1, service.name)
    for method in service.methods {
      writer.write(2) {
        $0.write(1, method.name)
        $0.write(2, self.name(method.input, self.file.package))
        $0.write(3, self.name(method.output, self.file.package))
        let options = ProtobufOptions.bytes(method.options, ProtobufOptions.ofServices)
        if let options { $0.write(4, options) }
        if method.streamsInput { $0.write(5, 1) }
        if method.streamsOutput { $0.write(6, 1) }
      }
    }
    if let options = ProtobufOptions.bytes(service.options, ProtobufOptions.ofServices) {
      writer.write(3, options)
    }
  }
}
