import Synchronization

/// Elements between those who offer and those who wait for them; anybody may do either.
final class WaitingQueue<Element: Sendable>: Sendable {
  private struct Inner {
    var waiting: [Element] = []
    var readers: [(id: UInt64, continuation: CheckedContinuation<Element?, Never>)] = []
    var readerCount: UInt64 = 0
    var isFinished = false
  }

  private enum Offered {
    case refused
    case kept
    case read(CheckedContinuation<Element?, Never>)
  }

  private enum Asked {
    case now(Element?)
    case later
  }

  private let inner = Mutex(Inner())

  /// Hands an element over.
  ///
  /// - Returns: whether it was taken; after `finish` it is not.
  func offer(_ element: Element) -> Bool {
    let answer: Offered = self.inner.withLock { inner in
      guard !inner.isFinished else { return .refused }
      guard inner.readers.isEmpty else {
        return .read(inner.readers.removeFirst().continuation)
      }
      inner.waiting.append(element)
      return .kept
    }
    switch answer {
    case .refused: return false
    case .kept: return true
    case .read(let reader):
      reader.resume(returning: element)
      return true
    }
  }

  /// Ends the queue: readers get `nil`.
  ///
  /// - Returns: the elements nobody had taken.
  @discardableResult
  func finish() -> [Element] {
    let (readers, left) = self.inner.withLock { inner in
      defer {
        inner.isFinished = true
        inner.readers = []
        inner.waiting = []
      }
      return (inner.readers, inner.waiting)
    }
    for reader in readers { reader.continuation.resume(returning: nil) }
    return left
  }

  /// The next element; waits for one. `nil` when the queue was ended, or the task is cancelled.
  func next() async -> Element? {
    let id = self.inner.withLock { inner in
      inner.readerCount += 1
      return inner.readerCount
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Asked = self.inner.withLock { inner in
          if Task.isCancelled || inner.isFinished { return .now(nil) }
          if !inner.waiting.isEmpty { return .now(inner.waiting.removeFirst()) }
          inner.readers.append((id, continuation))
          return .later
        }
        if case .now(let element) = answer { continuation.resume(returning: element) }
      }
    } onCancel: {
      let reader = self.inner.withLock { inner in
        inner.readers.firstIndex { $0.id == id }.map { inner.readers.remove(at: $0) }
      }
      reader?.continuation.resume(returning: nil)
    }
  }
}
