public import NIOCore

/// Writes MessagePack, each value in its shortest form; numbers with a fraction keep their
/// precision.
///
/// That arrays and maps get as many values as their heads say is the caller's part.
public struct MessagePackWriter: Sendable {
  /// What was written so far.
  public private(set) var buffer: ByteBuffer
  private let bytesMax: Int

  /// A writer that refuses to write more than that many bytes.
  ///
  /// - Parameter capacity: bytes that there is room for from the start. Default 0.
  public init(bytesMax: Int = MessagePackLimits.defaults.bytesMax, capacity: Int = 0) {
    self.buffer = ByteBuffer()
    if capacity > 0 { self.buffer.reserveCapacity(capacity) }
    self.bytesMax = min(bytesMax, Int(Int32.max))
  }

  private func checkRoom(_ count: Int) throws(MessagePackError) {
    guard count <= self.bytesMax - self.buffer.readableBytes else {
      throw MessagePackError(.limitExceeded, at: self.buffer.readableBytes)
    }
  }

  /// A first byte, and a number behind it.
  private mutating func write(
    _ first: UInt8, _ number: some FixedWidthInteger
  ) throws(MessagePackError) {
    try self.checkRoom(1 + number.bitWidth / 8)
    self.buffer.writeInteger(first)
    self.buffer.writeInteger(number)
  }

  private mutating func write(_ byte: UInt8) throws(MessagePackError) {
    try self.checkRoom(1)
    self.buffer.writeInteger(byte)
  }

  /// Writes nil.
  public mutating func `nil`() throws(MessagePackError) {
    try self.write(0xC0)
  }

  /// Writes a truth value.
  public mutating func bool(_ flag: Bool) throws(MessagePackError) {
    try self.write(flag ? 0xC3 : 0xC2)
  }

  /// Writes a whole number.
  public mutating func integer(_ number: Int64) throws(MessagePackError) {
    if let number = UInt64(exactly: number) { return try self.unsigned(number) }
    if number >= -32 { return try self.write(UInt8(bitPattern: Int8(number))) }
    if let number = Int8(exactly: number) { return try self.write(0xD0, number) }
    if let number = Int16(exactly: number) { return try self.write(0xD1, number) }
    if let number = Int32(exactly: number) { return try self.write(0xD2, number) }
    try self.write(0xD3, number)
  }

  /// Writes a whole number that is not negative.
  public mutating func unsigned(_ number: UInt64) throws(MessagePackError) {
    guard let byte = UInt8(exactly: number) else {
      if let number = UInt16(exactly: number) { return try self.write(0xCD, number) }
      if let number = UInt32(exactly: number) { return try self.write(0xCE, number) }
      return try self.write(0xCF, number)
    }
    if byte <= 0x7F { try self.write(byte) } else { try self.write(0xCC, byte) }
  }

  /// Writes a number of single precision.
  public mutating func float(_ number: Float) throws(MessagePackError) {
    try self.write(0xCA, number.bitPattern)
  }

  /// Writes a number of double precision.
  public mutating func double(_ number: Double) throws(MessagePackError) {
    try self.write(0xCB, number.bitPattern)
  }

  /// Writes text.
  public mutating func string(_ text: String) throws(MessagePackError) {
    let count = text.utf8.count
    try self.checkRoom(count)
    if count <= 0x1F {
      try self.write(0xA0 | UInt8(count))
    } else {
      try self.size(count, 0xD9, 0xDA, 0xDB)
    }
    try self.checkRoom(count)
    self.buffer.writeString(text)
  }

  /// Writes bytes.
  public mutating func binary(_ bytes: ByteBuffer) throws(MessagePackError) {
    try self.size(bytes.readableBytes, 0xC4, 0xC5, 0xC6)
    try self.checkRoom(bytes.readableBytes)
    self.buffer.writeImmutableBuffer(bytes)
  }

  /// Writes the head of an array of that many values.
  public mutating func array(count: Int) throws(MessagePackError) {
    try self.checkRoom(count)
    if count <= 0x0F { return try self.write(0x90 | UInt8(count)) }
    try self.size(count, nil, 0xDC, 0xDD)
  }

  /// Writes the head of a map of that many pairs.
  public mutating func map(count: Int) throws(MessagePackError) {
    try self.checkRoom(count)
    if count <= 0x0F { return try self.write(0x80 | UInt8(count)) }
    try self.size(count, nil, 0xDE, 0xDF)
  }

  /// Writes a value of an extension type.
  public mutating func ext(type: Int8, data: ByteBuffer) throws(MessagePackError) {
    let count = data.readableBytes
    switch count {
    case 1, 2, 4, 8, 16: try self.write(0xD4 + UInt8(count.trailingZeroBitCount))
    default: try self.size(count, 0xC7, 0xC8, 0xC9)
    }
    try self.checkRoom(1 + count)
    self.buffer.writeInteger(type)
    self.buffer.writeImmutableBuffer(data)
  }

  /// Writes a moment.
  public mutating func timestamp(_ timestamp: MessagePackTimestamp) throws(MessagePackError) {
    try self.ext(type: MessagePackTimestamp.extensionType, data: timestamp.data)
  }

  /// A first byte that says how large the size behind it is, and the size.
  private mutating func size(
    _ count: Int, _ byte: UInt8?, _ two: UInt8, _ four: UInt8
  ) throws(MessagePackError) {
    if let byte, let count = UInt8(exactly: count) { return try self.write(byte, count) }
    if let count = UInt16(exactly: count) { return try self.write(two, count) }
    guard let count = UInt32(exactly: count) else {
      throw MessagePackError(.limitExceeded, at: self.buffer.readableBytes)
    }
    try self.write(four, count)
  }
}
