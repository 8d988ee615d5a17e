/// A decoding table of Zstandard's Huffman codes (RFC 8878, 4.2).
struct HuffmanTable {
  private static let bitsMax = 11
  private let bits: Int
  /// For each of the next `bits` bits: symbol times 16 plus the code's length.
  private let entries: [UInt16]

  /// Reads the description of a table.
  ///
  /// - Throws: `malformed`.
  init(_ input: inout CompressionInput) throws(CompressionError) {
    let head = try input.byte()
    var weights: [UInt8] = []
    if head >= 128 {
      let count = head - 127
      var bytes = CompressionInput(try input.slice((count + 1) / 2))
      for index in 0..<(count + 1) / 2 {
        let pair = try bytes.byte()
        weights.append(UInt8(pair >> 4))
        if 2 * index + 1 < count { weights.append(UInt8(pair & 0xF)) }
      }
    } else {
      weights = try Self.compressedWeights(try input.slice(head))
    }
    try self.init(weights: weights)
  }

  /// Two states take turns until the bits are used up.
  private static func compressedWeights(
    _ bytes: UnsafeRawBufferPointer
  ) throws(CompressionError) -> [UInt8] {
    var input = CompressionInput(bytes)
    let table = try FiniteStateTable(&input, logMax: 6, symbolMax: 255)
    var bits = try ReverseBitReader(try input.slice(input.left))
    var first = bits.read(table.log)
    var second = bits.read(table.log)
    guard bits.left >= 0 else { throw .malformed }
    var weights: [UInt8] = []
    while true {
      weights.append(table[first].symbol)
      first = Int(table[first].baseline) + bits.read(Int(table[first].bits))
      if bits.left < 0 {
        weights.append(table[second].symbol)
        break
      }
      weights.append(table[second].symbol)
      second = Int(table[second].baseline) + bits.read(Int(table[second].bits))
      if bits.left < 0 {
        weights.append(table[first].symbol)
        break
      }
      // One more is implied.
      guard weights.count < 255 else { throw .malformed }
    }
    return weights
  }

  /// - Parameter weights: of all symbols but the last, whose weight follows from the others.
  private init(weights: [UInt8]) throws(CompressionError) {
    guard weights.count <= 255, !weights.contains(where: { $0 > Self.bitsMax }) else {
      throw .malformed
    }
    let sum = weights.reduce(0) { $0 + ($1 > 0 ? 1 << (Int($1) - 1) : 0) }
    guard sum > 0 else { throw .malformed }
    let bits = Int.bitWidth - sum.leadingZeroBitCount
    guard bits <= Self.bitsMax else { throw .malformed }
    let rest = (1 << bits) - sum
    guard rest & (rest - 1) == 0 else { throw .malformed }
    let all = weights + [UInt8(rest.trailingZeroBitCount + 1)]
    var entries: [UInt16] = []
    entries.reserveCapacity(1 << bits)
    // Low weights are long codes, and stand first.
    for weight in 1...bits {
      for (symbol, own) in all.enumerated() where Int(own) == weight {
        let entry = UInt16(symbol << 4 | (bits + 1 - weight))
        entries += repeatElement(entry, count: 1 << (weight - 1))
      }
    }
    guard entries.count == 1 << bits else { throw .malformed }
    self.bits = bits
    self.entries = entries
  }

  /// Decodes one stream.
  ///
  /// - Throws: `malformed` unless it has exactly `count` symbols.
  func decode(
    _ bytes: UnsafeRawBufferPointer, count: Int, into output: inout CompressionOutput
  ) throws(CompressionError) {
    var reader = try ReverseBitReader(bytes)
    for _ in 0..<count {
      let entry = entries[reader.peek(bits)]
      try output.append(UInt8(truncatingIfNeeded: entry >> 4))
      reader.skip(Int(entry & 15))
    }
    guard reader.left == 0 else { throw .malformed }
  }
}
