/// The text of a file, in one form whatever the author's was: declarations in the order of their
/// kinds and, within, of the text; two spaces; no comments.
struct ProtobufText {
  private var lines: [String] = []
  private var level = 0

  /// The text.
  ///
  /// - Parameter isNormalized: whether what the author could have put in any order is in one order.
  static func text(of file: ProtobufFile, isNormalized: Bool = false) -> String {
    var text = Self()
    text.write(isNormalized ? file.ordered : file)
    return text.lines.joined(separator: "\n") + "\n"
  }

  private mutating func line(_ text: String) {
    self.lines.append(String(repeating: "  ", count: self.level) + text)
  }

  private mutating func block(_ head: String, _ body: (inout Self) -> Void) {
    self.line(head + " {")
    self.level += 1
    body(&self)
    self.level -= 1
    self.line("}")
  }

  private mutating func write(_ file: ProtobufFile) {
    self.line("syntax = \"\(file.isProto3 ? "proto3" : "proto2")\";")
    if !file.package.isEmpty { self.line("package \(file.package);") }
    for item in file.imports {
      let modifier = item.modifier.isEmpty ? "" : item.modifier + " "
      self.line("import \(modifier)\"\(item.path)\";")
    }
    self.write(file.options)
    for item in file.messages { self.write(item) }
    for item in file.enums { self.write(item) }
    for item in file.extensions { self.write(item) }
    for service in file.services {
      self.block("service \(service.name)") { text in
        text.write(service.options)
        for method in service.methods { text.write(method) }
      }
    }
  }

  private mutating func write(_ options: [ProtobufFile.Option]) {
    for option in options { self.line("option \(option.name) = \(option.value);") }
  }

  private static func behind(_ options: [ProtobufFile.Option]) -> String {
    guard !options.isEmpty else { return "" }
    return " [\(options.map { "\($0.name) = \($0.value)" }.joined(separator: ", "))]"
  }

  private mutating func write(_ method: ProtobufFile.Method) {
    let input = (method.streamsInput ? "stream " : "") + method.input
    let output = (method.streamsOutput ? "stream " : "") + method.output
    let head = "rpc \(method.name) (\(input)) returns (\(output))"
    guard !method.options.isEmpty else { return self.line(head + ";") }
    self.block(head) { $0.write(method.options) }
  }

  private mutating func write(_ message: ProtobufFile.Message) {
    self.block("message \(message.name)") { text in
      text.write(message.options)
      text.write(message.reserved)
      for field in message.fields where field.oneof == nil { text.write(field) }
      for (index, oneof) in message.oneofs.enumerated() {
        text.block("oneof \(oneof.name)") { inner in
          inner.write(oneof.options)
          for field in message.fields where field.oneof == index { inner.write(field) }
        }
      }
      for span in message.extensionSpans {
        text.line("extensions \(Self.text(span, max: ProtobufFile.numberMax));")
      }
      for item in message.messages { text.write(item) }
      for item in message.enums { text.write(item) }
      for item in message.extensions { text.write(item) }
    }
  }

  private mutating func write(_ field: ProtobufFile.Field) {
    let label = field.label.map { $0.rawValue + " " } ?? ""
    let type = field.keyType.map { "map<\($0), \(field.type)>" } ?? label + field.type
    self.line("\(type) \(field.name) = \(field.number)\(Self.behind(field.options));")
  }

  private mutating func write(_ found: ProtobufFile.Enumeration) {
    self.block("enum \(found.name)") { text in
      text.write(found.options)
      text.write(found.reserved)
      for constant in found.constants {
        text.line("\(constant.name) = \(constant.number)\(Self.behind(constant.options));")
      }
    }
  }

  private mutating func write(_ found: ProtobufFile.Extension) {
    self.block("extend \(found.message)") { text in
      for field in found.fields { text.write(field) }
    }
  }

  private mutating func write(_ reserved: ProtobufFile.Reserved) {
    for span in reserved.spans { self.line("reserved \(Self.text(span, max: .max));") }
    for name in reserved.names { self.line("reserved \"\(name)\";") }
  }

  private static func text(_ span: ProtobufFile.Span, max bound: Int) -> String {
    if span.first == span.last { return "\(span.first)" }
    return span.last == bound ? "\(span.first) to max" : "\(span.first) to \(span.last)"
  }
}

extension ProtobufFile {
  /// With all that has no order of its own in one order.
  var ordered: Self {
    var file = self
    file.imports.sort { ($0.modifier, $0.path) < ($1.modifier, $1.path) }
    file.options.sort { $0.name < $1.name }
    // The first message is what a record without further indications is, so messages stay.
    file.messages = file.messages.map(\.ordered)
    file.enums = file.enums.map(\.ordered)
    return file
  }
}

extension ProtobufFile.Message {
  fileprivate var ordered: Self {
    var message = self
    message.options.sort { $0.name < $1.name }
    message.fields.sort { $0.number < $1.number }
    message.reserved = message.reserved.ordered
    message.messages = message.messages.map(\.ordered)
    message.enums = message.enums.map(\.ordered)
    return message
  }
}

extension ProtobufFile.Enumeration {
  fileprivate var ordered: Self {
    var found = self
    found.options.sort { $0.name < $1.name }
    found.reserved = found.reserved.ordered
    return found
  }
}

extension ProtobufFile.Reserved {
  fileprivate var ordered: Self {
    var reserved = self
    reserved.spans.sort { $0.first < $1.first }
    reserved.names.sort()
    return reserved
  }
}
