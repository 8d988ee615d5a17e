import NIOCore

/// DEFLATE (RFC 1951).
enum Deflate {
  static let lengthBases: [Int] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  static let lengthBits: [Int] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  static let distanceBases: [Int] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12_289, 16_385, 24_577,
  ]
  static let distanceBits: [Int] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
  ]
  private static let lengthOrder: [Int] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
  ]

  /// Inflates from where the input stands and leaves it behind the last block.
  static func inflate(
    _ input: inout CompressionInput, _ output: inout CompressionOutput
  ) throws(CompressionError) {
    var bits = BitReader(input.bytes, from: input.offset)
    let start = output.count
    var isLast = false
    while !isLast {
      isLast = try bits.read(1) == 1
      switch try bits.read(2) {
      case 0: try stored(&bits, input.bytes, &output)
      case 1:
        try codes(&bits, &output, from: start, PrefixCode.fixedLiterals, PrefixCode.fixedDistances)
      case 2:
        let (literals, distances) = try dynamicCodes(&bits)
        try codes(&bits, &output, from: start, literals, distances)
      default: throw .malformed
      }
    }
    try bits.alignToByte()
    _ = try input.slice(bits.byteOffset - input.offset)
  }

  private static func stored(
    _ bits: inout BitReader, _ bytes: UnsafeRawBufferPointer, _ output: inout CompressionOutput
  ) throws(CompressionError) {
    try bits.alignToByte()
    let count = try bits.read(16)
    guard try bits.read(16) == count ^ 0xFFFF else { throw .malformed }
    let offset = bits.byteOffset
    guard count <= bytes.count - offset else { throw .malformed }
    try output.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
    bits = BitReader(bytes, from: offset + count)
  }

  private static func dynamicCodes(
    _ bits: inout BitReader
  ) throws(CompressionError) -> (PrefixCode, PrefixCode) {
    let literals = try bits.read(5) + 257
    let distances = try bits.read(5) + 1
    let count = try bits.read(4) + 4
    guard literals <= 286, distances <= 30 else { throw .malformed }
    var orders = [UInt8](repeating: 0, count: 19)
    for index in 0..<count { orders[lengthOrder[index]] = UInt8(try bits.read(3)) }
    let code = try PrefixCode(lengths: orders[...])
    var lengths = [UInt8](repeating: 0, count: literals + distances)
    var index = 0
    while index < lengths.count {
      let symbol = try code.symbol(&bits)
      guard symbol >= 16 else {
        lengths[index] = UInt8(symbol)
        index += 1
        continue
      }
      guard symbol != 16 || index > 0 else { throw .malformed }
      let repeated = symbol == 16 ? lengths[index - 1] : 0
      let times =
        symbol == 16
        ? try bits.read(2) + 3 : symbol == 17 ? try bits.read(3) + 3 : try bits.read(7) + 11
      guard times <= lengths.count - index else { throw .malformed }
      for _ in 0..<times {
        lengths[index] = repeated
        index += 1
      }
    }
    guard lengths[256] > 0 else { throw .malformed }
    return (
      try PrefixCode(lengths: lengths[..<literals]), try PrefixCode(lengths: lengths[literals...])
    )
  }

  private static func codes(
    _ bits: inout BitReader, _ output: inout CompressionOutput, from start: Int,
    _ literals: PrefixCode, _ distances: PrefixCode
  ) throws(CompressionError) {
    while true {
      let symbol = try literals.symbol(&bits)
      if symbol < 256 {
        try output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol < 286 else { throw .malformed }
      let length = lengthBases[symbol - 257] + (try bits.read(lengthBits[symbol - 257]))
      let code = try distances.symbol(&bits)
      guard code < 30 else { throw .malformed }
      let distance = distanceBases[code] + (try bits.read(distanceBits[code]))
      guard distance <= 32_768 else { throw .malformed }
      try output.repeatBack(distance, count: length, from: start)
    }
  }
}

extension PrefixCode {
  /// The fixed code of literals and lengths (RFC 1951, 3.2.6).
  fileprivate static let fixedLiterals = fixed(
    [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
      + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8))

  /// The fixed code of distances.
  fileprivate static let fixedDistances = fixed([UInt8](repeating: 5, count: 32))

  private static func fixed(_ lengths: [UInt8]) -> PrefixCode {
    do {
      return try PrefixCode(lengths: lengths[...])
    } catch {
      // Both codes above are complete.
      assertionFailure("a fixed code is not complete")
      return PrefixCode()
    }
  }
}
