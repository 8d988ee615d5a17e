/// Fills memory from its start: for what is put together of many small parts on the message path.
/// What does not fit is left out.
public struct RawWriter {
  @usableFromInline let target: UnsafeMutableRawBufferPointer
  /// How many bytes were written.
  @inlinable public var count: Int { self.end }
  @usableFromInline var end = 0

  /// A writer into memory that outlives it.
  @inlinable
  public init(_ target: UnsafeMutableRawBufferPointer) {
    self.target = target
  }

  /// Copies bytes.
  @inlinable
  public mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard let base = self.target.baseAddress, let source = bytes.baseAddress,
      bytes.count <= self.target.count &- self.count
    else { return }
    (base + self.end).copyMemory(from: source, byteCount: bytes.count)
    self.end &+= bytes.count
  }

  /// Copies the bytes of an array.
  @inlinable
  public mutating func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { self.write($0) }
  }

  /// Copies a text known when the program was made.
  @inlinable
  public mutating func write(_ text: StaticString) {
    self.write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Writes one byte.
  @inlinable
  public mutating func write(byte: UInt8) {
    guard self.count < self.target.count else { return }
    self.target[self.end] = byte
    self.end &+= 1
  }

  /// Writes a number in big-endian form.
  @inlinable
  public mutating func write<Number: FixedWidthInteger>(bigEndian number: Number) {
    withUnsafeBytes(of: number.bigEndian) { self.write($0) }
  }

  /// Writes a number, which must not be negative, in decimal digits.
  @inlinable
  public mutating func write(decimal number: Int) {
    guard let base = self.target.baseAddress, number >= 0 else { return }
    let digits = ASCIIScan.digits(number)
    guard digits <= self.target.count &- self.count else { return }
    ASCIIScan.write(number, digits: digits, to: base + self.end)
    self.end &+= digits
  }
}
