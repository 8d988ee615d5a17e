/// Makes damaged variants of byte strings, repeatably from a seed.
///
/// Each variant is one input with one to four random edits: flipped bits, replaced, inserted and
/// removed bytes, repeated or exchanged ranges, cuts, and pieces of other inputs of the corpus.
public struct ByteMutator: Sendable {
  /// The generator, exposed so that a test can draw further choices from the same seed.
  public var random: SplitMix64
  private let corpus: [[UInt8]]
  private let bytesMax: Int

  /// Bytes that sit on the borders of most formats.
  private static let interesting: [UInt8] = [
    0x00, 0x01, 0x09, 0x0A, 0x0D, 0x20, 0x22, 0x2B, 0x2D, 0x2E, 0x30, 0x39, 0x7F, 0x80, 0xC0, 0xFF,
  ]

  /// Makes a mutator.
  ///
  /// - Parameters:
  ///   - seed: determines every variant.
  ///   - corpus: the inputs to damage; an empty corpus yields random bytes.
  ///   - bytesMax: variants are cut to this many bytes. Default 64 KiB.
  public init(seed: UInt64, corpus: [[UInt8]], bytesMax: Int = 65_536) {
    self.random = SplitMix64(seed: seed)
    self.corpus = corpus
    self.bytesMax = bytesMax
  }

  /// The next variant.
  public mutating func next() -> [UInt8] {
    var bytes = self.corpus.randomElement(using: &self.random) ?? self.noise()
    for _ in 0..<Int.random(in: 1...4, using: &self.random) { self.edit(&bytes) }
    if bytes.count > self.bytesMax { bytes.removeSubrange(self.bytesMax...) }
    return bytes
  }

  private mutating func noise() -> [UInt8] {
    (0..<Int.random(in: 0...16, using: &self.random)).map { _ in self.byte() }
  }

  private mutating func byte() -> UInt8 {
    if Bool.random(using: &self.random) { return UInt8.random(in: 0...255, using: &self.random) }
    return Self.interesting.randomElement(using: &self.random) ?? 0
  }

  /// A range within `count` of at most 32 elements.
  private mutating func range(_ count: Int) -> Range<Int> {
    let start = Int.random(in: 0...count, using: &self.random)
    let size = Int.random(in: 0...min(32, count - start), using: &self.random)
    return start..<start + size
  }

  private mutating func edit(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = self.noise()
      return
    }
    let index = Int.random(in: 0..<bytes.count, using: &self.random)
    switch Int.random(in: 0..<9, using: &self.random) {
    case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self.random)
    case 1: bytes[index] = self.byte()
    case 2: bytes.insert(self.byte(), at: index)
    case 3: bytes.remove(at: index)
    case 4: bytes.removeSubrange(self.range(bytes.count))
    case 5: bytes.insert(contentsOf: Array(bytes[self.range(bytes.count)]), at: index)
    case 6: bytes.removeSubrange(index...)
    case 7: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &self.random))
    default:
      let other = self.corpus.randomElement(using: &self.random) ?? self.noise()
      bytes.insert(contentsOf: Array(other[self.range(other.count)]), at: index)
    }
  }
}
