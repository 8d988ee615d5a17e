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
    let more: More?
  }

  /// What an acknowledgement says beside the number.
  private enum More {
    /// What a counter has come to.
    case count(String)
    /// The batch that the message ends, and how many it has.
    case batch(String, UInt64)
  }

  /// What publishers ask of the stream.
  var facts: JetStreamFacts
  /// What the stream's counters have come to.
  private(set) lazy var counters = JetStreamCounters(self.stream, self.account)
  /// What the message came to that was counted last.
  var lastCount: (offset: UInt64, value: String)?
  /// Batches that wait for their ends.
  private(set) lazy var batches = JetStreamBatches(self.stream, self.account)
  let stream: GodwitEngine.Stream
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
  func settingsChanged() {
    self.facts = JetStreamFacts(self.stream)
    if !self.stream.settings.keepsBatches { self.batches.end() }
  }

  /// The stream is gone.
  func end() { self.batches.end() }

  /// Tells `reply` when the message at `offset` is as durable as the stream promises.
  func add(_ offset: UInt64, isDuplicate: Bool, reply: UnsafeRawBufferPointer) {
    self.waiting.append(
      Waiting(
        offset: offset, isDuplicate: isDuplicate, replyCount: reply.count,
        more: isDuplicate || self.facts.prepared == nil ? nil : self.more(of: offset)))
    self.replies.writeBytes(reply)
    if !self.isWatching { self.watch() }
  }

  private func more(of offset: UInt64) -> More? {
    if let last = self.lastCount, last.offset == offset { return .count(last.value) }
    if let last = self.batches.last, last.offset == offset { return .batch(last.id, last.count) }
    return nil
  }

  private func watch() {
    while !self.isWatching, let first = self.waiting.first {
      self.isWatching = true
      var isAtOnce = true
      self.stream.whenCommitted(before: first.offset + 1) { error in
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
    if self.waiting.isEmpty {
      self.replies.clear(minimumCapacity: 0)
    } else if self.replies.readerIndex > self.replies.readableBytes {
      // There may always be somebody who waits.
      self.replies.discardReadBytes()
    }
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
    let prefix = self.facts.ackPrefix
    let sequence = Int(clamping: next.offset + 1)
    guard !next.isDuplicate, next.more == nil else { return self.sendMore(next, to: reply) }
    self.account.answer(reply, count: prefix.count + ASCIIScan.digits(sequence) + 1) { writer in
      writer.write(prefix)
      writer.write(decimal: sequence)
      writer.write("}")
    }
  }

  private func sendMore(_ next: Waiting, to reply: UnsafeRawBufferPointer) {
    self.account.answer(reply) { buffer in
      buffer.writeBytes(self.facts.ackPrefix)
      buffer.writeDecimal(next.offset + 1)
      if next.isDuplicate { buffer.writeStaticString(#","duplicate":true"#) }
      switch next.more {
      case .count(let value): buffer.writeString(#","val":"\#(value)""#)
      case .batch(let id, let count):
        var writer = JSONWriter()
        writer.string(id)
        buffer.writeStaticString(#","batch":"#)
        buffer.writeBytes(writer.bytes)
        buffer.writeString(#","count":\#(count)"#)
      case nil: break
      }
      buffer.writeStaticString("}")
    }
  }
}
