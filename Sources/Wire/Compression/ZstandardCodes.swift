/// One of the three kinds of codes in sequences: what its symbols stand for, and the table that
/// holds when none is given (RFC 8878, 3.1.1.3.2).
struct ZstandardCodes: Sendable {
  let symbolMax: Int
  let predefined: FiniteStateTable
  private let bases: [Int]
  private let widths: [Int]

  /// - Parameters:
  ///   - first: what symbol 0 stands for.
  ///   - widths: how many bits follow each symbol.
  ///   - frequencies: those of the predefined table.
  private init(first: Int, widths: [Int], frequencies: [Int], log: Int, symbolMax: Int) {
    var bases: [Int] = []
    var base = first
    for width in widths {
      bases.append(base)
      base += 1 << width
    }
    self.bases = bases
    self.widths = widths
    self.symbolMax = symbolMax
    do {
      predefined = try FiniteStateTable(frequencies: frequencies, log: log)
    } catch {
      // The frequencies below make up their tables.
      assertionFailure("a predefined table is not complete")
      predefined = FiniteStateTable(only: 0)
    }
  }

  /// What a symbol and the bits behind it stand for.
  @inline(__always)
  func value(_ symbol: UInt8, _ bits: inout ReverseBitReader) -> Int {
    bases[Int(symbol)] &+ bits.read(widths[Int(symbol)])
  }

  static let literalLengths = Self(
    first: 0,
    widths: [Int](repeating: 0, count: 16) + [
      1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
    frequencies: [4, 3] + [Int](repeating: 2, count: 11) + [1, 1, 1]
      + [Int](repeating: 2, count: 9) + [3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
    log: 6, symbolMax: 35)

  static let matchLengths = Self(
    first: 3,
    widths: [Int](repeating: 0, count: 32) + [
      1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
    frequencies: [1, 4, 3] + [Int](repeating: 2, count: 6) + [Int](repeating: 1, count: 37)
      + [Int](repeating: -1, count: 7),
    log: 6, symbolMax: 52)

  static let offsets = Self(
    first: 0, widths: [],
    frequencies: [Int](repeating: 1, count: 6) + [2, 2, 2] + [Int](repeating: 1, count: 15)
      + [Int](repeating: -1, count: 5),
    log: 5, symbolMax: 31)
}
