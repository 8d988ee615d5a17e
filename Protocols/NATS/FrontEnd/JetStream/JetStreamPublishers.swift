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
    /// Whether `more` has something for it.
    let hasMore: Bool
    let replyCount: Int
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
  /// By offset: what few acknowledgements say.
  private var more: [UInt64: More] = [:]
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
    let more = isDuplicate || !self.facts.isPrepared ? nil : self.more(of: offset)
    if let more { self.more[offset] = more }
    self.waiting.append(
      Waiting(
        offset: offset, isDuplicate: isDuplicate, hasMore: more != nil, replyCount: reply.count))
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
    // Who hears an answer may lead back here, and then `replies` grows: this one does not.
    let replies = self.replies
    let account = self.account
    replies.withUnsafeReadableBytes { replies in
      var isFirst = true
      var start = 0
      while let next = self.waiting.first {
        var failure: EngineError?
        if next.offset >= self.stream.committedOffset {
          guard let error, isFirst || next.offset >= self.stream.nextOffset else { break }
          failure = error
        }
        self.waiting.removeFirst()
        self.replies.moveReaderIndex(forwardBy: next.replyCount)
        let end = start + next.replyCount
        let reply = UnsafeRawBufferPointer(rebasing: replies[start..<end])
        self.send(next, failure, to: reply, account)
        start = end
        isFirst = false
      }
    }
    if self.waiting.isEmpty {
      self.replies.clear(minimumCapacity: 0)
    } else if self.replies.readerIndex > self.replies.readableBytes {
      // There may always be somebody who waits.
      self.replies.discardReadBytes()
    }
  }

  private func send(
    _ next: Waiting, _ error: EngineError?, to reply: UnsafeRawBufferPointer,
    _ account: JetStreamAccount
  ) {
    guard error == nil, !next.isDuplicate, !next.hasMore else {
      let more = next.hasMore ? self.more.removeValue(forKey: next.offset) : nil
      if let error {
        let failure = JetStreamError(.streamStoreFailed, error.message)
        return account.refuse(failure, self.stream.name, to: reply)
      }
      return self.send(next, more, to: reply)
    }
    let prefix = self.facts.ackPrefix
    let sequence = Int(clamping: next.offset + 1)
    account.answer(reply, count: prefix.count + ASCIIScan.digits(sequence) + 1) { writer in
      writer.write(prefix)
      writer.write(decimal: sequence)
      writer.write("}")
    }
  }

  private func send(_ next: Waiting, _ more: More?, to reply: UnsafeRawBufferPointer) {
    self.account.answer(reply) { buffer in
      buffer.writeBytes(self.facts.ackPrefix)
      buffer.writeDecimal(next.offset + 1)
      if next.isDuplicate { buffer.writeStaticString(#","duplicate":true"#) }
      switch more {
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
