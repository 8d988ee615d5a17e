import GodwitPrimitives
import NIOCore

/// What a message says of the batch that it was kept with.
public struct BatchNote: Hashable, Sendable {
  /// The batch's id.
  public var id: [UInt8]
  /// Whether it is the batch's last message.
  public var isLast: Bool

  /// A note.
  public init(id: [UInt8], isLast: Bool) {
    self.id = id
    self.isLast = isLast
  }
}

/// Keeping several messages, or none of them.
extension Stream {
  /// A message: calls what it is given once, with itself.
  public typealias Message = (_ body: (inout Publication) -> Void) -> Void

  /// What the messages of a batch before one of them come to.
  private struct Batch {
    var count = 0
    var bytes = 0
    /// By topic, how many.
    var topics: [[UInt8]: Int] = [:]
    var ids: Set<[UInt8]> = []
    /// What keeping all of them may take.
    var memory = 0
  }

  /// What a message may take beside itself: its topic's places in the index, its id.
  private static var memoryMore: Int { 1_024 }

  /// Keeps all messages, one behind the other, or none: after a crash too, where
  /// `StreamSettings.keepsBatches` holds and the messages say what batch they are of. What each
  /// asks of the stream is asked before any is kept.
  ///
  /// Topics are taken as they are, and messages as they come: neither `StreamSettings.transform`
  /// nor the protocol of the stream sees them.
  ///
  /// - Returns: their offsets.
  /// - Throws: `AppendRefusal` when none is kept.
  public func append(together messages: [Message]) throws(AppendRefusal) -> Range<UInt64> {
    if let last = self.pending.last, last.offset >= self.log.nextOffset { self.settle() }
    var batch = Batch()
    for message in messages {
      if let refusal = self.refusal(of: message, in: &batch) { throw refusal }
    }
    guard self.tenant.memory.reserve(batch.memory) else { throw Self.isSpent }
    self.tenant.memory.release(batch.memory)
    do {
      try self.log.beginUnit()
    } catch {
      throw .log(error)
    }
    let first = self.log.nextOffset
    var refusal: AppendRefusal?
    self.isKeepingBatch = true
    for message in messages where refusal == nil {
      message { publication in
        do throws(AppendRefusal) {
          _ = try self.add(&publication, self.batchConditions(of: publication))
        } catch {
          refusal = error
        }
      }
    }
    self.isKeepingBatch = false
    self.log.endUnit()
    let end = self.log.nextOffset
    self.settle()
    if let refusal {
      // Nobody has heard of them, and nobody is to.
      self.whenCommitted(before: end) { [weak self] error in
        guard error == nil, let self, !self.isDeleted else { return }
        for offset in first..<end {
          if let record = self.log.record(at: offset) { self.drop(offset, record) }
        }
      }
      throw refusal
    }
    return first..<end
  }

  private func batchConditions(of publication: borrowing Publication) -> AppendConditions? {
    let conditions = self.engine.reader(for: publication.origin)?.conditions(of: publication)
    if conditions?.stream?.isEmpty == true { conditions?.stream = nil }
    return conditions
  }

  private func refusal(of message: Message, in batch: inout Batch) -> AppendRefusal? {
    var refusal: AppendRefusal?
    message { publication in
      do throws(AppendRefusal) {
        let conditions = self.batchConditions(of: publication)
        if let conditions { try self.check(conditions, publication, in: batch) }
        let size = publication.contentBytes + Record.keptBytesMore
        let ofTopic = batch.topics[Array(publication.topic)] ?? 0
        try self.check(
          publication, conditions, size: size, self.index.entry(of: publication.topic),
          ahead: (batch.count, batch.bytes, ofTopic))
        batch.count += 1
        batch.bytes += size
        batch.topics[Array(publication.topic), default: 0] += 1
        if let id = conditions?.messageID { batch.ids.insert(id) }
        batch.memory +=
          publication.contentBytes + 8 * publication.topic.count + Self.memoryMore
      } catch {
        refusal = error
      }
    }
    return refusal
  }

  /// Of what a batch writes itself nobody can say how it was before: that is refused.
  private func check(
    _ conditions: AppendConditions, _ publication: borrowing Publication, in batch: Batch
  ) throws(AppendRefusal) {
    if let id = conditions.messageID, batch.ids.contains(id) { throw .isDuplicate }
    if let pattern = conditions.topicEndPattern, conditions.topicEnd != nil {
      let isWritten = batch.topics.keys.contains { $0.withUnsafeBytes { pattern.matches($0) } }
      if isWritten { throw .expectsOfItself }
    } else if conditions.topicEnd != nil, batch.topics[Array(publication.topic)] != nil {
      throw .expectsOfItself
    }
    if batch.count > 0, conditions.nextOffset != nil || conditions.lastMessageID != nil {
      throw .expectsOfItself
    }
    switch conditions.rollup {
    case .topic where batch.topics[Array(publication.topic)] != nil: throw .rollsItselfUp
    case .all where batch.count > 0: throw .rollsItselfUp
    default: break
    }
    if try self.check(conditions, publication) != nil { throw .isDuplicate }
  }

  // MARK: After a crash

  /// The end of the part of a batch that begins, or goes on, at `offset`; and whether a crash has
  /// taken the rest. What follows the last that is there says so: where it is no part of the batch,
  /// nothing that was is. Where it was removed, nobody can say, and the batch is taken for whole.
  func batchPart(
    _ note: BatchNote, at offset: UInt64
  ) -> (end: UInt64, isTorn: Bool) {
    var end = offset
    var note: BatchNote? = note
    let id = note?.id
    while let own = note, own.id == id {
      end += 1
      if own.isLast { return (end, false) }
      guard end < self.log.nextOffset else { return (end, true) }
      guard let record = self.log.record(at: end) else { return (end, false) }
      note = self.conditions(of: record)?.batch
    }
    return (end, true)
  }

  func conditions(of record: Record) -> AppendConditions? {
    record.withPublication { self.engine.reader(for: record.origin)?.conditions(of: $0) }
  }
}
