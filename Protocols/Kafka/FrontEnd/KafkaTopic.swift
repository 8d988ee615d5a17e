import GodwitEngine
import KafkaWire
import NIOCore

/// A topic, with what Kafka's clients need to know of it beyond the engine.
final class KafkaTopic {
  let topic: PartitionedTopic
  let id: KafkaUUID
  private(set) var partitions: [KafkaPartition] = []
  private(set) var config: KafkaTopicConfig
  /// The route of messages to others.
  var memo: Route?
  private let notes: KafkaProducerNotes

  init(_ topic: PartitionedTopic) {
    self.topic = topic
    notes = KafkaProducerNotes(topic)
    id = Self.id(of: topic)
    config = KafkaTopicConfig(notes: topic.settings.notes)
    update()
  }

  var name: String { topic.name }
  var canonical: [UInt8] { topic.settings.topic }

  func partition(_ index: Int32) -> KafkaPartition? {
    partitions.indices.contains(Int(index)) ? partitions[Int(index)] : nil
  }

  /// The settings have changed.
  func update() {
    config = KafkaTopicConfig(notes: topic.settings.notes)
    for partition in topic.partitions.dropFirst(partitions.count) {
      partitions.append(KafkaPartition(partition, notes))
    }
  }

  /// How far ahead of now a sender's time may be, in nanoseconds: Kafka's own default.
  private static let aheadMax: Int64 = 3_600_000_000_000

  /// The time of a message of another protocol whose sender says when it was made.
  ///
  /// - Returns: `nil` where it is the time at which it came: the topic wants that, or the sender's
  ///   is none that a record can have or keep. One that is too old would make the record go at
  ///   once, and its sender could not be told.
  func time(sentAt: Int64, now: Int64) -> Int64? {
    let settings = topic.settings
    let ageMax = settings.cleanup.contains(.delete) ? settings.ageMax : 0
    guard !config.stampsAppendTime, sentAt >= (ageMax > 0 ? max(0, now - ageMax) : 0),
      sentAt - now <= Self.aheadMax
    else { return nil }
    return sentAt
  }

  /// When it was made, and a hash of its name: the same after a restart, and another for a topic
  /// that is made anew.
  private static func id(of topic: PartitionedTopic) -> KafkaUUID {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in topic.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return KafkaUUID(high: UInt64(bitPattern: topic.createdAt), low: hash | 1 << 63)
  }
}

extension KafkaOpenTransactions {
  /// The aborted transactions that a reader of a range has to know. It passes over what their
  /// producers have written until it comes to the marker; where compaction has removed that,
  /// everything before it is gone, and what follows is not to be passed over. A marker that is not
  /// committed yet will come.
  func aborted(
    in range: Range<UInt64>, of partition: Partition
  ) -> [KafkaAbortedTransaction] {
    aborted(in: range).filter {
      $0.last >= partition.committedOffset || partition.hasRecord(at: $0.last)
    }
  }
}

extension Partition {
  /// Whether something is there for readers that has this offset.
  fileprivate func hasRecord(at offset: UInt64) -> Bool {
    offset < committedOffset && log.next(from: offset) == offset
  }
}

/// A partition, with what is remembered of its producers.
final class KafkaPartition {
  let partition: Partition
  private(set) var producers = KafkaProducers()
  private(set) var transactions = KafkaOpenTransactions()
  /// For how many producers memory was taken.
  private var charged = 0
  private let memory: MemoryBudget
  private let notes: KafkaProducerNotes
  /// Whether it was asked of journal and log what producers had written before the start.
  private var isRecovered = false
  /// Where the log ended at the start: what is written down of what lies behind is lost.
  private let endAtStart: UInt64
  /// What producers have written before this offset is written down.
  private var notedOffset: UInt64 = 0
  private var isNoting = false
  /// How many bytes were appended since producers were written down last, and at how many they are
  /// written down again.
  private var unnotedBytes = 0
  private var unnotedBytesMax = KafkaPartition.unnotedBytesMax(behind: 0)

  /// The markers of aborted transactions that were found to be gone, and when that was looked at.
  private var goneMarkers: Set<UInt64> = []
  private var lookedForGoneAt: Int64 = 0
  private static let lookInterval: Int64 = 60_000_000_000

  /// What a producer takes of memory, about.
  private static let producerBytes = 384

  init(_ partition: Partition, _ notes: KafkaProducerNotes) {
    self.partition = partition
    self.notes = notes
    endAtStart = partition.nextOffset
    memory = partition.topic.tenant.memory
  }

  deinit { memory.release(charged * Self.producerBytes) }

  func setOwed(_ header: KafkaBatchHeader, _ isOwed: Bool) { producers.setOwed(header, isOwed) }

  /// Takes down a batch that was appended. When memory for another producer is lacking, others are
  /// forgotten for it.
  func note(_ header: KafkaBatchHeader, at offset: UInt64, producersMax: Int) {
    unnotedBytes += header.batchSize
    if header.producerID >= 0 {
      producers.note(header, at: offset, now: now, producersMax: producersMax)
      charge()
    }
    if unnotedBytes >= unnotedBytesMax { writeDown() }
  }

  /// Forgets producers that have not written for so many milliseconds, and have nothing open.
  func forgetProducers(silentFor milliseconds: Int) {
    producers.forget(silentSince: now - Int64(milliseconds)) { transactions.open[$0] != nil }
    charge()
  }

  /// By how long the broker has run: a clock that is set forward has nobody silent.
  private var now: Int64 { partition.topic.tenant.engine.uptime / 1_000_000 }

  private func charge() {
    while producers.count > charged {
      guard memory.reserve(Self.producerBytes) else {
        producers.shrink(to: max(charged, 1))
        break
      }
      charged += 1
    }
    if producers.count < charged {
      memory.release((charged - producers.count) * Self.producerBytes)
      charged = producers.count
    }
  }

  /// A producer's batch at an offset was not kept after all, nor what it wrote behind that.
  ///
  /// - Parameter isOpen: whether the batch was part of a transaction. What the producer sends next
  ///   may get an offset that was given to what is lost.
  func takeBack(_ producerID: Int64, from offset: UInt64, isOpen: Bool) {
    producers.takeBack(producerID, from: offset)
    if isOpen, transactions.open[producerID] != nil {
      transactions.began(producerID, at: partition.committedOffset)
    }
  }

  // MARK: Transactions

  /// What lies before this offset is not part of any open transaction, and committed.
  var lastStableOffset: UInt64 {
    let end = partition.committedOffset
    guard let open = transactions.firstOpen else { return end }
    return min(end, max(open, partition.firstOffset))
  }

  /// A producer has written within a transaction.
  func began(_ producerID: Int64, at offset: UInt64) { transactions.began(producerID, at: offset) }

  /// A producer's transaction has got its marker, whose epoch keeps older ones out.
  ///
  /// - Returns: as `KafkaOpenTransactions.ended`.
  func ended(
    _ producer: KafkaTransaction.Producer, at marker: UInt64, isAborted: Bool
  ) -> (first: UInt64, aborted: KafkaAbortedTransaction?)? {
    producers.fence(producer.id, epoch: producer.epoch)
    forgetAborted()
    return transactions.ended(producer.id, at: marker, isAborted: isAborted)
  }

  /// The marker of an aborted transaction is committed.
  func settle(_ aborted: KafkaAbortedTransaction) { transactions.settle(aborted) }

  /// Has a transaction open again whose marker the disk has refused: its offset may be another's
  /// now.
  func takeBack(_ aborted: KafkaAbortedTransaction) { transactions.takeBack(aborted) }

  /// Remembers an aborted transaction that was written down, unless compaction has removed its
  /// marker, and all of it before, or a crash the marker: then it gets another.
  ///
  /// - Returns: whether its marker is there.
  func recover(_ aborted: KafkaAbortedTransaction) -> Bool {
    guard partition.hasRecord(at: aborted.last) else { return false }
    transactions.recover(aborted)
    return true
  }

  /// Forgets the aborted transactions whose markers are gone, and were when it was looked before,
  /// a minute ago or more: by then no crash brings back what went with them.
  func forgetAborted() {
    let now = partition.topic.tenant.engine.now
    guard now - lookedForGoneAt >= Self.lookInterval else { return }
    lookedForGoneAt = now
    let before = goneMarkers
    transactions.forget { before.contains($0.last) }
    goneMarkers = Set(
      transactions.aborted.all.map(\.last).filter { !partition.hasRecord(at: $0) })
  }

  // MARK: Recovery

  var index: Int32 { Int32(clamping: partition.index) }

  /// Learns what producers have written last, from what is written down of it and the log behind
  /// that: so what they repeat after a restart of the broker is not there twice. Where something of
  /// the log is missing between the two, they may have written that as well.
  func recover(producersMax: Int) {
    guard !isRecovered else { return }
    isRecovered = true
    let found = notes.take(index) { [weak self] in self?.entry }
    let end = partition.committedOffset
    if let found {
      notedOffset = min(found.end, endAtStart)
      unnotedBytesMax = Self.unnotedBytesMax(behind: found.bytes?.readableBytes ?? 0)
    }
    let read = headers(from: max(notedOffset, partition.firstOffset), to: end)
    unnotedBytes += read.bytes
    if endAtStart > 0, let found {
      let isStale = !read.isWhole || partition.startOffset > notedOffset
      for producer in found.producers {
        producers.take(producer, before: endAtStart, isStale: isStale, now: now)
      }
    }
    for (header, first) in read.headers {
      producers.note(header, at: first, now: now, producersMax: producersMax)
    }
    charge()
    producers.setAllOwed()
    // What is lost would count as known again once others have its offsets.
    if let found, found.end > endAtStart { writeDown() }
  }

  /// The batches of producers at the end of the log, oldest first, and whether these are all from
  /// `start` on: no more is read than there is where producers are written down in time.
  private func headers(
    from start: UInt64, to end: UInt64
  ) -> (headers: [(KafkaBatchHeader, UInt64)], bytes: Int, isWhole: Bool) {
    var headers: [(KafkaBatchHeader, UInt64)] = []
    var offset = end
    var bytes = 0
    while offset > start, bytes < 2 * unnotedBytesMax {
      guard let entry = partition.log.entry(at: offset - 1) else {
        offset -= 1
        bytes += 64
        continue
      }
      bytes += entry.byteCount
      offset = min(offset - 1, entry.offsets.lowerBound)
      guard case .batch(let batch, _, let first, _) = entry,
        let header = batch.withUnsafeReadableBytes({ KafkaBatchHeader($0) })
      else { continue }
      if header.producerID >= 0 { headers.append((header, first)) }
    }
    return (headers.reversed(), bytes, isWhole: offset <= start)
  }

  // MARK: Writing producers down

  /// Before this offset, what the log says of producers is written down, so that it may go. What is
  /// missing of that is on its way when this returns.
  func settleProducers() -> UInt64 {
    guard partition.topic.tenant.store.isDurable, notes.isThere else { return .max }
    recover(producersMax: .max)
    guard producers.count > 0 else { return .max }
    if notedOffset < partition.log.sealedOffset { writeDown() }
    return notedOffset
  }

  private var entry: KafkaProducerEntry {
    KafkaProducerEntry(producers, of: index, before: partition.committedOffset)
  }

  private func writeDown() {
    guard !isNoting, isRecovered, !partition.topic.isDeleted else { return }
    isNoting = true
    let entry = entry
    let bytes = unnotedBytes
    unnotedBytes = 0
    let size = notes.write(entry) { [weak self] error in
      guard let self else { return }
      isNoting = false
      if error == nil {
        notedOffset = max(notedOffset, entry.end)
      } else {
        // It is tried again soon, but not with each batch.
        unnotedBytes += bytes / 2
      }
    }
    unnotedBytesMax = Self.unnotedBytesMax(behind: size)
  }

  private static func unnotedBytesMax(behind size: Int) -> Int { max(4 << 20, 8 * size) }
}

/// Which partition gets a key: as Kafka's own clients choose.
enum KafkaPartitioner {
  static func partition(of key: [UInt8], among count: Int) -> Int {
    count > 1 ? Int(hash(key) & 0x7FFF_FFFF) % count : 0
  }

  /// MurmurHash2 with Kafka's seed.
  static func hash(_ key: [UInt8]) -> UInt32 {
    let m: UInt32 = 0x5BD1_E995
    var h: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: key.count)
    var index = 0
    while index + 4 <= key.count {
      var k =
        UInt32(key[index]) | UInt32(key[index + 1]) << 8 | UInt32(key[index + 2]) << 16
        | UInt32(key[index + 3]) << 24
      k = k &* m
      k ^= k >> 24
      k = k &* m
      h = (h &* m) ^ k
      index += 4
    }
    let left = key.count - index
    if left == 3 { h ^= UInt32(key[index + 2]) << 16 }
    if left >= 2 { h ^= UInt32(key[index + 1]) << 8 }
    if left >= 1 {
      h ^= UInt32(key[index])
      h = h &* m
    }
    h ^= h >> 13
    h = h &* m
    return h ^ h >> 15
  }
}
