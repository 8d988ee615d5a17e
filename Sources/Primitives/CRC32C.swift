/// CRC-32C, the Castagnoli polynomial, as storage formats and protocols use it (RFC 3720, B.4).
///
/// What is long is folded by exclusive or alone first, and only what is left goes through the
/// tables (`CRCFolding`).
public enum CRC32C {
  /// The checksum of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: any number of them; they need no alignment.
  ///   - continuing: the checksum of the bytes that stand before these, so that a sum can be taken
  ///     piece by piece; 0 by default, for nothing before them.
  public static func checksum(
    _ bytes: UnsafeRawBufferPointer, continuing: UInt32 = 0
  ) -> UInt32 {
    ~self.register(after: bytes, from: ~continuing)
  }

  /// Where folding begins to be cheaper than the tables, and where the longer multiple does.
  private static let folded = 1_024
  private static let foldedTwice = 16 * 1_024

  private static let tables = CRCTables(polynomial: 0x82F6_3B78)

  /// The register, which is the inverted checksum, after `bytes`.
  private static func register(after bytes: UnsafeRawBufferPointer, from register: UInt32) -> UInt32
  {
    if bytes.count < self.folded { return self.tables.register(after: bytes, from: register) }
    // What is left stands for the register as well, which therefore begins at nothing.
    if bytes.count < self.foldedTwice {
      return CRCFolding.fold(bytes, from: register, by: CastagnoliNear.self) {
        self.tables.register(after: $0, from: 0)
      }
    }
    return CRCFolding.fold(bytes, from: register, by: CastagnoliFar.self) {
      self.register(after: $0, from: 0)
    }
  }
}

/// CRC-32 of gzip, zip and Ethernet (RFC 1952, 8).
public enum CRC32 {
  /// The checksum of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: any number of them; they need no alignment.
  ///   - continuing: the checksum of the bytes that stand before these; 0 by default.
  public static func checksum(
    _ bytes: UnsafeRawBufferPointer, continuing: UInt32 = 0
  ) -> UInt32 {
    ~self.tables.register(after: bytes, from: ~continuing)
  }

  private static let tables = CRCTables(polynomial: 0xEDB8_8320)
}

/// Folds in sixteen bytes at a time through sixteen tables ("slicing by 16").
private struct CRCTables: Sendable {
  /// Sixteen tables of 256: table `n` is the effect of a byte that `n` more bytes follow.
  private let tables: [UInt32]

  /// - Parameter polynomial: with its bits reversed.
  init(polynomial: UInt32) {
    var tables = [UInt32](repeating: 0, count: 16 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? polynomial : 0) }
      tables[byte] = crc
    }
    for index in 256..<tables.count {
      let shorter = tables[index - 256]
      tables[index] = (shorter >> 8) ^ tables[Int(shorter & 0xFF)]
    }
    self.tables = tables
  }

  /// The register, which is the inverted checksum, after `bytes`.
  func register(after bytes: UnsafeRawBufferPointer, from register: UInt32) -> UInt32 {
    guard let base = bytes.baseAddress else { return register }
    return tables.withUnsafeBufferPointer { tables in
      guard let table = tables.baseAddress else { return register }
      return Self.fold(base, count: bytes.count, table: table, into: register)
    }
  }

  /// `crc` after `count` bytes; both ends are the inverted checksum.
  private static func fold(
    _ base: UnsafeRawPointer, count: Int, table: UnsafePointer<UInt32>, into crc: UInt32
  ) -> UInt32 {
    var crc = crc
    var offset = 0
    // The index is a byte plus 256 times less than 16, and so within the 4,096 entries.
    func entry(_ slice: Int, _ word: UInt64, _ shift: UInt64) -> UInt32 {
      table[slice &* 256 &+ Int(truncatingIfNeeded: (word &>> shift) & 0xFF)]
    }
    while count &- offset >= 16 {
      let low =
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        ^ UInt64(crc)
      let high = UInt64(
        littleEndian: base.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
      let first =
        entry(15, low, 0) ^ entry(14, low, 8) ^ entry(13, low, 16) ^ entry(12, low, 24)
      let second =
        entry(11, low, 32) ^ entry(10, low, 40) ^ entry(9, low, 48) ^ entry(8, low, 56)
      let third =
        entry(7, high, 0) ^ entry(6, high, 8) ^ entry(5, high, 16) ^ entry(4, high, 24)
      let fourth =
        entry(3, high, 32) ^ entry(2, high, 40) ^ entry(1, high, 48) ^ entry(0, high, 56)
      crc = first ^ second ^ third ^ fourth
      offset &+= 16
    }
    while offset < count {
      let byte = base.load(fromByteOffset: offset, as: UInt8.self)
      crc = (crc &>> 8) ^ table[Int(truncatingIfNeeded: (crc & 0xFF) ^ UInt32(byte))]
      offset &+= 1
    }
    return crc
  }
}
