import NIOCore

/// The journal of what is in the queues. All numbers are big-endian.
extension Queues {
  enum ItemKind {
    static let message: UInt8 = 1
    static let done: UInt8 = 2
    static let phase: UInt8 = 3
    static let released: UInt8 = 4
    static let sent: UInt8 = 5
    static let state: UInt8 = 6
    /// A message that is not yet committed, of which a snapshot knows.
    static let claim: UInt8 = 7
  }

  /// What can happen to an item, or a queue.
  enum Change {
    case done, sent
    case phase(UInt8)
    case released(UInt16)
  }

  // MARK: Writing

  func write(_ change: Change, _ queue: Queue, _ sequence: UInt64) {
    var entry = ByteBuffer()
    switch change {
    case .done: entry.writeMultipleIntegers(ItemKind.done, queue.number, sequence)
    case .sent: entry.writeMultipleIntegers(ItemKind.sent, queue.number, sequence)
    case .phase(let phase):
      entry.writeMultipleIntegers(ItemKind.phase, queue.number, sequence, phase)
    case .released(let id): entry.writeMultipleIntegers(ItemKind.released, queue.number, id)
    }
    self.journal.append(entry)
    self.snapshotIfWanted()
  }

  static func write(
    _ item: Queue.Item?, _ number: UInt32, _ sequence: UInt64, to entry: inout ByteBuffer
  ) {
    let note = item?.note ?? []
    entry.writeMultipleIntegers(
      number, sequence, item?.phase ?? 0, UInt32(truncatingIfNeeded: note.count))
    entry.writeBytes(note)
  }

  func snapshotIfWanted() {
    guard self.journal.wantsSnapshot else { return }
    self.journal.replace { add in
      for queue in self.byNumber.values { Self.write(queue, add) }
    }
  }

  private static func write(_ queue: Queue, _ add: (ByteBuffer) -> Void) {
    var state = ByteBuffer(integer: ItemKind.state)
    state.writeMultipleIntegers(queue.number, queue.nextSequence, queue.sentBefore)
    for id in queue.received where queue.undecided[id] == nil { state.writeInteger(id) }
    add(state)
    for entry in queue.undecided.values { add(entry.claim) }
    queue.forEach { sequence, item in
      var entry = ByteBuffer(integer: ItemKind.message)
      entry.writeMultipleIntegers(
        item.offset, item.stamp, UInt32(truncatingIfNeeded: item.size), UInt32(0), UInt16(0),
        UInt32(1))
      Self.write(item, queue.number, sequence, to: &entry)
      add(entry)
    }
  }

  // MARK: Reading

  func restoreItems() throws(EngineError) {
    try self.journal.replayWithCertainty { self.read(item: $0, isCertain: $1) }
    // Their offsets will be others': what refers to them is taken back before that.
    for (queue, id) in self.unfounded where !queue.received.contains(id) {
      self.write(.released(id), queue, 0)
    }
    self.unfounded = []
    self.settleClaims()
    for queue in self.byNumber.values {
      var lost: [UInt64] = []
      queue.forEach { sequence, item in
        if !self.isThere(item.offset) { lost.append(sequence) }
      }
      for sequence in lost { queue.finish(sequence) }
    }
  }

  func removeUnreferenced() {
    // A record that no queue holds was written when the process ended, and never acknowledged; or
    // the note of its removal was lost.
    var offset = self.log.next(from: self.log.firstOffset)
    while offset < self.log.committedOffset {
      if self.references[offset] == nil { self.log.remove(at: offset) }
      offset = self.log.next(from: offset + 1)
    }
  }

  private func isThere(_ offset: UInt64) -> Bool {
    offset < self.log.committedOffset && self.log.next(from: offset) == offset
  }

  private func read(item: ByteBuffer, isCertain: Bool) {
    var entry = item
    guard let kind = entry.readInteger(as: UInt8.self) else { return }
    if kind == ItemKind.message { return self.read(message: &entry, isCertain: isCertain) }
    if kind == ItemKind.claim { return self.read(message: &entry, isCertain: false) }
    guard let number = entry.readInteger(as: UInt32.self) else { return }
    self.lastNumber = max(self.lastNumber, number)
    guard let queue = self.byNumber[number] else { return }
    if kind == ItemKind.released {
      guard let id = entry.readInteger(as: UInt16.self) else { return }
      queue.restore(released: id)
      self.claims[QueueClaim.Key(queue: number, id: id)] = nil
      return
    }
    guard let sequence = entry.readInteger(as: UInt64.self) else { return }
    switch kind {
    case ItemKind.done: queue.restore(done: sequence)
    case ItemKind.phase:
      if let phase = entry.readInteger(as: UInt8.self) {
        queue.restore(phase: phase, of: sequence)
      }
    case ItemKind.sent: queue.restore(sentBefore: sequence)
    case ItemKind.state:
      queue.restore(nextSequence: sequence)
      if let sent = entry.readInteger(as: UInt64.self) { queue.restore(sentBefore: sent) }
      while let id = entry.readInteger(as: UInt16.self) { queue.restore(received: id) }
    default: break
    }
  }

  private func read(message entry: inout ByteBuffer, isCertain: Bool) {
    guard
      let (offset, stamp, size, receiver, id, count) = entry.readMultipleIntegers(
        as: (UInt64, Int64, UInt32, UInt32, UInt16, UInt32).self)
    else { return }
    if receiver != 0, let queue = self.byNumber[receiver] {
      // The journal may be there and the log not: then the message must come again.
      if offset == .max || offset < self.log.committedOffset {
        queue.restore(received: id)
      } else {
        self.unfounded.append((queue, id))
      }
    }
    var items: [(queue: UInt32, sequence: UInt64)] = []
    for _ in 0..<count {
      guard
        let (number, sequence, phase, noteCount) = entry.readMultipleIntegers(
          as: (UInt32, UInt64, UInt8, UInt32).self),
        let note = entry.readBytes(length: Int(noteCount))
      else { return }
      self.lastNumber = max(self.lastNumber, number)
      self.byNumber[number]?.restore(
        Queue.Item(
          offset: offset, stamp: stamp, size: Int(size), note: note, phase: phase,
          isCommitted: true), at: sequence)
      items.append((number, sequence))
    }
    guard receiver != 0 else { return }
    let key = QueueClaim.Key(queue: receiver, id: id)
    self.claims[key] = nil
    guard !isCertain, var claim = QueueClaim(&entry, offset: offset) else { return }
    claim.items = items
    self.claims[key] = claim
  }
}
