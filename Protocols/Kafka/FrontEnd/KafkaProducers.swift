import KafkaWire

/// What one partition remembers of idempotent producers: enough to tell what comes again, and what
/// comes out of order (KIP-98). Pure.
struct KafkaProducers {
  /// What is to become of a batch.
  enum Verdict: Hashable {
    /// It is new.
    case new
    /// It was appended before, at these offsets.
    case duplicate(first: UInt64, count: Int)
    /// It is refused.
    case refused(KafkaErrorCode)
  }

  /// One batch that was appended.
  struct Batch: Hashable {
    var firstSequence: Int32
    var lastSequence: Int32
    var offset: UInt64
    var count: Int
  }

  struct Producer {
    var epoch: Int16
    /// The latest time of its last batch, in milliseconds since 1970.
    var lastTimestamp: Int64 = -1
    /// The last five, oldest first: a client has at most as many under way.
    var batches: [Batch] = []
    /// Whether its epoch has risen by a transaction's end, and nothing was written with it.
    fileprivate(set) var beginsAnew = false
    /// Whether it may have written more since, of which nothing is known: any number is taken next.
    fileprivate(set) var isStale = false
    /// When it wrote last, as a count of writes.
    var usedAt: UInt64 = 0
    /// And in milliseconds of a clock that is never set, or when it was learnt that it had.
    var seenAt: Int64 = 0

    fileprivate mutating func raise(to epoch: Int16) {
      self.epoch = epoch
      batches = []
      beginsAnew = true
    }

    fileprivate mutating func note(
      _ header: KafkaBatchHeader, at offset: UInt64, usedAt: UInt64, now: Int64
    ) {
      if epoch != header.producerEpoch { raise(to: header.producerEpoch) }
      self.usedAt = usedAt
      seenAt = now
      lastTimestamp = header.maxTimestamp
      // A marker of a transaction's end has no sequence; it says which epoch is current.
      guard header.baseSequence >= 0 else { return }
      if isStale {
        // What was known does not adjoin.
        batches = []
        isStale = false
      }
      if batches.count >= KafkaProducers.batchesMax { batches.removeFirst() }
      batches.append(
        Batch(
          firstSequence: header.baseSequence, lastSequence: header.lastSequence, offset: offset,
          count: Int(header.lastOffsetDelta) + 1))
    }
  }

  /// How many batches of a producer are remembered.
  static let batchesMax = 5

  private(set) var byID: [Int64: Producer] = [:]
  /// First sequences of batches that are here, but not with all who should have them.
  private var owed: [Int64: Set<Int32>] = [:]
  private var writes: UInt64 = 0

  /// How many producers are remembered.
  var count: Int { byID.count }

  /// Judges a batch of an idempotent producer; one of another is always new.
  func judge(_ header: KafkaBatchHeader) -> Verdict {
    guard header.producerID >= 0 else { return .new }
    guard let producer = byID[header.producerID] else {
      // Its earlier batches may have gone of age, so any number is taken.
      return .new
    }
    if header.producerEpoch < producer.epoch { return .refused(.invalidProducerEpoch) }
    if header.producerEpoch > producer.epoch {
      return header.baseSequence == 0 || producer.isStale
        ? .new : .refused(.outOfOrderSequenceNumber)
    }
    if let known = producer.batches.first(where: {
      $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
    }) {
      return .duplicate(first: known.offset, count: known.count)
    }
    if producer.isStale { return .new }
    let expected = producer.batches.last.map { Self.next($0.lastSequence) }
    guard let expected = expected ?? (producer.beginsAnew ? 0 : nil) else { return .new }
    return header.baseSequence == expected ? .new : .refused(.outOfOrderSequenceNumber)
  }

  /// Takes down a batch that was appended at `offset`.
  ///
  /// - Parameters:
  ///   - now: in milliseconds of a clock that is never set.
  ///   - producersMax: how many producers are remembered; who wrote longest ago is forgotten.
  mutating func note(
    _ header: KafkaBatchHeader, at offset: UInt64, now: Int64, producersMax: Int
  ) {
    guard header.producerID >= 0 else { return }
    writes &+= 1
    byID[header.producerID, default: Producer(epoch: header.producerEpoch)]
      .note(header, at: offset, usedAt: writes, now: now)
    // An eighth at once, so that a flood of producers does not search each time.
    if byID.count > producersMax { shrink(to: max(1, producersMax - producersMax / 8)) }
  }

  /// Takes over a producer that was written down, as the one who wrote last.
  ///
  /// - Parameters:
  ///   - end: what does not lie before it is not there after all.
  ///   - isStale: whether it may have written more since.
  mutating func take(
    _ written: KafkaProducerEntry.Producer, before end: UInt64, isStale: Bool = false, now: Int64
  ) {
    let batches = written.batches.map(Batch.init).filter { $0.offset < end }
    guard written.id >= 0, !batches.isEmpty || written.batches.isEmpty else { return }
    writes &+= 1
    byID[written.id] = Producer(
      epoch: written.epoch, lastTimestamp: written.lastTimestamp,
      batches: batches.suffix(Self.batchesMax), beginsAnew: written.beginsAnew, isStale: isStale,
      usedAt: writes, seenAt: now)
  }

  /// Takes down a producer's epoch: what it sends with an older one is refused.
  mutating func fence(_ producerID: Int64, epoch: Int16) {
    guard let known = byID[producerID], known.epoch < epoch else { return }
    byID[producerID]?.raise(to: epoch)
  }

  /// Notes whether a batch that is here is still to be given to others who should keep it, when it
  /// comes again.
  mutating func setOwed(_ header: KafkaBatchHeader, _ isOwed: Bool) {
    guard byID[header.producerID] != nil, header.baseSequence >= 0 else { return }
    if isOwed {
      var sequences = owed[header.producerID] ?? []
      // No more come again than are remembered.
      if sequences.count >= Self.batchesMax { sequences.removeFirst() }
      sequences.insert(header.baseSequence)
      owed[header.producerID] = sequences
    } else if owed[header.producerID]?.remove(header.baseSequence) != nil,
      owed[header.producerID]?.isEmpty == true
    {
      owed[header.producerID] = nil
    }
  }

  /// After a start nobody knows whether others got the batches that are here: of those that come
  /// again, nobody has told the sender that they did.
  mutating func setAllOwed() {
    for (id, producer) in byID where !producer.batches.isEmpty {
      owed[id] = Set(producer.batches.map(\.firstSequence))
    }
  }

  /// Whether others should still get a batch that comes again.
  func isOwed(_ header: KafkaBatchHeader) -> Bool {
    owed[header.producerID]?.contains(header.baseSequence) ?? false
  }

  /// Takes back what a producer wrote from an offset on: it was not kept after all, and is welcome
  /// again. What it wrote before is known still.
  mutating func takeBack(_ producerID: Int64, from offset: UInt64) {
    byID[producerID]?.batches.removeAll { $0.offset >= offset }
    // Which sequence comes next is not known then.
    if byID[producerID]?.batches.isEmpty == true { forget(producerID) }
  }

  /// Forgets a producer.
  mutating func forget(_ producerID: Int64) {
    byID[producerID] = nil
    owed[producerID] = nil
  }

  /// Forgets those who have not written since a time, but for some.
  mutating func forget(silentSince time: Int64, unless isNeeded: (Int64) -> Bool) {
    let silent = byID.filter { $0.value.seenAt < time && !isNeeded($0.key) }
    for id in silent.keys { forget(id) }
  }

  /// Forgets those who wrote longest ago, until no more than `count` are left.
  mutating func shrink(to count: Int) {
    guard byID.count > count else { return }
    let oldest = byID.sorted { $0.value.usedAt < $1.value.usedAt }
    for (id, _) in oldest.prefix(byID.count - count) { forget(id) }
  }

  /// Sequences begin anew after 2,147,483,647.
  private static func next(_ sequence: Int32) -> Int32 {
    sequence == .max ? 0 : sequence + 1
  }
}
