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
public final class DeliveryQueue: Sendable {
  private struct Inner {
    var waiting: [IncomingMessage] = []
    var head = 0
    var readers: [(id: UInt64, continuation: CheckedContinuation<IncomingMessage?, Never>)] = []
    var readerCount: UInt64 = 0
    var isFinished = false

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
    if let sink = self.sink {
      messages.forEach(sink)
      return true
    }
    let served = self.inner.withLock {
      inner -> [(CheckedContinuation<IncomingMessage?, Never>, IncomingMessage)]? in
      guard !inner.isFinished else { return nil }
      inner.waiting.append(contentsOf: messages)
      var served: [(CheckedContinuation<IncomingMessage?, Never>, IncomingMessage)] = []
      while !inner.readers.isEmpty, let message = inner.pop() {
        served.append((inner.readers.removeFirst().continuation, message))
      }
      return served
    }
    guard let served else { return false }
    for (reader, message) in served { reader.resume(returning: message) }
    return true
  }

  /// Ends the queue: readers get `nil`.
  ///
  /// - Returns: the messages nobody had taken.
  @discardableResult
  public func finish() -> [IncomingMessage] {
    let (readers, left) = self.inner.withLock { inner in
      inner.isFinished = true
      let readers = inner.readers
      let left = Array(inner.waiting[inner.head...])
      inner.readers = []
      inner.waiting = []
      inner.head = 0
      return (readers, left)
    }
    for reader in readers { reader.continuation.resume(returning: nil) }
    return left
  }

  /// Takes no more messages; readers get those that wait, then `nil`.
  public func close() {
    let readers = self.inner.withLock { inner in
      inner.isFinished = true
      // Readers wait only where no message does.
      defer { inner.readers = [] }
      return inner.readers
    }
    for reader in readers { reader.continuation.resume(returning: nil) }
  }

  /// The next message; waits for one. `nil` when the queue was ended, or the task is cancelled.
  public func next() async -> IncomingMessage? {
    let (first, id) = self.inner.withLock { inner -> (IncomingMessage?, UInt64) in
      // Most often there is one, and nothing to wait for.
      if !Task.isCancelled, let first = inner.pop() { return (first, 0) }
      inner.readerCount += 1
      return (nil, inner.readerCount)
    }
    if let first { return first }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enum Answer { case now(IncomingMessage?), later }
        let answer: Answer = self.inner.withLock { inner in
          if Task.isCancelled { return .now(nil) }
          if let message = inner.pop() { return .now(message) }
          if inner.isFinished { return .now(nil) }
          inner.readers.append((id, continuation))
          return .later
        }
        if case .now(let message) = answer { continuation.resume(returning: message) }
      }
    } onCancel: {
      let reader = self.inner.withLock { inner in
        inner.readers.firstIndex { $0.id == id }.map { inner.readers.remove(at: $0) }
      }
      reader?.continuation.resume(returning: nil)
    }
  }
}
