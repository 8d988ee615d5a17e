/// Cuts the text of a `.proto` file into words, texts and marks.
struct ProtobufLexer {
  /// A piece of the text.
  enum Token: Hashable {
    /// A name, with dots, or a number.
    case word(String)
    /// A text as it is written, quotes included.
    case text(String)
    case mark(UInt8)
  }

  private let bytes: [UInt8]
  private var place = 0

  init(_ text: String) {
    self.bytes = Array(text.utf8)
  }

  /// All of them.
  static func tokens(of text: String, limits: SchemaLimits) throws(SchemaError) -> [Token] {
    var lexer = Self(text)
    var tokens: [Token] = []
    while let token = try lexer.next() {
      // A field has about ten.
      guard tokens.count < limits.nodesMax * 8 else {
        throw SchemaError(.tooLarge, "a schema of too many words")
      }
      tokens.append(token)
    }
    return tokens
  }

  private mutating func next() throws(SchemaError) -> Token? {
    try self.skip()
    guard self.place < self.bytes.count else { return nil }
    let byte = self.bytes[self.place]
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return try self.text(byte) }
    let start = self.place
    while self.place < self.bytes.count, Self.isPartOfWord(self.bytes[self.place]) {
      self.place += 1
    }
    if self.place > start {
      return .word(String(decoding: self.bytes[start..<self.place], as: UTF8.self))
    }
    guard "{}[]()<>=;,:+-/".utf8.contains(byte) else {
      throw .invalid("a byte that has no place in a .proto file, at \(self.place)")
    }
    self.place += 1
    return .mark(byte)
  }

  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
  }

  private func starts(_ text: StaticString, at place: Int) -> Bool {
    guard place + 1 < self.bytes.count else { return false }
    return self.bytes[place] == text.utf8Start[0] && self.bytes[place + 1] == text.utf8Start[1]
  }

  /// White space and comments.
  private mutating func skip() throws(SchemaError) {
    while self.place < self.bytes.count {
      switch self.bytes[self.place] {
      case 0x20, 0x09...0x0D: self.place += 1
      case _ where self.starts("//", at: self.place):
        while self.place < self.bytes.count, self.bytes[self.place] != 0x0A { self.place += 1 }
      case _ where self.starts("/*", at: self.place):
        self.place += 2
        while !self.starts("*/", at: self.place) {
          guard self.place < self.bytes.count else { throw .invalid("a comment without end") }
          self.place += 1
        }
        self.place += 2
      default: return
      }
    }
  }

  private mutating func text(_ quote: UInt8) throws(SchemaError) -> Token {
    let start = self.place
    self.place += 1
    while self.place < self.bytes.count, self.bytes[self.place] != quote {
      if self.bytes[self.place] == 0x0A { break }
      self.place += self.bytes[self.place] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard self.place < self.bytes.count, self.bytes[self.place] == quote else {
      throw .invalid("a text without end")
    }
    self.place += 1
    return .text(String(decoding: self.bytes[start..<self.place], as: UTF8.self))
  }
}
