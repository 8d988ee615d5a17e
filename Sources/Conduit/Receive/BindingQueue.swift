import Godwit
import Synchronization

/// Messages of one binding, between the conduit and its readers.
final class BindingQueue: Sendable {
  enum Kind: Sendable {
    /// Every instance of the service gets each message.
    case broadcast
    /// One instance of the service gets each message.
    case queue
  }

  typealias Reader = CheckedContinuation<ConduitMessage?, Never>

  private struct Inner {
    var waiting: [ConduitMessage] = []
    var readers: [(id: UInt64, reader: Reader)] = []
    var readerCount: UInt64 = 0
    var isEnded = false
  }

  private enum Offered {
    case kept
    case read(Reader)
    case refused
  }

  let event: String
  let kind: Kind
  /// Whether one message is all that it takes.
  let isOnce: Bool
  private let messagesMax: Int
  private let inner = Mutex(Inner())

  init(event: String, kind: Kind, isOnce: Bool, messagesMax: Int) {
    self.event = event
    self.kind = kind
    self.isOnce = isOnce
    self.messagesMax = messagesMax
  }

  var isEnded: Bool { self.inner.withLock { $0.isEnded } }

  /// Whether another message has room.
  var hasRoom: Bool {
    self.inner.withLock { !$0.isEnded && $0.waiting.count < self.messagesMax }
  }

  /// Hands a message over.
  ///
  /// - Returns: whether there was room.
  func offer(_ message: ConduitMessage) -> Bool {
    let offered = self.inner.withLock { inner -> Offered in
      guard !inner.isEnded else { return .refused }
      if self.isOnce { inner.isEnded = true }
      if !inner.readers.isEmpty { return .read(inner.readers.removeFirst().reader) }
      guard inner.waiting.count < self.messagesMax else { return .refused }
      inner.waiting.append(message)
      return .kept
    }
    switch offered {
    case .kept: return true
    case .refused: return false
    case .read(let reader):
      reader.resume(returning: message)
      if self.isOnce { self.end() }
      return true
    }
  }

  /// Takes no more messages. Readers get those that wait, then `nil`.
  func end() {
    let readers = self.inner.withLock { inner in
      inner.isEnded = true
      // Readers wait only where no message does.
      defer { inner.readers = [] }
      return inner.readers
    }
    for reader in readers { reader.reader.resume(returning: nil) }
  }

  /// Takes no more messages, and lets go of those that wait.
  func discard() {
    let waiting = self.inner.withLock { inner in
      inner.isEnded = true
      defer { inner.waiting = [] }
      return inner.waiting
    }
    self.end()
    // Letting go of a message ends its stream, which must not happen in the lock.
    withExtendedLifetime(waiting) {}
  }

  /// The next message; waits for one. `nil` at the end, or when the task is cancelled.
  func next() async -> ConduitMessage? {
    let id = self.inner.withLock { inner in
      inner.readerCount += 1
      return inner.readerCount
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { (reader: Reader) in
        let answer = self.inner.withLock { inner -> ConduitMessage?? in
          if Task.isCancelled { return .some(nil) }
          if !inner.waiting.isEmpty { return inner.waiting.removeFirst() }
          if inner.isEnded { return .some(nil) }
          inner.readers.append((id, reader))
          return nil
        }
        if let answer { reader.resume(returning: answer) }
      }
    } onCancel: {
      let reader = self.inner.withLock { inner in
        inner.readers.firstIndex { $0.id == id }.map { inner.readers.remove(at: $0).reader }
      }
      reader?.resume(returning: nil)
    }
  }
}
