import Synchronization

/// Random letters and digits. Asking the system for those of one id would cost more than everything
/// else that becomes of a small message.
final class RandomDigits: Sendable {
  /// Shared by all who make ids. It holds randomness nobody has used, and nothing else.
  static let shared = RandomDigits()

  private static var alphabet: StaticString {
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  }

  private let words = Mutex(RandomWords())

  /// As many letters and digits, each of 62 with the same chance.
  func text(_ count: Int) -> String {
    self.words.withLock { words in
      String(unsafeUninitializedCapacity: count) { digits in
        var made = 0
        while made < count {
          // Ten choices of six bits; two of 64 choices have no digit.
          var word = words.word()
          for _ in 0..<10 where made < count {
            let choice = Int(word & 63)
            word >>= 6
            digits[made] = Self.alphabet.utf8Start[min(choice, 61)]
            made += choice < 62 ? 1 : 0
          }
        }
        return made
      }
    }
  }
}
