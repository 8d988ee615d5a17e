/// What the blocks of a Zstandard frame hand on to each other, and how one is decompressed
/// (RFC 8878, 3.1.1.3).
struct ZstandardBlocks {
  static let sizeMax = 128 << 10

  private var huffman: HuffmanTable?
  private var literalLengths: FiniteStateTable?
  private var offsets: FiniteStateTable?
  private var matchLengths: FiniteStateTable?
  private var recent = (1, 4, 8)

  /// Decompresses one block.
  ///
  /// - Parameters:
  ///   - bytes: the block behind its header.
  ///   - output: where the frame's bytes gather.
  ///   - start: where the frame began there.
  mutating func decompress(
    _ bytes: UnsafeRawBufferPointer, _ output: inout CompressionOutput, from start: Int
  ) throws(CompressionError) {
    var input = CompressionInput(bytes)
    let literals = try literals(&input)
    try sequences(&input, literals, &output, from: start)
  }

  // MARK: Literals

  private mutating func literals(
    _ input: inout CompressionInput
  ) throws(CompressionError) -> CompressionOutput {
    let head = try input.byte()
    let form = head >> 2 & 3
    switch head & 3 {
    case 0, 1:
      let size: Int
      switch form {
      case 1: size = head >> 4 | (try input.byte()) << 4
      case 3: size = head >> 4 | Int(try input.integer(UInt16.self)) << 4
      default: size = head >> 3
      }
      var output = try Self.literalOutput(size)
      if head & 3 == 0 {
        try output.append(try input.slice(size))
      } else {
        try output.fill(UInt8(try input.byte()), count: size)
      }
      return output
    default:
      let sizeBits = form < 2 ? 10 : form == 2 ? 14 : 18
      let more = try input.integer(bytes: (sizeBits * 2 + 4 + 7) / 8 - 1)
      let fields = (Int(more) << 8 | head) >> 4
      let mask = (1 << sizeBits) - 1
      return try compressedLiterals(
        &input, isNew: head & 3 == 2, size: fields & mask, compressed: fields >> sizeBits & mask,
        isSingle: form == 0)
    }
  }

  private static func literalOutput(_ size: Int) throws(CompressionError) -> CompressionOutput {
    guard size <= sizeMax else { throw .malformed }
    return CompressionOutput(limit: size, expected: size)
  }

  private mutating func compressedLiterals(
    _ input: inout CompressionInput, isNew: Bool, size: Int, compressed: Int, isSingle: Bool
  ) throws(CompressionError) -> CompressionOutput {
    var output = try Self.literalOutput(size)
    var bytes = CompressionInput(try input.slice(compressed))
    if isNew { huffman = try HuffmanTable(&bytes) }
    guard let huffman else { throw .malformed }
    if isSingle {
      try huffman.decode(try bytes.slice(bytes.left), count: size, into: &output)
      return output
    }
    let sizes = [
      Int(try bytes.integer(UInt16.self)), Int(try bytes.integer(UInt16.self)),
      Int(try bytes.integer(UInt16.self)),
    ]
    let part = (size + 3) / 4
    guard size >= 3 * part else { throw .malformed }
    for size in sizes { try huffman.decode(try bytes.slice(size), count: part, into: &output) }
    try huffman.decode(try bytes.slice(bytes.left), count: size - 3 * part, into: &output)
    return output
  }

  // MARK: Sequences

  private mutating func sequences(
    _ input: inout CompressionInput, _ literals: borrowing CompressionOutput,
    _ output: inout CompressionOutput, from start: Int
  ) throws(CompressionError) {
    var count = try input.byte()
    if count == 255 {
      count = Int(try input.integer(UInt16.self)) + 0x7F00
    } else if count >= 128 {
      count = (count - 128) << 8 | (try input.byte())
    }
    guard count > 0 else {
      guard input.isAtEnd else { throw .malformed }
      return try output.append(literals.bytes)
    }
    let modes = try input.byte()
    guard modes & 3 == 0 else { throw .malformed }
    let literalTable = try table(
      &input, modes >> 6, literalLengths, ZstandardCodes.literalLengths, logMax: 9)
    let offsetTable = try table(&input, modes >> 4 & 3, offsets, ZstandardCodes.offsets, logMax: 8)
    let matchTable = try table(
      &input, modes >> 2 & 3, matchLengths, ZstandardCodes.matchLengths, logMax: 9)
    (literalLengths, offsets, matchLengths) = (literalTable, offsetTable, matchTable)
    var bits = try ReverseBitReader(try input.slice(input.left))
    var literalState = bits.read(literalTable.log)
    var offsetState = bits.read(offsetTable.log)
    var matchState = bits.read(matchTable.log)
    var used = 0
    let before = output.count
    for index in 0..<count {
      let (literal, offset, match) = (
        literalTable[literalState], offsetTable[offsetState], matchTable[matchState]
      )
      guard offset.symbol < 32 else { throw .malformed }
      let offsetValue = (1 << Int(offset.symbol)) + bits.read(Int(offset.symbol))
      let matchLength = ZstandardCodes.matchLengths.value(match.symbol, &bits)
      let literalLength = ZstandardCodes.literalLengths.value(literal.symbol, &bits)
      guard literalLength <= literals.count - used else { throw .malformed }
      try output.append(
        UnsafeRawBufferPointer(rebasing: literals.bytes[used..<used + literalLength]))
      used += literalLength
      let distance = distance(offsetValue, hasLiterals: literalLength > 0)
      try output.repeatBack(distance, count: matchLength, from: start)
      guard output.count - before <= Self.sizeMax, bits.left >= 0 else { throw .malformed }
      guard index < count - 1 else { break }
      literalState = Int(literal.baseline) + bits.read(Int(literal.bits))
      matchState = Int(match.baseline) + bits.read(Int(match.bits))
      offsetState = Int(offset.baseline) + bits.read(Int(offset.bits))
    }
    guard bits.left == 0 else { throw .malformed }
    try output.append(literals.bytes(from: used))
    guard output.count - before <= Self.sizeMax else { throw .malformed }
  }

  private func table(
    _ input: inout CompressionInput, _ mode: Int, _ former: FiniteStateTable?,
    _ codes: ZstandardCodes, logMax: Int
  ) throws(CompressionError) -> FiniteStateTable {
    switch mode {
    case 0: return codes.predefined
    case 1:
      let symbol = try input.byte()
      guard symbol <= codes.symbolMax else { throw .malformed }
      return FiniteStateTable(only: UInt8(symbol))
    case 2: return try FiniteStateTable(&input, logMax: logMax, symbolMax: codes.symbolMax)
    default:
      guard let former else { throw .malformed }
      return former
    }
  }

  /// How far back a sequence repeats, and what is remembered of it (RFC 8878, 3.1.1.5).
  @inline(__always)
  private mutating func distance(_ value: Int, hasLiterals: Bool) -> Int {
    guard value <= 3 else {
      recent = (value - 3, recent.0, recent.1)
      return value - 3
    }
    switch hasLiterals ? value : value + 1 {
    case 1: break
    case 2: recent = (recent.1, recent.0, recent.2)
    case 3: recent = (recent.2, recent.0, recent.1)
    default: recent = (recent.0 - 1, recent.0, recent.1)
    }
    return recent.0
  }
}
