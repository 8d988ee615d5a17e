/// What a file may not say, though its grammar lets it.
struct ProtobufCheck {
  private let file: ProtobufFile

  init(_ file: ProtobufFile) {
    self.file = file
  }

  func check() throws(SchemaError) {
    var names: Set<String> = []
    for name in self.file.messages.map(\.name) + self.file.enums.map(\.name) {
      guard names.insert(name).inserted else { throw .invalid("\(name) is declared twice") }
    }
    for message in self.file.messages { try self.check(message) }
    for enumeration in self.file.enums { try self.check(enumeration) }
  }

  private func check(_ message: ProtobufFile.Message) throws(SchemaError) {
    var numbers: Set<Int> = []
    var names: Set<String> = []
    for field in message.fields {
      guard (1...ProtobufFile.numberMax).contains(field.number),
        !(19_000...19_999).contains(field.number)
      else { throw .invalid("\(field.number) is no number for \(message.name).\(field.name)") }
      guard numbers.insert(field.number).inserted else {
        throw .invalid("\(message.name) has the number \(field.number) twice")
      }
      guard names.insert(field.name).inserted else {
        throw .invalid("\(message.name) has the field \(field.name) twice")
      }
      try self.check(field, of: message)
    }
    try Self.check(message.reserved, numbers, names, message.name)
    var types: Set<String> = []
    for name in message.messages.map(\.name) + message.enums.map(\.name) {
      guard types.insert(name).inserted else {
        throw .invalid("\(message.name).\(name) is declared twice")
      }
    }
    for message in message.messages { try self.check(message) }
    for enumeration in message.enums { try self.check(enumeration) }
  }

  private func check(
    _ field: ProtobufFile.Field, of message: ProtobufFile.Message
  ) throws(SchemaError) {
    if let key = field.keyType {
      guard ProtobufFile.scalars.contains(key), !["double", "float", "bytes"].contains(key) else {
        throw .invalid("\(key) is no key for the map \(message.name).\(field.name)")
      }
    } else if self.file.isProto3 {
      guard field.label != .required else {
        throw .invalid("\(message.name).\(field.name) is required, in proto3")
      }
    } else if field.label == nil, field.oneof == nil {
      throw .invalid("\(message.name).\(field.name) has no label, in proto2")
    }
  }

  private static func check(
    _ reserved: ProtobufFile.Reserved, _ numbers: Set<Int>, _ names: Set<String>, _ owner: String
  ) throws(SchemaError) {
    if let name = reserved.names.first(where: { names.contains($0) }) {
      throw .invalid("\(owner) has reserved the name \(name)")
    }
    let sorted = numbers.sorted()
    for span in reserved.spans {
      // The first number that is not before the span.
      var low = 0
      var high = sorted.count
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < span.first { low = middle + 1 } else { high = middle }
      }
      if low < sorted.count, sorted[low] <= span.last {
        throw .invalid("\(owner) has reserved the number \(sorted[low])")
      }
    }
  }

  private func check(_ enumeration: ProtobufFile.Enumeration) throws(SchemaError) {
    guard let first = enumeration.constants.first else {
      throw .invalid("\(enumeration.name) has no constants")
    }
    guard !self.file.isProto3 || first.number == 0 else {
      throw .invalid("\(enumeration.name) does not begin with 0, in proto3")
    }
    let isAliased = enumeration.options.contains { $0.name == "allow_alias" && $0.value == "true" }
    var names: Set<String> = []
    var numbers: Set<Int> = []
    for constant in enumeration.constants {
      guard names.insert(constant.name).inserted else {
        throw .invalid("\(enumeration.name) has \(constant.name) twice")
      }
      guard numbers.insert(constant.number).inserted || isAliased else {
        throw .invalid("\(enumeration.name) has the number \(constant.number) twice")
      }
    }
    try Self.check(enumeration.reserved, numbers, names, enumeration.name)
  }
}
