/// A recursive-descent reader over borrowed bytes. Depth is bounded by `JSONLimits.depthMax`,
/// so a peer cannot exhaust the stack.
struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private let limits: JSONLimits
  private var index = 0
  private var depth = 0
  private var values = 0

  init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  mutating func document() throws(JSONError) -> JSONValue {
    guard self.bytes.count <= self.limits.bytesMax else {
      throw JSONError(.limitExceeded, at: self.limits.bytesMax)
    }
    let value = try self.value()
    self.skipSpace()
    guard self.index == self.bytes.count else { throw self.error(.trailingBytes) }
    return value
  }

  private func error(_ code: JSONError.Code) -> JSONError { JSONError(code, at: self.index) }

  private func peek() throws(JSONError) -> UInt8 {
    guard self.index < self.bytes.count else { throw self.error(.truncated) }
    return self.bytes[self.index]
  }

  private mutating func skipSpace() {
    while self.index < self.bytes.count {
      switch self.bytes[self.index] {
      case 0x20, 0x09, 0x0A, 0x0D: self.index += 1
      default: return
      }
    }
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    self.skipSpace()
    guard self.values < self.limits.valuesMax else { throw self.error(.limitExceeded) }
    self.values += 1
    switch try self.peek() {
    case UInt8(ascii: "{"): return try self.object()
    case UInt8(ascii: "["): return try self.array()
    case UInt8(ascii: "\""): return .string(try self.string())
    case UInt8(ascii: "t"): return try self.literal("true", .bool(true))
    case UInt8(ascii: "f"): return try self.literal("false", .bool(false))
    case UInt8(ascii: "n"): return try self.literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.number()
    default: throw self.error(.unexpectedByte)
    }
  }

  private mutating func literal(
    _ text: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for offset in 0..<text.utf8CodeUnitCount {
      guard try self.peek() == text.utf8Start[offset] else { throw self.error(.unexpectedByte) }
      self.index += 1
    }
    return value
  }

  private mutating func enter() throws(JSONError) {
    guard self.depth < self.limits.depthMax else { throw self.error(.limitExceeded) }
    self.depth += 1
    self.index += 1
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try self.enter()
    defer { self.depth -= 1 }
    var elements: [JSONValue] = []
    self.skipSpace()
    if try self.peek() == UInt8(ascii: "]") {
      self.index += 1
      return .array(elements)
    }
    while true {
      elements.append(try self.value())
      if try self.endsAfterElement(UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    try self.enter()
    defer { self.depth -= 1 }
    var members: [JSONValue.Member] = []
    self.skipSpace()
    if try self.peek() == UInt8(ascii: "}") {
      self.index += 1
      return .object(members)
    }
    while true {
      self.skipSpace()
      guard try self.peek() == UInt8(ascii: "\"") else { throw self.error(.unexpectedByte) }
      let name = try self.string()
      self.skipSpace()
      guard try self.peek() == UInt8(ascii: ":") else { throw self.error(.unexpectedByte) }
      self.index += 1
      members.append(.init(name, try self.value()))
      if try self.endsAfterElement(UInt8(ascii: "}")) { return .object(members) }
    }
  }

  /// Takes the comma or the closing byte after an element; true for the latter.
  private mutating func endsAfterElement(_ closing: UInt8) throws(JSONError) -> Bool {
    self.skipSpace()
    let byte = try self.peek()
    guard byte == closing || byte == UInt8(ascii: ",") else { throw self.error(.unexpectedByte) }
    self.index += 1
    return byte == closing
  }
}

extension JSONReader {
  /// The members of an object that is the whole document, their values unread.
  mutating func members() throws(JSONError) -> [JSONMember] {
    guard self.bytes.count <= self.limits.bytesMax else {
      throw JSONError(.limitExceeded, at: self.limits.bytesMax)
    }
    var members: [JSONMember] = []
    self.skipSpace()
    guard try self.peek() == UInt8(ascii: "{") else { throw self.error(.unexpectedByte) }
    self.index += 1
    self.skipSpace()
    var isOver = try self.peek() == UInt8(ascii: "}")
    if isOver { self.index += 1 }
    while !isOver {
      guard members.count < self.limits.valuesMax else { throw self.error(.limitExceeded) }
      self.skipSpace()
      guard try self.peek() == UInt8(ascii: "\"") else { throw self.error(.unexpectedByte) }
      let name = try self.string()
      self.skipSpace()
      guard try self.peek() == UInt8(ascii: ":") else { throw self.error(.unexpectedByte) }
      self.index += 1
      self.skipSpace()
      let start = self.index
      try self.skipValue()
      members.append(JSONMember(name: name, range: start..<self.index))
      isOver = try self.endsAfterElement(UInt8(ascii: "}"))
    }
    self.skipSpace()
    guard self.index == self.bytes.count else { throw self.error(.trailingBytes) }
    return members
  }

  /// Walks to the end of a value: of a string, of all that was opened, or of a bare word.
  private mutating func skipValue() throws(JSONError) {
    var open = 0
    repeat {
      switch try self.peek() {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard open < self.limits.depthMax else { throw self.error(.limitExceeded) }
        open += 1
        self.index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard open > 0 else { throw self.error(.unexpectedByte) }
        open -= 1
        self.index += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
        guard open > 0 else { throw self.error(.unexpectedByte) }
        self.index += 1
      case UInt8(ascii: "\""): try self.skipString()
      default: self.skipWord()
      }
    } while open > 0
  }

  private mutating func skipString() throws(JSONError) {
    self.index += 1
    while true {
      let byte = try self.peek()
      self.index += 1
      if byte == UInt8(ascii: "\"") { return }
      guard byte == UInt8(ascii: "\\") else { continue }
      _ = try self.peek()
      self.index += 1
    }
  }

  private mutating func skipWord() {
    while self.index < self.bytes.count {
      switch self.bytes[self.index] {
      case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "}"), UInt8(ascii: "]"),
        UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""), 0x20, 0x09, 0x0A, 0x0D:
        return
      default: self.index += 1
      }
    }
  }
}

extension JSONReader {
  private mutating func string() throws(JSONError) -> String {
    self.index += 1
    let start = self.index
    while true {
      let byte = try self.peek()
      if byte == UInt8(ascii: "\"") {
        let text = try self.text(
          from: UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.index]))
        self.index += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try self.escapedString(from: start) }
      guard byte >= 0x20 else { throw self.error(.invalidString) }
      self.index += 1
    }
  }

  private func text(from utf8: some Collection<UInt8>) throws(JSONError) -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else {
      throw self.error(.invalidString)
    }
    return text
  }

  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var utf8 = Array(self.bytes[start..<self.index])
    while true {
      let byte = try self.peek()
      self.index += 1
      switch byte {
      case UInt8(ascii: "\""): return try self.text(from: utf8)
      case UInt8(ascii: "\\"): try self.escape(into: &utf8)
      case 0..<0x20: throw self.error(.invalidString)
      default: utf8.append(byte)
      }
    }
  }

  private mutating func escape(into utf8: inout [UInt8]) throws(JSONError) {
    let byte = try self.peek()
    self.index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): utf8.append(byte)
    case UInt8(ascii: "b"): utf8.append(0x08)
    case UInt8(ascii: "f"): utf8.append(0x0C)
    case UInt8(ascii: "n"): utf8.append(0x0A)
    case UInt8(ascii: "r"): utf8.append(0x0D)
    case UInt8(ascii: "t"): utf8.append(0x09)
    case UInt8(ascii: "u"):
      var code = try self.hex4()
      if code & 0xFC00 == 0xD800 {
        guard try self.peek() == UInt8(ascii: "\\") else { throw self.error(.invalidString) }
        self.index += 1
        guard try self.peek() == UInt8(ascii: "u") else { throw self.error(.invalidString) }
        self.index += 1
        let low = try self.hex4()
        guard low & 0xFC00 == 0xDC00 else { throw self.error(.invalidString) }
        code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
      }
      guard let scalar = Unicode.Scalar(code) else { throw self.error(.invalidString) }
      utf8.append(contentsOf: String(scalar).utf8)
    default: throw self.error(.invalidString)
    }
  }

  private mutating func hex4() throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte = try self.peek()
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw self.error(.invalidString)
      }
      code = code << 4 | UInt32(digit)
      self.index += 1
    }
    return code
  }

  private mutating func digits() throws(JSONError) {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(try self.peek()) else {
      throw self.error(.invalidNumber)
    }
    while self.index < self.bytes.count,
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self.bytes[self.index])
    {
      self.index += 1
    }
  }

  private mutating func take(_ first: UInt8, or second: UInt8) -> Bool {
    guard self.index < self.bytes.count else { return false }
    guard self.bytes[self.index] == first || self.bytes[self.index] == second else { return false }
    self.index += 1
    return true
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = self.index
    let minus = UInt8(ascii: "-")
    _ = self.take(minus, or: minus)
    let whole = self.index
    try self.digits()
    if self.bytes[whole] == UInt8(ascii: "0"), self.index > whole + 1 {
      throw self.error(.invalidNumber)
    }
    var isWhole = true
    if self.take(UInt8(ascii: "."), or: UInt8(ascii: ".")) {
      isWhole = false
      try self.digits()
    }
    if self.take(UInt8(ascii: "e"), or: UInt8(ascii: "E")) {
      isWhole = false
      _ = self.take(UInt8(ascii: "+"), or: minus)
      try self.digits()
    }
    let text = String(decoding: self.bytes[start..<self.index], as: UTF8.self)
    if isWhole, let integer = Int64(text) { return .integer(integer) }
    guard let double = Double(text), double.isFinite else { throw self.error(.invalidNumber) }
    return .double(double)
  }
}
