/// Walks over a header block in place: `NATS/1.0[ status[ description]]`, then `Name: value`
/// lines, then an empty line (ADR-4 of the NATS architecture documents).
///
/// Names keep their case and may repeat; blanks around values are cut. Lines may end with CRLF
/// or LF.
public struct NATSHeaderReader {
  /// One header field, pointing into the block.
  public struct Field {
    /// The name as it was written.
    public var name: UnsafeRawBufferPointer
    /// The value without surrounding blanks.
    public var value: UnsafeRawBufferPointer
  }

  /// The three digits behind the version, as a number; `nil` when there are none.
  public let status: Int?
  /// The text behind the status; empty when there is none.
  public let statusDescription: UnsafeRawBufferPointer
  private let block: UnsafeRawBufferPointer
  private var index: Int

  /// Reads the first line of `block`.
  ///
  /// - Throws: `NATSWireError` when it does not begin with `NATS/1.0`.
  public init(_ block: UnsafeRawBufferPointer) throws(NATSWireError) {
    self.block = block
    var index = 0
    guard let line = Self.line(block, &index) else { throw Self.malformed }
    let version: StaticString = "NATS/1.0"
    let count = version.utf8CodeUnitCount
    guard line.count >= count else { throw Self.malformed }
    for offset in 0..<count where line[offset] != version.utf8Start[offset] {
      throw Self.malformed
    }
    self.index = index
    let inline = UnsafeRawBufferPointer(rebasing: line[count...])
    guard inline.isEmpty || Self.isBlank(inline[0]) else { throw Self.malformed }
    let rest = Self.trimmed(inline)
    guard !rest.isEmpty else {
      self.status = nil
      self.statusDescription = rest
      return
    }
    guard rest.count >= 3, rest.count == 3 || Self.isBlank(rest[3]) else { throw Self.malformed }
    var status = 0
    for offset in 0..<3 {
      guard (0x30...0x39).contains(rest[offset]) else { throw Self.malformed }
      status = status * 10 + Int(rest[offset] - 0x30)
    }
    self.status = status
    self.statusDescription = Self.trimmed(UnsafeRawBufferPointer(rebasing: rest[3...]))
  }

  /// The next field; `nil` behind the last one.
  ///
  /// - Throws: `NATSWireError` when a line has no name, or the empty line is missing.
  public mutating func next() throws(NATSWireError) -> Field? {
    guard let line = Self.line(self.block, &self.index) else { throw Self.malformed }
    if line.isEmpty { return nil }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
      throw Self.malformed
    }
    for byte in line[..<colon] where byte <= 0x20 || byte == 0x7F { throw Self.malformed }
    return Field(
      name: UnsafeRawBufferPointer(rebasing: line[..<colon]),
      value: Self.trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])))
  }

  private static var malformed: NATSWireError {
    NATSWireError(.malformedHeaders, "not a NATS/1.0 header block")
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func line(
    _ block: UnsafeRawBufferPointer, _ index: inout Int
  ) -> UnsafeRawBufferPointer? {
    let start = index
    while index < block.count, block[index] != 0x0A { index += 1 }
    guard index < block.count else { return nil }
    var end = index
    if end > start, block[end - 1] == 0x0D { end -= 1 }
    index += 1
    return UnsafeRawBufferPointer(rebasing: block[start..<end])
  }

  private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var start = 0
    var end = text.count
    while start < end, self.isBlank(text[start]) { start += 1 }
    while end > start, self.isBlank(text[end - 1]) { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[start..<end])
  }
}
