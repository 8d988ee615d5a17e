import Synchronization

/// Remembers which messages have been handled to their end.
///
/// A store that several processes share, such as a table with the keys, makes handling idempotent
/// across them, up to the moment between a handler's end and the store's answer.
public protocol IdempotencyStore: Sendable {
  /// Whether the key was completed before.
  func isCompleted(_ key: String) async throws -> Bool
  /// Remembers a key, as long as the store remembers.
  func complete(_ key: String) async throws
}

/// The latest completed messages, in this process's memory.
public final class MemoryIdempotencyStore: IdempotencyStore {
  private struct Inner {
    var known: Set<String> = []
    var order: [String] = []
    var oldest = 0
  }

  private let keysMax: Int
  private let inner = Mutex(Inner())

  /// A store.
  ///
  /// - Parameter keysMax: how many keys are remembered; then the oldest goes. At least 1.
  ///   Default 100,000.
  public init(keysMax: Int = 100_000) {
    self.keysMax = max(1, keysMax)
  }

  /// How many keys are remembered.
  public var count: Int { self.inner.withLock { $0.known.count } }

  /// Whether the key is among the latest.
  public func isCompleted(_ key: String) -> Bool {
    self.inner.withLock { $0.known.contains(key) }
  }

  /// Remembers a key in place of the oldest.
  public func complete(_ key: String) {
    self.inner.withLock { inner in
      guard inner.known.insert(key).inserted else { return }
      guard inner.order.count >= self.keysMax else { return inner.order.append(key) }
      inner.known.remove(inner.order[inner.oldest])
      inner.order[inner.oldest] = key
      inner.oldest = (inner.oldest + 1) % self.keysMax
    }
  }
}
