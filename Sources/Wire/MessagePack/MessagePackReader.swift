public import NIOCore

/// Walks over a MessagePack document, value by value. It copies no bytes, and allocates for no
/// size: sizes are held against the bytes that are there.
///
/// After an error the place is undefined.
public struct MessagePackReader: Sendable {
  private var buffer: ByteBuffer
  private let start: Int

  /// A reader at the beginning of the bytes.
  public init(_ buffer: ByteBuffer) {
    self.buffer = buffer
    self.start = buffer.readerIndex
  }

  /// How many bytes lie behind.
  public var offset: Int { self.buffer.readerIndex - self.start }

  /// Whether all bytes lie behind.
  public var isAtEnd: Bool { self.buffer.readableBytes == 0 }

  /// Whether the next value is nil.
  public var isAtNil: Bool {
    self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt8.self) == 0xC0
  }

  /// The next value; of an array or map only the head, its contents are next.
  ///
  /// - Throws: `truncated`, `reservedByte`.
  public mutating func next() throws(MessagePackError) -> MessagePackToken {
    let at = self.offset
    let first = try self.number(UInt8.self, at)
    switch first {
    case 0x00...0x7F: return .integer(Int64(first))
    case 0x80...0x8F: return try self.map(Int(first & 0x0F), at)
    case 0x90...0x9F: return try self.array(Int(first & 0x0F), at)
    case 0xA0...0xBF: return .string(try self.bytes(Int(first & 0x1F), at))
    case 0xC0: return .nil
    case 0xC1: throw MessagePackError(.reservedByte, at: at)
    case 0xC2: return .bool(false)
    case 0xC3: return .bool(true)
    case 0xE0...0xFF: return .integer(Int64(Int8(bitPattern: first)))
    default: return try self.sized(first, at)
    }
  }

  /// Values whose first byte is followed by a size or by the number itself.
  private mutating func sized(
    _ first: UInt8, _ at: Int
  ) throws(MessagePackError) -> MessagePackToken {
    switch first {
    case 0xC4: return .binary(try self.bytes(Int(try self.number(UInt8.self, at)), at))
    case 0xC5: return .binary(try self.bytes(Int(try self.number(UInt16.self, at)), at))
    case 0xC6: return .binary(try self.bytes(Int(try self.number(UInt32.self, at)), at))
    case 0xC7: return try self.ext(Int(try self.number(UInt8.self, at)), at)
    case 0xC8: return try self.ext(Int(try self.number(UInt16.self, at)), at)
    case 0xC9: return try self.ext(Int(try self.number(UInt32.self, at)), at)
    case 0xCA: return .float(Float(bitPattern: try self.number(UInt32.self, at)))
    case 0xCB: return .double(Double(bitPattern: try self.number(UInt64.self, at)))
    case 0xCC: return .integer(Int64(try self.number(UInt8.self, at)))
    case 0xCD: return .integer(Int64(try self.number(UInt16.self, at)))
    case 0xCE: return .integer(Int64(try self.number(UInt32.self, at)))
    case 0xCF:
      let number = try self.number(UInt64.self, at)
      return Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
    case 0xD0: return .integer(Int64(try self.number(Int8.self, at)))
    case 0xD1: return .integer(Int64(try self.number(Int16.self, at)))
    case 0xD2: return .integer(Int64(try self.number(Int32.self, at)))
    case 0xD3: return .integer(try self.number(Int64.self, at))
    case 0xD4...0xD8: return try self.ext(1 << Int(first - 0xD4), at)
    case 0xD9: return .string(try self.bytes(Int(try self.number(UInt8.self, at)), at))
    case 0xDA: return .string(try self.bytes(Int(try self.number(UInt16.self, at)), at))
    case 0xDB: return .string(try self.bytes(Int(try self.number(UInt32.self, at)), at))
    case 0xDC: return try self.array(Int(try self.number(UInt16.self, at)), at)
    case 0xDD: return try self.array(Int(try self.number(UInt32.self, at)), at)
    case 0xDE: return try self.map(Int(try self.number(UInt16.self, at)), at)
    case 0xDF: return try self.map(Int(try self.number(UInt32.self, at)), at)
    default: throw MessagePackError(.reservedByte, at: at)
    }
  }

  /// Passes over the next value with all that is in it.
  public mutating func skip() throws(MessagePackError) {
    try self.skip(depthMax: .max, valuesMax: .max)
  }

  /// Passes over the next value with all that is in it, and holds its nesting and the number of
  /// values against limits.
  ///
  /// - Throws: `truncated`, `reservedByte`, `limitExceeded`.
  public mutating func skip(depthMax: Int, valuesMax: Int) throws(MessagePackError) {
    // How many values each open array or map still has; never deeper than the limit, nor than
    // there are bytes.
    var open: [Int] = []
    var values = 0
    while true {
      let at = self.offset
      guard values < valuesMax else { throw MessagePackError(.limitExceeded, at: at) }
      values += 1
      let inside: Int
      switch try self.next() {
      case .array(let count): inside = count
      case .map(let count): inside = count * 2
      default: inside = -1
      }
      if inside >= 0 {
        guard open.count < depthMax else { throw MessagePackError(.limitExceeded, at: at) }
        open.append(inside)
      }
      while let left = open.last, left == 0 { open.removeLast() }
      guard let left = open.popLast() else { return }
      open.append(left - 1)
    }
  }

  /// Checks that the bytes are one whole document within the limits, and nothing else.
  ///
  /// - Throws: `MessagePackError`.
  public static func validate(
    _ buffer: ByteBuffer, limits: MessagePackLimits = .defaults
  ) throws(MessagePackError) {
    guard buffer.readableBytes <= limits.bytesMax else {
      throw MessagePackError(.limitExceeded, at: limits.bytesMax)
    }
    var reader = Self(buffer)
    try reader.skip(depthMax: limits.depthMax, valuesMax: limits.valuesMax)
    guard reader.isAtEnd else { throw MessagePackError(.trailingBytes, at: reader.offset) }
  }

  private mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type, _ at: Int
  ) throws(MessagePackError) -> Number {
    guard let number = self.buffer.readInteger(as: type) else {
      throw MessagePackError(.truncated, at: at)
    }
    return number
  }

  private mutating func bytes(_ count: Int, _ at: Int) throws(MessagePackError) -> ByteBuffer {
    guard let bytes = self.buffer.readSlice(length: count) else {
      throw MessagePackError(.truncated, at: at)
    }
    return bytes
  }

  private mutating func ext(_ count: Int, _ at: Int) throws(MessagePackError) -> MessagePackToken {
    let type = try self.number(Int8.self, at)
    return .ext(type: type, data: try self.bytes(count, at))
  }

  /// A value takes a byte at least, so a larger count is a lie that nobody need allocate for.
  ///
  /// Mutating, since only then is the count, which is an argument, read before what is left behind
  /// it is looked at.
  private mutating func array(_ count: Int, _ at: Int) throws(MessagePackError) -> MessagePackToken
  {
    guard count <= self.buffer.readableBytes else { throw MessagePackError(.truncated, at: at) }
    return .array(count: count)
  }

  /// A key and a value take two bytes at least.
  private mutating func map(_ count: Int, _ at: Int) throws(MessagePackError) -> MessagePackToken {
    guard count <= self.buffer.readableBytes / 2 else {
      throw MessagePackError(.truncated, at: at)
    }
    return .map(count: count)
  }
}
