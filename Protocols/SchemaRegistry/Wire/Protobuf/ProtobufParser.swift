/// Reads `.proto` files (the language specifications of proto2 and proto3).
struct ProtobufParser {
  typealias File = ProtobufFile

  private let tokens: [ProtobufLexer.Token]
  private let limits: SchemaLimits
  private var place = 0
  private var file = File()
  private var depth = 0

  /// Reads a file.
  static func file(_ text: String, limits: SchemaLimits) throws(SchemaError) -> File {
    var parser = Self(
      tokens: try ProtobufLexer.tokens(of: text, limits: limits), limits: limits)
    try parser.readFile()
    try ProtobufCheck(parser.file).check()
    return parser.file
  }

  private init(tokens: [ProtobufLexer.Token], limits: SchemaLimits) {
    self.tokens = tokens
    self.limits = limits
  }

  // MARK: Pieces

  private var peek: ProtobufLexer.Token? {
    self.place < self.tokens.count ? self.tokens[self.place] : nil
  }

  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    guard self.peek == .mark(UInt8(ascii: mark)) else { return false }
    self.place += 1
    return true
  }

  private mutating func skip(word: String) -> Bool {
    guard self.peek == .word(word) else { return false }
    self.place += 1
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(SchemaError) {
    guard self.skip(mark) else { throw self.unexpected("\(mark)") }
  }

  private func unexpected(_ wanted: String) -> SchemaError {
    let found: String
    switch self.peek {
    case .word(let word): found = String(word.prefix(64))
    case .text(let text): found = String(text.prefix(64))
    case .mark(let byte): found = String(Unicode.Scalar(byte))
    case nil: found = "the end"
    }
    return .invalid("\(wanted) was expected in place of \(found)")
  }

  private mutating func word(_ what: String) throws(SchemaError) -> String {
    guard case .word(let word)? = self.peek else { throw self.unexpected(what) }
    self.place += 1
    return word
  }

  private mutating func name(_ what: String) throws(SchemaError) -> String {
    let name = try self.word(what)
    guard let first = name.utf8.first, !(0x30...0x39).contains(first), !name.contains(".") else {
      throw .invalid("\(name.prefix(64)) is no name of a \(what)")
    }
    return name
  }

  /// A name of a type, which may have dots.
  private mutating func path(_ what: String) throws(SchemaError) -> String {
    let name = try self.word(what)
    let parts = (name.hasPrefix(".") ? name.dropFirst() : name[...])
      .split(separator: ".", omittingEmptySubsequences: false)
    let isName = parts.allSatisfy { part in
      part.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
    }
    guard isName else { throw .invalid("\(name.prefix(64)) is no name of a \(what)") }
    return name
  }

  private mutating func number(_ what: String) throws(SchemaError) -> Int {
    let isNegative = self.skip("-")
    let word = try self.word(what)
    let digits: Substring
    let radix: Int
    if word.lowercased().hasPrefix("0x") {
      (digits, radix) = (word.dropFirst(2), 16)
    } else {
      (digits, radix) = (word[...], word.hasPrefix("0") && word.utf8.count > 1 ? 8 : 10)
    }
    guard let value = Int32((isNegative ? "-" : "") + digits, radix: radix) else {
      throw .invalid("\(word.prefix(64)) is no number for a \(what)")
    }
    return Int(value)
  }

  private mutating func text(_ what: String) throws(SchemaError) -> String {
    guard case .text(let text)? = self.peek else { throw self.unexpected(what) }
    self.place += 1
    return text
  }

  // MARK: The file

  private mutating func readFile() throws(SchemaError) {
    if self.skip(word: "syntax") {
      try self.expect("=")
      let syntax = try self.text("syntax").dropFirst().dropLast()
      guard syntax == "proto2" || syntax == "proto3" else {
        throw .invalid("the syntax \(syntax.prefix(64)) is not known")
      }
      self.file.isProto3 = syntax == "proto3"
      try self.expect(";")
    } else if self.peek == .word("edition") {
      throw .invalid("editions are not supported by this registry")
    }
    while let token = self.peek {
      if self.skip(";") { continue }
      guard case .word(let word) = token else { throw self.unexpected("a declaration") }
      self.place += 1
      switch word {
      case "package":
        self.file.package = try self.path("package")
        try self.expect(";")
      case "import": try self.readImport()
      case "option":
        self.file.options.append(try self.option())
        try self.expect(";")
      case "message": self.file.messages.append(try self.message())
      case "enum": self.file.enums.append(try self.enumeration())
      case "extend":
        self.file.extensions.append(try self.extensions())
      case "service": self.file.services.append(try self.service())
      default: throw .invalid("\(word.prefix(64)) declares nothing")
      }
    }
  }

  private mutating func readImport() throws(SchemaError) {
    var modifier = ""
    for word in ["public", "weak"] where self.skip(word: word) { modifier = word }
    let path = String(try self.text("a file").dropFirst().dropLast())
    self.file.imports.append(File.Import(path: path, modifier: modifier))
    try self.expect(";")
  }

  private mutating func enter() throws(SchemaError) {
    self.depth += 1
    guard self.depth <= self.limits.depthMax else {
      throw SchemaError(.tooLarge, "nested too deep")
    }
  }

  // MARK: Options

  /// `name = value`.
  private mutating func option() throws(SchemaError) -> File.Option {
    var name = ""
    while true {
      if self.skip("(") {
        name += "(\(try self.path("option")))"
        try self.expect(")")
      } else {
        name += try self.word("option")
      }
      if self.skip("=") { break }
      // The dot before what follows is part of its word, or stands for itself.
      guard name.utf8.count < 1_024 else { throw .invalid("the name of an option") }
    }
    return File.Option(name: name, value: try self.value())
  }

  /// A value as it is written, in one form.
  private mutating func value() throws(SchemaError) -> String {
    try self.enter()
    defer { self.depth -= 1 }
    switch self.peek {
    case .text(var text):
      self.place += 1
      while case .text(let more)? = self.peek {
        text += " " + more
        self.place += 1
      }
      return text
    case .word(let word):
      self.place += 1
      return word
    case .mark(UInt8(ascii: "-")):
      self.place += 1
      return "-" + (try self.word("number"))
    case .mark(UInt8(ascii: "+")):
      self.place += 1
      return try self.word("number")
    case .mark(UInt8(ascii: "{")): return try self.aggregate("{", "}")
    default: throw self.unexpected("a value")
    }
  }

  /// A value with parts, as it is written.
  private mutating func aggregate(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar
  ) throws(SchemaError) -> String {
    try self.expect(open)
    var parts: [String] = []
    var level = 1
    while level > 0 {
      guard let token = self.peek else { throw self.unexpected("\(close)") }
      self.place += 1
      switch token {
      case .word(let word): parts.append(word)
      case .text(let text): parts.append(text)
      case .mark(let byte):
        if byte == UInt8(ascii: open) { level += 1 }
        if byte == UInt8(ascii: close) { level -= 1 }
        guard self.depth + level <= self.limits.depthMax else {
          throw SchemaError(.tooLarge, "more than \(self.limits.depthMax) levels")
        }
        if level > 0 { parts.append(String(Unicode.Scalar(byte))) }
      }
    }
    return "\(open) \(parts.joined(separator: " ")) \(close)"
  }

  /// `[name = value, …]` behind a declaration.
  private mutating func options() throws(SchemaError) -> [File.Option] {
    guard self.skip("[") else { return [] }
    var options: [File.Option] = []
    repeat { options.append(try self.option()) } while self.skip(",")
    try self.expect("]")
    return options
  }

  // MARK: Messages

  private mutating func message() throws(SchemaError) -> File.Message {
    var message = File.Message(name: try self.name("message"))
    try self.readBody(of: &message)
    return message
  }

  private mutating func readBody(of message: inout File.Message) throws(SchemaError) {
    try self.enter()
    defer { self.depth -= 1 }
    try self.expect("{")
    while !self.skip("}") {
      if self.skip(";") { continue }
      guard case .word(let word)? = self.peek else { throw self.unexpected("a field") }
      // Every one of these words may be the name of a type, too; then a name follows.
      let start = self.place
      self.place += 1
      switch (word, self.peek) {
      case ("message", .word): message.messages.append(try self.message())
      case ("enum", .word): message.enums.append(try self.enumeration())
      case ("extend", .word):
        message.extensions.append(try self.extensions())
      case ("oneof", .word): try self.readOneof(into: &message)
      case ("option", .word), ("option", .mark(UInt8(ascii: "("))):
        message.options.append(try self.option())
        try self.expect(";")
      case ("reserved", .text), ("reserved", .word), ("reserved", .mark(UInt8(ascii: "-"))):
        try self.readReserved(into: &message.reserved, max: File.numberMax)
      case ("extensions", .word):
        message.extensionSpans += try self.spans(max: File.numberMax)
        _ = try self.options()
        try self.expect(";")
      default:
        self.place = start
        message.fields.append(try self.field())
      }
    }
  }

  private mutating func field(oneof: Int? = nil) throws(SchemaError) -> File.Field {
    var label: File.Label?
    if case .word(let word)? = self.peek, let found = File.Label(rawValue: word), oneof == nil {
      label = found
      self.place += 1
    }
    if label == nil, self.peek == .word("map"), self.place + 1 < self.tokens.count,
      self.tokens[self.place + 1] == .mark(UInt8(ascii: "<"))
    {
      return try self.mapField()
    }
    let type = try self.path("type")
    guard type != "group" else { throw .invalid("groups are not supported by this registry") }
    let name = try self.name("field")
    try self.expect("=")
    let number = try self.number("field")
    let options = try self.options()
    try self.expect(";")
    return File.Field(
      label: label, type: type, name: name, number: number, options: options, oneof: oneof)
  }

  private mutating func mapField() throws(SchemaError) -> File.Field {
    self.place += 1
    try self.expect("<")
    let key = try self.word("type")
    try self.expect(",")
    let type = try self.path("type")
    try self.expect(">")
    let name = try self.name("field")
    try self.expect("=")
    let number = try self.number("field")
    let options = try self.options()
    try self.expect(";")
    return File.Field(
      type: type, keyType: key, name: name, number: number, options: options)
  }

  private mutating func readOneof(into message: inout File.Message) throws(SchemaError) {
    let index = message.oneofs.count
    message.oneofs.append(File.Oneof(name: try self.name("oneof")))
    try self.expect("{")
    while !self.skip("}") {
      if self.skip(";") { continue }
      if self.peek == .word("option") {
        self.place += 1
        message.oneofs[index].options.append(try self.option())
        try self.expect(";")
      } else {
        message.fields.append(try self.field(oneof: index))
      }
    }
  }

  private mutating func spans(max bound: Int) throws(SchemaError) -> [File.Span] {
    var spans: [File.Span] = []
    repeat {
      let first = try self.number("range")
      var last = first
      if self.skip(word: "to") {
        last = self.skip(word: "max") ? bound : try self.number("range")
      }
      guard first <= last else { throw .invalid("a range that ends before it begins") }
      spans.append(File.Span(first: first, last: last))
    } while self.skip(",")
    return spans
  }

  private mutating func readReserved(
    into reserved: inout File.Reserved, max bound: Int
  ) throws(SchemaError) {
    if case .text? = self.peek {
      repeat {
        reserved.names.append(String(try self.text("name").dropFirst().dropLast()))
      } while self.skip(",")
    } else {
      reserved.spans += try self.spans(max: bound)
    }
    try self.expect(";")
  }

  private mutating func extensions() throws(SchemaError) -> File.Extension {
    var found = File.Extension(message: try self.path("message"))
    try self.expect("{")
    while !self.skip("}") {
      if self.skip(";") { continue }
      found.fields.append(try self.field())
    }
    return found
  }

  // MARK: Enums and services

  private mutating func enumeration() throws(SchemaError) -> File.Enumeration {
    var found = File.Enumeration(name: try self.name("enum"))
    try self.expect("{")
    while !self.skip("}") {
      if self.skip(";") { continue }
      let name = try self.name("constant")
      switch (name, self.peek) {
      case (_, .mark(UInt8(ascii: "="))):
        self.place += 1
        let number = try self.number("constant")
        found.constants.append(
          File.Constant(name: name, number: number, options: try self.options()))
        try self.expect(";")
      case ("option", _):
        found.options.append(try self.option())
        try self.expect(";")
      case ("reserved", _): try self.readReserved(into: &found.reserved, max: Int(Int32.max))
      default: throw self.unexpected("=")
      }
    }
    return found
  }

  private mutating func service() throws(SchemaError) -> File.Service {
    var service = File.Service(name: try self.name("service"))
    try self.expect("{")
    while !self.skip("}") {
      if self.skip(";") { continue }
      if self.skip(word: "option") {
        service.options.append(try self.option())
        try self.expect(";")
        continue
      }
      guard self.skip(word: "rpc") else { throw self.unexpected("rpc") }
      service.methods.append(try self.method())
    }
    return service
  }

  private mutating func method() throws(SchemaError) -> File.Method {
    var method = File.Method(name: try self.name("method"), input: "", output: "")
    (method.input, method.streamsInput) = try self.side()
    guard self.skip(word: "returns") else { throw self.unexpected("returns") }
    (method.output, method.streamsOutput) = try self.side()
    guard self.skip("{") else {
      try self.expect(";")
      return method
    }
    while !self.skip("}") {
      if self.skip(";") { continue }
      guard self.skip(word: "option") else { throw self.unexpected("option") }
      method.options.append(try self.option())
      try self.expect(";")
    }
    return method
  }

  /// `(stream Type)`.
  private mutating func side() throws(SchemaError) -> (type: String, isStream: Bool) {
    try self.expect("(")
    var isStream = false
    if self.peek == .word("stream"), self.place + 1 < self.tokens.count,
      case .word = self.tokens[self.place + 1]
    {
      isStream = true
      self.place += 1
    }
    let type = try self.path("message")
    try self.expect(")")
    return (type, isStream)
  }
}
