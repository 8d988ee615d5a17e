/// A prefix code of DEFLATE, by the lengths of its codes (RFC 1951, 3.2.2).
struct PrefixCode {
  private static let fastBits = 9
  /// For each of the next bits: symbol times 16 plus length; 0 for a longer code, or none.
  private var fast: [UInt16]
  /// How many codes there are of each length, and the symbols in their order.
  private var counts = [Int](repeating: 0, count: 16)
  private var symbols: [UInt16]

  /// - Parameter lengths: of each symbol's code, at most 15; 0 for none.
  /// - Throws: `malformed` for too many codes, or too few unless there is but one.
  init(lengths: ArraySlice<UInt8>) throws(CompressionError) {
    for length in lengths { counts[Int(length & 15)] += 1 }
    counts[0] = 0
    var left = 1
    for length in 1...15 {
      left = (left << 1) - counts[length]
      guard left >= 0 else { throw .malformed }
    }
    let total = counts.reduce(0, +)
    guard left == 0 || total <= 1 else { throw .malformed }
    var offsets = [Int](repeating: 0, count: 16)
    var codes = [Int](repeating: 0, count: 16)
    for length in 1..<15 {
      offsets[length + 1] = offsets[length] + counts[length]
      codes[length + 1] = (codes[length] + counts[length]) << 1
    }
    symbols = [UInt16](repeating: 0, count: total)
    fast = [UInt16](repeating: 0, count: 1 << Self.fastBits)
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      symbols[offsets[length]] = UInt16(symbol)
      offsets[length] += 1
      let code = codes[length]
      codes[length] += 1
      guard length <= Self.fastBits else { continue }
      var entry = Self.reversed(code, length)
      while entry < fast.count {
        fast[entry] = UInt16(symbol << 4 | length)
        entry += 1 << length
      }
    }
  }

  /// A code without symbols.
  init() {
    fast = [UInt16](repeating: 0, count: 1 << Self.fastBits)
    symbols = []
  }

  private static func reversed(_ code: Int, _ length: Int) -> Int {
    var result = 0
    for bit in 0..<length where code >> bit & 1 == 1 { result |= 1 << (length - 1 - bit) }
    return result
  }

  /// The next symbol.
  @inline(__always)
  func symbol(_ bits: inout BitReader) throws(CompressionError) -> Int {
    let entry = Int(fast[bits.peek(Self.fastBits)])
    if entry != 0 {
      try bits.skip(entry & 15)
      return entry >> 4
    }
    return try slowSymbol(&bits)
  }

  private func slowSymbol(_ bits: inout BitReader) throws(CompressionError) -> Int {
    let next = bits.peek(15)
    var code = 0
    var first = 0
    var index = 0
    for length in 1...15 {
      code |= next >> (length - 1) & 1
      let count = counts[length]
      if code - first < count {
        try bits.skip(length)
        return Int(symbols[index + code - first])
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw .malformed
  }
}
