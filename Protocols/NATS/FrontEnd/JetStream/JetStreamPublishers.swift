import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

/// Those who wait to hear that a stream has what they published, in the order of their messages.
///
/// One wait for the commit serves all whose messages share it.
final class JetStreamPublishers {
  private struct Waiting {
    let offset: UInt64
    let isDuplicate: Bool
    let replyCount: Int
    /// What a counter has come to.
    let value: String?
  }

  /// What publishers ask of the stream.
  var facts: JetStreamFacts
  /// What the stream's counters have come to.
  private(set) lazy var counters = JetStreamCounters(self.stream, self.account)
  /// What the message came to that was counted last.
  var lastCount: (offset: UInt64, value: String)?
  private let stream: GodwitEngine.Stream
  private unowned let account: JetStreamAccount
  private var waiting = CircularBuffer<Waiting>()
  /// Their reply subjects, one behind the other.
  private var replies = ByteBuffer()
  private var isWatching = false

  init(_ stream: GodwitEngine.Stream, _ account: JetStreamAccount) {
    self.stream = stream
    self.account = account
    self.facts = JetStreamFacts(stream)
  }

  /// The settings of the stream are others now.
  func settingsChanged() { self.facts = JetStreamFacts(self.stream) }

  /// Tells `reply` when the message at `offset` is as durable as the stream promises.
  func add(_ offset: UInt64, isDuplicate: Bool, reply: UnsafeRawBufferPointer) {
    let value = self.lastCount.flatMap { $0.offset == offset && !isDuplicate ? $0.value : nil }
    self.waiting.append(
      Waiting(
        offset: offset, isDuplicate: isDuplicate, replyCount: reply.count, value: value))
    self.replies.writeBytes(reply)
    if !self.isWatching { self.watch() }
  }

  private func watch() {
    while !self.isWatching, let first = self.waiting.first {
      self.isWatching = true
      var isAtOnce = true
      self.stream.whenCommitted(before: first.offset + 1) { [weak self] error in
        guard let self else { return }
        self.isWatching = false
        self.answer(error)
        if !isAtOnce { self.watch() }
      }
      isAtOnce = false
    }
  }

  /// Answers those whose messages are there, and those whose messages never will be.
  private func answer(_ error: EngineError?) {
    var isFirst = true
    while let next = self.waiting.first {
      if next.offset < self.stream.committedOffset {
        self.send(next)
      } else if let error, isFirst || next.offset >= self.stream.nextOffset {
        self.send(next, error)
      } else {
        break
      }
      isFirst = false
    }
    if self.waiting.isEmpty { self.replies.clear(minimumCapacity: 0) }
  }

  private func send(_ next: Waiting, _ error: EngineError? = nil) {
    self.waiting.removeFirst()
    guard let reply = self.replies.readSlice(length: next.replyCount) else { return }
    reply.withUnsafeReadableBytes { reply in
      if let error {
        let failure = JetStreamError(.streamStoreFailed, error.message)
        self.account.refuse(failure, self.stream.name, to: reply)
      } else {
        self.send(next, to: reply)
      }
    }
  }

  private func send(_ next: Waiting, to reply: UnsafeRawBufferPointer) {
    self.account.answer(reply) { buffer in
      buffer.writeBytes(self.facts.ackPrefix)
      buffer.writeDecimal(next.offset + 1)
      if next.isDuplicate { buffer.writeStaticString(#","duplicate":true"#) }
      if let value = next.value { buffer.writeString(#","val":"\#(value)""#) }
      buffer.writeStaticString("}")
    }
  }
}
