/// A decoding table of finite state entropy (RFC 8878, 4.1.1).
struct FiniteStateTable {
  struct Entry {
    var symbol: UInt8 = 0
    /// How many bits lead to the next state.
    var bits: UInt8 = 0
    /// What is added to them.
    var baseline: UInt16 = 0
  }

  /// How many bits the first state takes.
  let log: Int
  private let entries: [Entry]

  /// A table of one symbol, which takes no bits.
  init(only symbol: UInt8) {
    log = 0
    entries = [Entry(symbol: symbol)]
  }

  /// - Parameters:
  ///   - frequencies: by symbol; -1 for less than one. Their sum is `1 << log`.
  ///   - log: at most 9.
  /// - Throws: `malformed`.
  init(frequencies: [Int], log: Int) throws(CompressionError) {
    let size = 1 << log
    guard frequencies.reduce(0, { $0 + abs($1) }) == size else { throw .malformed }
    var entries = [Entry](repeating: Entry(), count: size)
    var next = [Int](repeating: 0, count: frequencies.count)
    var high = size
    for (symbol, frequency) in frequencies.enumerated() where frequency < 0 {
      high -= 1
      entries[high].symbol = UInt8(truncatingIfNeeded: symbol)
      next[symbol] = 1
    }
    // The step has no divisor in common with the size, so each place comes once.
    let step = (size >> 1) + (size >> 3) + 3
    var place = 0
    for (symbol, frequency) in frequencies.enumerated() where frequency > 0 {
      next[symbol] = frequency
      for _ in 0..<frequency {
        entries[place].symbol = UInt8(truncatingIfNeeded: symbol)
        repeat { place = (place + step) & (size - 1) } while place >= high
      }
    }
    for index in entries.indices {
      let symbol = Int(entries[index].symbol)
      let state = next[symbol]
      next[symbol] += 1
      let bits = log - (Int.bitWidth - 1 - state.leadingZeroBitCount)
      guard bits >= 0 else { throw .malformed }
      entries[index].bits = UInt8(bits)
      entries[index].baseline = UInt16((state << bits) - size)
    }
    self.log = log
    self.entries = entries
  }

  /// Reads the description of a table.
  ///
  /// - Throws: `malformed`.
  init(
    _ input: inout CompressionInput, logMax: Int, symbolMax: Int
  ) throws(CompressionError) {
    var bits = BitReader(input.bytes, from: input.offset)
    let log = try bits.read(4) + 5
    guard log <= logMax else { throw .malformed }
    var remaining = 1 << log
    var frequencies: [Int] = []
    while remaining > 0 {
      guard frequencies.count <= symbolMax else { throw .malformed }
      let width = Int.bitWidth - (remaining + 1).leadingZeroBitCount
      let lowMask = (1 << (width - 1)) - 1
      let threshold = (1 << width) - 1 - (remaining + 1)
      var value = bits.peek(width)
      if value & lowMask < threshold {
        value &= lowMask
        try bits.skip(width - 1)
      } else {
        if value > lowMask { value -= threshold }
        try bits.skip(width)
      }
      let frequency = value - 1
      remaining -= abs(frequency)
      frequencies.append(frequency)
      guard frequency == 0 else { continue }
      while true {
        let zeros = try bits.read(2)
        frequencies += repeatElement(0, count: zeros)
        guard frequencies.count <= symbolMax + 1 else { throw .malformed }
        if zeros < 3 { break }
      }
    }
    guard remaining == 0, frequencies.count <= symbolMax + 1 else { throw .malformed }
    try bits.alignToByte()
    _ = try input.slice(bits.byteOffset - input.offset)
    try self.init(frequencies: frequencies, log: log)
  }

  /// The entry of a state; states are below `1 << log` by construction.
  @inline(__always)
  subscript(state: Int) -> Entry { entries[state] }
}
