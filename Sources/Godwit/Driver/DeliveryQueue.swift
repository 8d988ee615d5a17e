import Synchronization

/// A message as a driver hands it over.
public struct IncomingMessage: Sendable {
  /// The message.
  public var message: Message
  /// How often it has been handed out, this time included, as far as the broker counts.
  public var attempt: Int
  /// The message's place in its log, where the broker has one.
  public var offset: UInt64?
  /// What it is settled by.
  public var token: UInt64
  /// Why there will be no answer: the broker says it in place of one, to who waits for answers.
  public var failure: GodwitError?

  /// A message that was handed over.
  public init(message: Message, attempt: Int = 1, offset: UInt64? = nil, token: UInt64) {
    self.message = message
    self.attempt = attempt
    self.offset = offset
    self.token = token
  }
}

/// Messages between a driver and the tasks that work on them.
///
/// The driver keeps it bounded: it never hands out more than its request's prefetch before earlier
/// messages are settled.
///
/// Where many readers wait and many messages come, one reader is woken, and each that takes a
/// message wakes the next while there are others: readers that are done at once take them all, and
/// are not run between; readers that have to wait for something are soon all at work.
public final class DeliveryQueue: Sendable {
  /// A reader that waits.
  package struct Reader: Sendable {
    fileprivate let id: UInt64
    fileprivate let continuation: CheckedContinuation<Bool, Never>

    /// Has it look. Not within a lock that it takes next: it may run before this returns.
    package func wake() { self.continuation.resume(returning: true) }
  }

  /// Where messages wait and readers do, a reader has been woken and has not looked yet.
  private struct Inner {
    var waiting: [IncomingMessage] = []
    var head = 0
    var readers: [Reader] = []
    var readerCount: UInt64 = 0
    /// Whether a reader was woken that has not looked yet.
    var isWaking = false
    var isFinished = false

    var isEmpty: Bool { self.head == self.waiting.count }

    mutating func pop() -> IncomingMessage? {
      guard self.head < self.waiting.count else { return nil }
      let first = self.waiting[self.head]
      self.head += 1
      if self.head == self.waiting.count || self.head > 256 {
        self.waiting.removeFirst(self.head)
        self.head = 0
      }
      return first
    }

    /// The reader that is to be woken, when there is work and nobody on the way to it.
    mutating func nextReader() -> Reader? {
      guard !self.isWaking, !self.isEmpty, let reader = self.readers.popLast() else { return nil }
      self.isWaking = true
      return reader
    }
  }

  private enum Look {
    case found(IncomingMessage?)
    case nothing(id: UInt64)
  }

  private let inner = Mutex(Inner())
  private let sink: (@Sendable (IncomingMessage) -> Void)?

  /// An empty queue.
  public init() {
    self.sink = nil
  }

  /// A queue that holds nothing: `sink` gets each message at once, in the driver's own context.
  package init(sink: @escaping @Sendable (IncomingMessage) -> Void) {
    self.sink = sink
  }

  /// How many messages wait.
  public var count: Int { self.inner.withLock { $0.waiting.count - $0.head } }

  /// Hands messages over, in order.
  ///
  /// - Returns: whether they were taken; after `finish` they are not, and stay with the broker.
  @discardableResult
  public func offer(_ messages: [IncomingMessage]) -> Bool {
    let (isTaken, reader) = self.put(messages)
    reader?.wake()
    return isTaken
  }

  /// Hands messages over, in order, and leaves it to the caller to wake the reader.
  package func put(_ messages: [IncomingMessage]) -> (isTaken: Bool, reader: Reader?) {
    if let sink = self.sink {
      messages.forEach(sink)
      return (true, nil)
    }
    return self.inner.withLock { inner in
      guard !inner.isFinished else { return (false, nil) }
      if inner.isEmpty {
        inner.waiting = messages
        inner.head = 0
      } else {
        inner.waiting.append(contentsOf: messages)
      }
      return (true, inner.nextReader())
    }
  }

  /// As `put` of an array, for a few at a time.
  package func put(_ messages: ArraySlice<IncomingMessage>) -> (isTaken: Bool, reader: Reader?) {
    if let sink = self.sink {
      messages.forEach(sink)
      return (true, nil)
    }
    return self.inner.withLock { inner in
      guard !inner.isFinished else { return (false, nil) }
      inner.waiting.append(contentsOf: messages)
      return (true, inner.nextReader())
    }
  }

  /// Ends the queue: readers get `nil`.
  ///
  /// - Returns: the messages nobody had taken.
  @discardableResult
  public func finish() -> [IncomingMessage] {
    let (readers, left) = self.inner.withLock { inner in
      inner.isFinished = true
      let left = Array(inner.waiting[inner.head...])
      inner.waiting = []
      inner.head = 0
      defer { inner.readers = [] }
      return (inner.readers, left)
    }
    for reader in readers { reader.continuation.resume(returning: false) }
    return left
  }

  /// Takes no more messages; readers get those that wait, then `nil`.
  public func close() {
    let readers = self.inner.withLock { inner in
      inner.isFinished = true
      defer { inner.readers = [] }
      return inner.readers
    }
    for reader in readers { reader.continuation.resume(returning: false) }
  }

  /// The next message; waits for one. `nil` when the queue was ended, or the task is cancelled.
  public func next() async -> IncomingMessage? {
    var isWoken = false
    while true {
      let (look, reader) = self.inner.withLock { inner -> (Look, Reader?) in
        if isWoken { inner.isWaking = false }
        if Task.isCancelled { return (.found(nil), inner.nextReader()) }
        if let first = inner.pop() { return (.found(first), inner.nextReader()) }
        if inner.isFinished { return (.found(nil), nil) }
        inner.readerCount += 1
        return (.nothing(id: inner.readerCount), nil)
      }
      reader?.wake()
      switch look {
      case .found(let message): return message
      case .nothing(let id): isWoken = await self.wait(as: id)
      }
    }
  }

  /// Waits until there may be something to take.
  ///
  /// - Returns: whether it was woken for a message.
  private func wait(as id: UInt64) async -> Bool {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.inner.withLock { inner in
          guard inner.isEmpty, !inner.isFinished, !Task.isCancelled else { return false }
          inner.readers.append(Reader(id: id, continuation: continuation))
          return true
        }
        if !mustWait { continuation.resume(returning: false) }
      }
    } onCancel: {
      let reader = self.inner.withLock { inner in
        inner.readers.firstIndex { $0.id == id }.map { inner.readers.remove(at: $0) }
      }
      reader?.continuation.resume(returning: false)
    }
  }
}
