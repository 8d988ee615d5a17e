import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Random letters and digits from the system's generator, which is asked for many at once: asking
/// for those of one id costs more than everything else that becomes of a small message.
final class RandomDigits: Sendable {
  /// Shared by all who make ids. It holds randomness nobody has used, and nothing else.
  static let shared = RandomDigits()

  private struct Supply {
    var bytes: [UInt8] = []
    var next = 0
  }

  private static var alphabet: StaticString {
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  }

  /// As many as `getentropy` gives at a time.
  private static let supplyBytes = 256
  private let supply = Mutex(Supply())

  /// As many letters and digits, each of 62 with the same chance.
  func text(_ count: Int) -> String {
    self.supply.withLock { supply in
      String(unsafeUninitializedCapacity: count) { digits in
        var made = 0
        while made < count {
          if supply.next == supply.bytes.count { Self.fill(&supply) }
          let choice = supply.bytes[supply.next] & 63
          supply.next += 1
          // Two of 64 choices have no digit.
          guard choice < 62 else { continue }
          digits[made] = Self.alphabet.utf8Start[Int(choice)]
          made += 1
        }
        return made
      }
    }
  }

  private static func fill(_ supply: inout Supply) {
    supply.next = 0
    #if canImport(Glibc) || canImport(Musl)
      if supply.bytes.isEmpty { supply.bytes = Array(repeating: 0, count: self.supplyBytes) }
      let result = supply.bytes.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { getentropy($0, bytes.count) }
      }
      if result == 0 { return }
    #endif
    var generator = SystemRandomNumberGenerator()
    supply.bytes = (0..<self.supplyBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}
