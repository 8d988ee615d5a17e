import Testing

@testable import Godwit

@Suite struct RandomWordsTests {
  @Test func blocksAreThoseOfRFC8439() {
    var key = SIMD8<UInt32>.zero
    for place in key.indices {
      let first = UInt32(place) * 4
      key[place] = first | (first + 1) << 8 | (first + 2) << 16 | (first + 3) << 24
    }
    let block = RandomWords.block(
      key: key, counter: 1, nonce: SIMD3(0x0900_0000, 0x4a00_0000, 0), rounds: 20)
    // Section 2.3.2.
    let expected = SIMD16<UInt32>(
      0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3, 0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204,
      0x4e6c_d4c3, 0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9, 0xd19c_12b5, 0xb94e_16de,
      0xe883_d0cb, 0x4e3c_50a2)
    #expect(block == expected)
  }

  @Test func noWordComesTwice() {
    var one = RandomWords()
    var other = RandomWords()
    // Beyond the first key, and beyond the first question to the system.
    let count = 124 * 300
    let words = (0..<count).flatMap { _ in [one.word(), other.word()] }
    #expect(Set(words).count == 2 * count)
    let ones = words.reduce(0) { $0 + $1.nonzeroBitCount }
    #expect(abs(ones - words.count * 32) < words.count / 4)
  }
}
