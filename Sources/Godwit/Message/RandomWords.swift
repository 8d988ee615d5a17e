/// Random words, as unpredictable as the system's, without asking the system for each: ChaCha with
/// eight rounds, as in Go's runtime, under a key from the system's generator. With every supply the
/// key is replaced by words that nobody else gets, so that what was given out cannot be computed
/// again.
struct RandomWords {
  /// What one key makes: 1 KiB.
  private static let blocks: UInt32 = 16
  /// After how many supplies the system is asked again.
  private static let suppliesMax = 256

  private var words: [UInt64] = []
  private var next = 0
  private var suppliesLeft = 0

  /// The next word.
  mutating func word() -> UInt64 {
    if self.next == self.words.count { self.fill() }
    defer { self.next += 1 }
    return self.words[self.next]
  }

  private mutating func fill() {
    var key: SIMD8<UInt32>
    if self.suppliesLeft == 0 {
      var system = SystemRandomNumberGenerator()
      key = .zero
      for place in key.indices { key[place] = system.next() }
      self.suppliesLeft = Self.suppliesMax
    } else {
      key = .zero
      for place in 0..<4 {
        key[2 * place] = UInt32(truncatingIfNeeded: self.words[place])
        key[2 * place + 1] = UInt32(truncatingIfNeeded: self.words[place] >> 32)
      }
    }
    self.suppliesLeft -= 1
    self.words.removeAll(keepingCapacity: true)
    for counter in 0..<Self.blocks {
      let block = Self.block(key: key, counter: counter, nonce: .zero, rounds: 8)
      for pair in stride(from: 0, to: 16, by: 2) {
        self.words.append(UInt64(block[pair]) | UInt64(block[pair + 1]) << 32)
      }
    }
    // The first four are the next key.
    self.next = 4
  }

  /// One block of the key stream (RFC 8439, 2.3).
  static func block(
    key: SIMD8<UInt32>, counter: UInt32, nonce: SIMD3<UInt32>, rounds: Int
  ) -> SIMD16<UInt32> {
    // "expand 32-byte k"
    var (s0, s1): (UInt32, UInt32) = (0x6170_7865, 0x3320_646e)
    var (s2, s3): (UInt32, UInt32) = (0x7962_2d32, 0x6b20_6574)
    var (s4, s5, s6, s7) = (key[0], key[1], key[2], key[3])
    var (s8, s9, s10, s11) = (key[4], key[5], key[6], key[7])
    var (s12, s13, s14, s15) = (counter, nonce.x, nonce.y, nonce.z)
    let first = SIMD16(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15)
    for _ in 0..<(rounds / 2) {
      self.quarterRound(&s0, &s4, &s8, &s12)
      self.quarterRound(&s1, &s5, &s9, &s13)
      self.quarterRound(&s2, &s6, &s10, &s14)
      self.quarterRound(&s3, &s7, &s11, &s15)
      self.quarterRound(&s0, &s5, &s10, &s15)
      self.quarterRound(&s1, &s6, &s11, &s12)
      self.quarterRound(&s2, &s7, &s8, &s13)
      self.quarterRound(&s3, &s4, &s9, &s14)
    }
    return first
      &+ SIMD16(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15)
  }

  @inline(__always)
  private static func quarterRound(
    _ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32, _ d: inout UInt32
  ) {
    a &+= b
    d = self.rotated(d ^ a, 16)
    c &+= d
    b = self.rotated(b ^ c, 12)
    a &+= b
    d = self.rotated(d ^ a, 8)
    c &+= d
    b = self.rotated(b ^ c, 7)
  }

  @inline(__always)
  private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 {
    (word &<< bits) | (word &>> (32 &- bits))
  }
}
