/// The options that descriptors have fields for, by their names. Others are kept in text only.
enum ProtobufOptions {
  /// What a value is.
  enum Kind {
    case flag
    case text
    case word([String])
  }

  typealias Known = [(number: Int, name: String, kind: Kind)]

  static let ofFiles: Known = [
    (1, "java_package", .text), (8, "java_outer_classname", .text),
    (10, "java_multiple_files", .flag), (20, "java_generate_equals_and_hash", .flag),
    (27, "java_string_check_utf8", .flag),
    (9, "optimize_for", .word(["", "SPEED", "CODE_SIZE", "LITE_RUNTIME"])),
    (11, "go_package", .text), (16, "cc_generic_services", .flag),
    (17, "java_generic_services", .flag), (18, "py_generic_services", .flag),
    (23, "deprecated", .flag), (31, "cc_enable_arenas", .flag), (36, "objc_class_prefix", .text),
    (37, "csharp_namespace", .text), (39, "swift_prefix", .text), (40, "php_class_prefix", .text),
    (41, "php_namespace", .text), (44, "php_metadata_namespace", .text),
    (45, "ruby_package", .text),
  ]
  static let ofMessages: Known = [
    (1, "message_set_wire_format", .flag), (2, "no_standard_descriptor_accessor", .flag),
    (3, "deprecated", .flag),
  ]
  static let ofFields: Known = [
    (1, "ctype", .word(["STRING", "CORD", "STRING_PIECE"])), (2, "packed", .flag),
    (3, "deprecated", .flag), (5, "lazy", .flag),
    (6, "jstype", .word(["JS_NORMAL", "JS_STRING", "JS_NUMBER"])), (10, "weak", .flag),
  ]
  static let ofEnums: Known = [(2, "allow_alias", .flag), (3, "deprecated", .flag)]
  static let ofConstants: Known = [(1, "deprecated", .flag)]
  static let ofServices: Known = [(33, "deprecated", .flag)]

  /// Reads a message of options; `nil` when it has one without a name here.
  static func read(
    _ message: ProtobufReader, _ known: Known
  ) throws(SchemaError) -> [ProtobufFile.Option]? {
    var reader = message
    var options: [ProtobufFile.Option] = []
    while let (number, value) = try reader.next() {
      guard let option = known.first(where: { $0.number == number }) else { return nil }
      switch option.kind {
      case .flag:
        options.append(.init(name: option.name, value: try value.int() == 0 ? "false" : "true"))
      case .text:
        options.append(.init(name: option.name, value: Self.quoted(try value.text())))
      case .word(let words):
        let index = try value.int()
        guard words.indices.contains(index) else { return nil }
        options.append(.init(name: option.name, value: words[index]))
      }
    }
    return options
  }

  /// The message of options that descriptors have; `nil` for none.
  static func bytes(_ options: [ProtobufFile.Option], _ known: Known) -> [UInt8]? {
    var writer = ProtobufWriter()
    for option in options {
      guard let found = known.first(where: { $0.name == option.name }) else { continue }
      switch found.kind {
      case .flag: writer.write(found.number, option.value == "true" ? 1 : 0)
      case .text: writer.write(found.number, Self.unquoted(option.value))
      case .word(let words):
        if let index = words.firstIndex(of: option.value) { writer.write(found.number, index) }
      }
    }
    return writer.bytes.isEmpty ? nil : writer.bytes
  }

  /// A text as `.proto` files write it.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// What a text means; escapes by number are left as they are.
  static func unquoted(_ text: String) -> String {
    guard let quote = text.first, quote == "\"" || quote == "'" else { return text }
    var result = ""
    var isEscaped = false
    for character in text.dropFirst().dropLast() {
      if isEscaped {
        switch character {
        case "n": result += "\n"
        case "r": result += "\r"
        case "t": result += "\t"
        case "\\", "\"", "'": result.append(character)
        default: result += "\\" + String(character)
        }
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}
