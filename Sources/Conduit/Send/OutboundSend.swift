import Godwit
import NIOCore
import Synchronization

/// A send under way: what its handshake was answered, and what its task waits for.
final class OutboundSend: Sendable {
  /// What is known so far.
  enum Outlook {
    /// Nothing yet.
    case open
    /// Somebody takes the message.
    case taken
    /// Everybody who answered within the time to gather says no.
    case unbound
    case failed(GodwitError)
  }

  private struct Inner {
    var sender = StreamSender()
    /// The frames of a message that is at hand, for those who still come.
    var frames: [ByteBuffer]?
    var failure: GodwitError?
    var firstAnswer: ContinuousClock.Instant?
    var deadline: ContinuousClock.Instant
    var isEnded = false
  }

  let number: UInt64
  /// How long after the first answer it is believed that nobody is bound.
  private let patience: Duration
  private let exchange: Exchange
  private let pulse = Pulse()
  private let inner: Mutex<Inner>

  init(
    _ number: UInt64, exchange: Exchange, deadline: ContinuousClock.Instant, patience: Duration
  ) {
    self.number = number
    self.patience = patience
    self.exchange = exchange
    self.inner = Mutex(Inner(deadline: deadline))
  }

  /// Where acknowledgements go.
  var inbox: String { "\(self.exchange.inbox).a\(self.number)" }

  // MARK: From the network

  /// An acknowledgement came in.
  func receive(_ frame: ByteBuffer) {
    guard let ack = try? Acknowledgement(frame) else { return }
    let served = self.inner.withLock { inner -> [ByteBuffer] in
      if inner.firstAnswer == nil { inner.firstAnswer = .now }
      switch inner.sender.receive(ack) {
      case .destination: return inner.frames ?? []
      // Told at once, or it would wait for a stream that does not come.
      case .late: return (try? StreamSender.frames(ofFailure: "the stream has begun")) ?? []
      case .known, .unbound, .gone, .invalid: return []
      }
    }
    for frame in served { self.exchange.post(frame, to: ack.dataSubject) }
    self.pulse.raise()
  }

  /// It cannot succeed any more.
  func fail(_ error: GodwitError) {
    self.inner.withLock { inner in
      // Word that nobody listens is no news once somebody has answered.
      if inner.failure == nil, inner.sender.destinations.isEmpty || error.code == .closed {
        inner.failure = error
      }
    }
    self.pulse.raise()
  }

  /// Wakes the task when there is something to decide by the clock.
  func timePassed(_ now: ContinuousClock.Instant) {
    let isDue = self.inner.withLock { inner in
      guard !inner.isEnded else { return false }
      if inner.deadline <= now { return true }
      return inner.sender.destinations.isEmpty
        && inner.firstAnswer.map { $0 + self.patience <= now } ?? false
    }
    if isDue { self.pulse.raise() }
  }

  // MARK: From the task

  /// Waits until somebody takes the message; false when nobody is bound to the event.
  ///
  /// - Throws: `noResponders`, `timeout`, `overloaded`, `cancelled`, `closed`.
  func takers() async throws(GodwitError) -> Bool {
    while true {
      switch self.outlook() {
      case .taken: return true
      case .unbound: return false
      case .failed(let error): throw error
      case .open:
        await self.pulse.wait()
        if Task.isCancelled { throw GodwitError(.cancelled, "the task was cancelled") }
      }
    }
  }

  private func outlook() -> Outlook {
    self.inner.withLock { inner in
      if let failure = inner.failure { return .failed(failure) }
      if inner.sender.hasLive { return .taken }
      let now = ContinuousClock.now
      if let first = inner.firstAnswer, first + self.patience <= now {
        if let refusal = inner.sender.lastRefusal { return .failed(refusal) }
        if inner.sender.unbound > 0 { return .unbound }
      }
      guard inner.deadline <= now else { return .open }
      return .failed(
        GodwitError(
          .timeout,
          "nobody took the message within \(self.exchange.settings.acknowledgeTimeout)"))
    }
  }

  /// Waits a moment for others who take a stream.
  func gather() async throws(GodwitError) {
    let first = self.inner.withLock { $0.firstAnswer } ?? .now
    do {
      try await Task.sleep(until: first + self.exchange.settings.gatherTime)
    } catch {
      throw GodwitError(.cancelled, "the task was cancelled")
    }
  }

  /// Gives a message that is at hand to everybody who has taken it, and to those who still come.
  ///
  /// - Returns: who was there.
  func serve(_ frames: [ByteBuffer]) -> [String] {
    self.inner.withLock { inner in
      inner.frames = frames
      inner.isEnded = true
      return inner.sender.subjects
    }
  }

  /// How large a chunk may be.
  var chunkBytes: Int {
    let settings = self.exchange.settings
    return self.inner.withLock { inner in
      inner.sender.chunkBytesMax.map { max(1, min($0, settings.chunkBytesMax)) }
        ?? settings.chunkBytes
    }
  }

  /// Waits until everybody has room. Those who have had none for too long are given up.
  ///
  /// - Returns: for how many bytes.
  /// - Throws: why nobody is left.
  func room() async throws(GodwitError) -> Int {
    let idleTimeout = self.exchange.settings.idleTimeout
    var hasWaited = false
    while true {
      var givenUp: [String] = []
      let outcome = self.inner.withLock { inner -> Result<Int, GodwitError> in
        if let failure = inner.failure { return .failure(failure) }
        let now = ContinuousClock.now
        if hasWaited, inner.deadline <= now, inner.sender.room == 0 {
          givenUp = inner.sender.giveUpStalled(
            GodwitError(.timeout, "the reader took nothing for \(idleTimeout)"))
        }
        guard inner.sender.hasLive else {
          return .failure(
            inner.sender.lastRefusal
              ?? GodwitError(.streamAbandoned, "nobody reads the stream"))
        }
        if !hasWaited { inner.deadline = now + idleTimeout }
        return .success(inner.sender.room)
      }
      self.exchange.postFailure("the reader was too slow", to: givenUp)
      let room = try outcome.get()
      guard room == 0 else { return room }
      hasWaited = true
      await self.pulse.wait()
      if Task.isCancelled { throw GodwitError(.cancelled, "the task was cancelled") }
    }
  }

  /// The messages of the next chunk.
  func chunk(_ data: ByteBuffer, isEnd: Bool) throws(GodwitError) -> [Message] {
    try self.withInner { (inner) throws(GodwitError) -> [Message] in
      let frame = try inner.sender.chunk(data, isEnd: isEnd)
      if isEnd { inner.isEnded = true }
      return inner.sender.subjects.map { Message(bare: frame, to: $0) }
    }
  }

  /// The messages that tell everybody that the stream will not be whole.
  func failure(_ text: String) throws(GodwitError) -> [Message] {
    try self.withInner { (inner) throws(GodwitError) -> [Message] in
      inner.isEnded = true
      let frame = try inner.sender.failure(text)
      return inner.sender.subjects.map { Message(bare: frame, to: $0) }
    }
  }

  /// Whether all who read know flow control.
  var isPaced: Bool { self.inner.withLock { $0.sender.isPaced } }

  /// The mutex, for bodies that throw.
  private func withInner<Result>(
    _ body: (inout sending Inner) throws(GodwitError) -> sending Result
  ) throws(GodwitError) -> sending Result {
    try self.inner.withLock(body)
  }
}
