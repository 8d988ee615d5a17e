public import Godwit
import NIOCore
import Synchronization

/// Between a connection on which messages come unasked, and a subscription that works on them: as
/// many as the prefetch are handed out, the others wait here within bounds, and what is beyond the
/// bounds is lost and counted.
///
/// For brokers that hand a message out at most once and know no flow control. Reading less from the
/// connection in place of it would hold up confirmations, which handlers wait for.
public final class DeliveryWindow: Sendable {
  /// Bounds on what waits.
  public struct Limits: Hashable, Sendable {
    /// The most messages. Default 65,536.
    public var messagesMax: Int
    /// The most bytes of topics, headers and bodies. Default 64 MiB.
    public var bytesMax: Int

    /// Limits.
    public init(messagesMax: Int = 65_536, bytesMax: Int = 64 << 20) {
      self.messagesMax = messagesMax
      self.bytesMax = bytesMax
    }
  }

  /// What waits, in the arrays that it came in: nothing is moved, and one that is used up goes.
  private struct Waiting {
    private var chunks: [[IncomingMessage]] = []
    /// The first chunk that is not used up, and what is used up of it.
    private var chunk = 0
    private var head = 0
    private(set) var count = 0

    mutating func append(_ messages: [IncomingMessage]) {
      guard !messages.isEmpty else { return }
      self.chunks.append(messages)
      self.count += messages.count
    }

    /// Takes the oldest, at most so many; fewer where those behind them came separately.
    mutating func take(_ countMax: Int) -> ArraySlice<IncomingMessage> {
      guard countMax > 0, self.count > 0 else { return [] }
      let messages = self.chunks[self.chunk]
      let taken = messages[self.head...].prefix(countMax)
      self.count -= taken.count
      self.head = taken.endIndex
      guard self.head == messages.count else { return taken }
      self.head = 0
      self.chunks[self.chunk] = []
      self.chunk += 1
      if self.chunk * 2 >= self.chunks.count {
        self.chunks.removeFirst(self.chunk)
        self.chunk = 0
      }
      return taken
    }
  }

  private struct Inner {
    var waiting = Waiting()
    var bytes = 0
    /// Handed out and not settled.
    var held = 0
    var dropped: UInt64 = 0
    var isPaused = false
    var isClosed = false
  }

  private let queue: DeliveryQueue
  private let prefetch: Int
  private let isSettled: Bool
  private let limits: Limits
  private let inner = Mutex(Inner())

  /// A window for one subscription.
  public init(_ request: SubscriptionRequest, queue: DeliveryQueue, limits: Limits) {
    self.queue = queue
    self.prefetch = request.prefetch
    self.isSettled = request.isSettled
    self.limits = limits
  }

  /// How many messages were lost because too many waited.
  public var dropped: UInt64 { self.inner.withLock { $0.dropped } }

  /// Takes messages that came in, in order.
  ///
  /// - Returns: how many of them were lost.
  public func receive(_ messages: [IncomingMessage]) -> Int {
    guard self.isSettled else {
      self.queue.offer(messages)
      return 0
    }
    let (lost, reader) = self.inner.withLock { inner -> (Int, DeliveryQueue.Reader?) in
      guard !inner.isClosed else { return (messages.count, nil) }
      if inner.waiting.count == 0, !inner.isPaused, messages.count <= self.prefetch - inner.held {
        inner.held += messages.count
        return (0, self.queue.put(messages).reader)
      }
      let lost = self.keep(messages, &inner)
      inner.dropped &+= UInt64(lost)
      return (lost, self.handOut(&inner))
    }
    reader?.wake()
    return lost
  }

  /// Takes messages that the broker counts and keeps until they are settled: the protocol bounds
  /// them, and none is lost here.
  public func receiveKept(_ messages: [IncomingMessage]) {
    let reader = self.inner.withLock { inner -> DeliveryQueue.Reader? in
      guard !inner.isClosed else { return nil }
      inner.waiting.append(messages)
      inner.bytes += Self.size(of: messages[...])
      return self.handOut(&inner)
    }
    reader?.wake()
  }

  /// Keeps what the bounds allow.
  ///
  /// - Returns: how many they did not.
  private func keep(_ messages: [IncomingMessage], _ inner: inout Inner) -> Int {
    let size = Self.size(of: messages[...])
    if messages.count <= self.limits.messagesMax - inner.waiting.count,
      size <= self.limits.bytesMax - inner.bytes
    {
      inner.waiting.append(messages)
      inner.bytes += size
      return 0
    }
    var kept: [IncomingMessage] = []
    for message in messages {
      let size = Self.size(of: message.message)
      guard inner.waiting.count + kept.count < self.limits.messagesMax,
        size <= self.limits.bytesMax - inner.bytes
      else { continue }
      kept.append(message)
      inner.bytes += size
    }
    inner.waiting.append(kept)
    return messages.count - kept.count
  }

  private static func size(of messages: ArraySlice<IncomingMessage>) -> Int {
    messages.reduce(0) { $0 + Self.size(of: $1.message) }
  }

  private static func size(of message: Message) -> Int {
    message.headers.reduce(message.topic.utf8.count + message.body.readableBytes) {
      $0 + $1.name.utf8.count + $1.value.utf8.count
    }
  }

  /// A message that was handed out is done with: another may follow.
  public func settle() {
    let reader = self.inner.withLock { inner in
      inner.held = max(0, inner.held - 1)
      return self.handOut(&inner)
    }
    reader?.wake()
  }

  /// Stops or starts handing out; what comes in meanwhile waits.
  public func setPaused(_ isPaused: Bool) {
    let reader = self.inner.withLock { inner in
      inner.isPaused = isPaused
      return self.handOut(&inner)
    }
    reader?.wake()
  }

  /// Hands out everything that waits, and closes the queue.
  public func drain() {
    self.inner.withLock { inner in
      guard !inner.isClosed else { return }
      inner.isClosed = true
      while inner.waiting.count > 0 {
        self.queue.offer(Array(inner.waiting.take(.max)))
      }
      inner.bytes = 0
      self.queue.close()
    }
  }

  /// Ends it: what waits is lost, and readers of the queue get `nil` after what was handed out.
  public func close() {
    self.inner.withLock { inner in
      inner.isClosed = true
      inner.waiting = Waiting()
      inner.bytes = 0
      self.queue.close()
    }
  }

  /// Within the lock, so that nobody overtakes. The reader is woken outside of it: it takes it when
  /// it is done.
  private func handOut(_ inner: inout Inner) -> DeliveryQueue.Reader? {
    guard !inner.isPaused else { return nil }
    var reader: DeliveryQueue.Reader?
    while inner.waiting.count > 0, inner.held < self.prefetch {
      let messages = inner.waiting.take(self.prefetch - inner.held)
      inner.held += messages.count
      inner.bytes -= Self.size(of: messages)
      reader = self.queue.put(messages).reader ?? reader
    }
    return reader
  }
}
