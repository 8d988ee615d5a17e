/// A multiple of a checksum's polynomial that has few terms.
///
/// `x^reach` and the sum of its other terms leave the same remainder. So a byte of the input counts
/// as much as if it stood further behind, once for each of the other terms: at each of
/// `distances`. The exponents count bytes, not bits: of a polynomial over two elements the eighth
/// power is the same polynomial with its exponents times eight, and a multiple as well.
protocol SparseMultiple {
  /// How many bytes further behind a byte may stand in its own stead, ascending. The least is
  /// `CRCFolding.block` or more, the last is `reach`, the one before it less by 4 or more.
  static var distances: [Int] { get }
  /// How many bytes are left at the end that cannot be folded away.
  static var reach: Int { get }
  /// How many bytes are folded before those that the next ones need are moved to the front. These
  /// and what they need should fit in a core's first cache with the input.
  static var stretch: Int { get }
  /// The sum of what the bytes before `place` give to the block there.
  static func gathered(_ place: UnsafeRawPointer) -> CRCFolding.Block
}

/// x^418 + x^254 + x^200 + x^192 + x^115 + 1, for CRC-32C. Of those with six terms it is a short
/// one whose distances leave a processor time to have written what it reads again.
enum CastagnoliNear: SparseMultiple {
  static var distances: [Int] { [164, 218, 226, 303, 418] }
  @inline(__always) static var reach: Int { 418 }
  static var stretch: Int { 4 * 1_024 }

  @inline(__always)
  static func gathered(_ place: UnsafeRawPointer) -> CRCFolding.Block {
    CRCFolding.load(place - 164) ^ CRCFolding.load(place - 218) ^ CRCFolding.load(place - 226)
      ^ CRCFolding.load(place - 303) ^ CRCFolding.load(place - 418)
  }
}

/// x^5424 + x^4146 + x^3859 + 1, for CRC-32C: two loads fewer for each block, but more to begin
/// with. There is none with four terms below x^5275.
enum CastagnoliFar: SparseMultiple {
  static var distances: [Int] { [1_278, 1_565, 5_424] }
  @inline(__always) static var reach: Int { 5_424 }
  static var stretch: Int { 16 * 1_024 }

  @inline(__always)
  static func gathered(_ place: UnsafeRawPointer) -> CRCFolding.Block {
    CRCFolding.load(place - 1_278) ^ CRCFolding.load(place - 1_565)
      ^ CRCFolding.load(place - 5_424)
  }
}

/// Takes away all but the end of an input without changing its remainder, by exclusive or of whole
/// vectors: no tables, no multiplications, no instruction that not every processor has.
///
/// The idea is known as Chorba (K. Russell, 2024). Byte `i` is to be `w[i]` and what was moved
/// to it from before: `v[i] = w[i] ^ v[i - d1] ^ v[i - d2] ^ …`, for the distances of a multiple.
/// Every `v[i]` that has been moved is nothing where it stood. What cannot be moved, because not
/// all of its places are within the input, stays; and its remainder is that of the whole.
enum CRCFolding {
  /// What is folded at a time.
  typealias Block = SIMD8<UInt64>
  /// The bytes of a block.
  static var block: Int { 64 }

  @inline(__always)
  static func load(_ place: UnsafeRawPointer) -> Block {
    place.loadUnaligned(as: Block.self)
  }

  /// Calls `finish` with what is left of `bytes`: not quite `reach` and two blocks.
  ///
  /// - Parameters:
  ///   - bytes: at least `reach` and two blocks.
  ///   - register: the register before them, the least significant byte first.
  ///   - multiple: of the polynomial of that register.
  ///   - finish: gives the register after what it is called with, beginning at nothing.
  static func fold<Multiple: SparseMultiple>(
    _ bytes: UnsafeRawBufferPointer, from register: UInt32, by multiple: Multiple.Type,
    finish: (UnsafeRawBufferPointer) -> UInt32
  ) -> UInt32 {
    // What the next bytes need of those before them; then the stretch that is folded now, and in
    // the end twice the reach: nothing, for what does not go further, and what is left.
    let before = (Multiple.reach + block - 1) / block * block
    let scratch = before + max(Multiple.stretch, 2 * before + block)
    precondition(bytes.count >= before + block)
    return withUnsafeTemporaryAllocation(byteCount: scratch, alignment: 16) { scratch in
      guard let source = bytes.baseAddress, let start = scratch.baseAddress else { return register }
      let folded = (bytes.count - before) / block * block
      let place = start + before
      start.initializeMemory(as: UInt8.self, repeating: 0, count: before)
      // Only the longest distance leads from there into the input, and to its first bytes.
      (place - Multiple.reach).storeBytes(of: register.littleEndian, as: UInt32.self)
      var done = 0
      while done < folded {
        let count = min(Multiple.stretch, folded - done)
        add(source + done, count, after: place, into: place, by: multiple)
        done += count
        start.copyMemory(from: start + count, byteCount: before)
      }
      let left = bytes.count - done
      let tail = place + before
      place.initializeMemory(as: UInt8.self, repeating: 0, count: before)
      add(source + done, before, after: place, into: tail, by: multiple)
      (tail + before).copyMemory(from: source + done + before, byteCount: left - before)
      return finish(UnsafeRawBufferPointer(start: tail, count: left))
    }
  }

  /// `count` bytes of the source, in whole blocks, and what those before and at `place` give to
  /// them.
  @inline(__always)
  private static func add<Multiple: SparseMultiple>(
    _ source: UnsafeRawPointer, _ count: Int, after place: UnsafeRawPointer,
    into target: UnsafeMutableRawPointer, by multiple: Multiple.Type
  ) {
    var offset = 0
    while offset < count {
      let sum = load(source + offset) ^ Multiple.gathered(place + offset)
      (target + offset).storeBytes(of: sum, as: Block.self)
      offset &+= block
    }
  }
}
