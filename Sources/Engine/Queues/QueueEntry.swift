import NIOCore

/// One message on its way into queues: its record in their log, the items it becomes, and the
/// number that its sender knows it by. Written down as one entry, so that a crash leaves all of it
/// or nothing.
final class QueueEntry {
  private let queues: Queues
  private var offset: UInt64?
  private var record: Record?
  var items: [(queue: Queue, sequence: UInt64)] = []
  var received: (queue: Queue, id: UInt16)?
  /// Who else keeps the message that was received.
  private var copies: [QueueCopy] = []
  /// Whether its sender says when nothing more is added.
  var isHeld = false
  /// Whether nothing more is added.
  private(set) var isSealed = false
  private var willSeal = false
  private var isSettled = false
  private var failure: EngineError?
  private var waiters: [(EngineError?) -> Void] = []

  init(_ queues: Queues) { self.queues = queues }

  /// Where the record is in the log of queues; it is appended for the first that asks.
  func offset(of record: Record) throws(EngineError) -> UInt64 {
    if let offset = self.offset { return offset }
    let offset = try self.queues.log.append(record)
    self.offset = offset
    self.record = record
    self.queues.remember(record, at: offset)
    return offset
  }

  /// Has the entry written when the publish that is under way is over.
  func sealWhenQuiet() {
    guard !self.isHeld, !self.willSeal else { return }
    self.willSeal = true
    self.queues.tenant.engine.whenQuiet { self.seal() }
  }

  /// Writes the entry.
  ///
  /// - Parameter captures: who else keeps the message.
  func seal(with captures: Captures = Captures()) {
    guard !self.isSealed else { return }
    self.isSealed = true
    self.isHeld = false
    if self.received != nil { self.copies = captures.compactMap { QueueCopy($0) } }
    if self.offset != nil || self.received != nil {
      self.queues.journal.append(self.encoded)
    }
    if let received = self.received { received.queue.undecided[received.id] = self }
    var left = self.offset == nil ? 1 : 2
    let one: (EngineError?) -> Void = { error in
      self.failure = self.failure ?? error
      left -= 1
      if left == 0 { self.settle() }
    }
    if let offset = self.offset { self.queues.log.whenCommitted(before: offset + 1, one) }
    self.queues.journal.whenCommitted(one)
    self.queues.snapshotIfWanted()
  }

  private var encoded: ByteBuffer { self.encoded(Queues.ItemKind.message, self.items) }

  /// What a snapshot says of it as long as it is not settled; the items are there anyway.
  var claim: ByteBuffer { self.encoded(Queues.ItemKind.claim, []) }

  private func encoded(_ kind: UInt8, _ items: [(queue: Queue, sequence: UInt64)]) -> ByteBuffer {
    var entry = ByteBuffer(integer: kind)
    let record = self.record
    entry.writeMultipleIntegers(
      self.offset ?? .max, record?.receivedAt ?? 0,
      UInt32(truncatingIfNeeded: record?.byteCount ?? 0), self.received?.queue.number ?? 0,
      self.received?.id ?? 0, UInt32(truncatingIfNeeded: items.count))
    for (queue, sequence) in items {
      Queues.write(queue.item(sequence), queue.number, sequence, to: &entry)
    }
    QueueClaim.write(self.copies, self.queues.tenant.engine.now, to: &entry)
    return entry
  }

  private func settle() {
    self.isSettled = true
    if let received = self.received {
      // Before anything is written, which may write all there is.
      received.queue.undecided[received.id] = nil
      if self.failure != nil { received.queue.release(received.id) }
    }
    if self.failure != nil {
      for (queue, sequence) in self.items { queue.finish(sequence) }
    } else {
      for (queue, sequence) in self.items { queue.commit(sequence) }
    }
    // Those that held it may be gone, and could not remove what was not yet there.
    if let offset = self.offset, self.queues.references[offset] == nil {
      self.queues.log.remove(at: offset)
    }
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters { waiter(self.failure) }
    if self.failure == nil {
      for (queue, _) in self.items { queue.whenReady?() }
    }
  }

  /// Calls `body` when the message is in its queues as durable as the store promises; or with the
  /// error, when it never will be.
  func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    if self.isSettled { body(self.failure) } else { self.waiters.append(body) }
  }
}

extension Publication {
  /// Nothing more is added to what `Queue.receive` has begun.
  public func seal() { self.cold?.queueEntry?.seal(with: self.captures) }

  /// What is still added to.
  var unsealedQueueEntry: QueueEntry? {
    self.cold?.queueEntry.flatMap { $0.isSealed ? nil : $0 }
  }
}
