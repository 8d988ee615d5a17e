import GodwitEngine
import KafkaWire
import NIOCore

/// What a topic's partitions know of producers, as it is written down in the topic's own journal:
/// each partition whole, now and then, and before compaction takes what it was learnt from.
final class KafkaProducerNotes {
  private let open: () throws(EngineError) -> any Journal
  private var journal: (any Journal)?
  private var isRead = false
  /// What was found of partitions that have not asked for it yet.
  private var found: [Int32: ByteBuffer] = [:]
  /// What those that have would write down.
  private var entries: [Int32: () -> KafkaProducerEntry?] = [:]

  init(_ topic: PartitionedTopic) {
    open = { [unowned topic] () throws(EngineError) in try topic.notes() }
  }

  /// Whether anything can be written down at all.
  var isThere: Bool {
    read()
    return journal != nil
  }

  /// What was written down last of a partition.
  ///
  /// - Parameter entry: what is to be written down whenever all of the journal is.
  func take(_ index: Int32, _ entry: @escaping () -> KafkaProducerEntry?) -> KafkaProducerEntry? {
    read()
    entries[index] = entry
    return found.removeValue(forKey: index).flatMap { KafkaProducerEntry($0) }
  }

  /// Writes a partition down.
  ///
  /// - Returns: how many bytes that takes.
  func write(_ entry: KafkaProducerEntry, _ done: @escaping (EngineError?) -> Void) -> Int {
    read()
    guard let journal, let bytes = entry.bytes else {
      done(EngineError(.storageFailed, "what is known of producers cannot be written down"))
      return 0
    }
    journal.propose([bytes], done)
    if journal.wantsSnapshot {
      journal.replace { add in
        for bytes in found.values { add(bytes) }
        for entry in entries.values { entry()?.bytes.map(add) }
      }
    }
    return bytes.readableBytes
  }

  private func read() {
    guard !isRead else { return }
    isRead = true
    // Where it cannot be read, the log has to do.
    guard let made = try? open() else { return }
    try? made.replay { bytes in
      guard let entry = KafkaProducerEntry(bytes) else { return }
      found[entry.index] = bytes.copied
    }
    journal = made
  }
}

/// What the journal of a topic's producers has: what a partition has known of them at some time.
struct KafkaProducerEntry: KafkaJournalEntry {
  /// A producer; see `KafkaProducers.Producer`.
  struct Producer: KafkaStructure {
    var id: Int64 = -1
    var epoch: Int16 = -1
    var lastTimestamp: Int64 = -1
    var beginsAnew = false
    var batches: [Batch] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&id)
      try visitor.visit(&epoch)
      try visitor.visit(&lastTimestamp)
      try visitor.visit(&beginsAnew)
      try visitor.visit(&batches)
    }
  }

  /// One of its batches.
  struct Batch: KafkaStructure {
    var firstSequence: Int32 = 0
    var lastSequence: Int32 = 0
    var offset: Int64 = 0
    var count: Int32 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&firstSequence)
      try visitor.visit(&lastSequence)
      try visitor.visit(&offset)
      try visitor.visit(&count)
    }
  }

  private struct Partition: KafkaStructure {
    var index: Int32 = 0
    var end: Int64 = 0
    var producers: [Producer] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&index)
      try visitor.visit(&end)
      try visitor.visit(&producers)
    }
  }

  private var partition = Partition()

  var index: Int32 { partition.index }
  /// What lies before this offset is known.
  var end: UInt64 { UInt64(clamping: partition.end) }
  /// Those who wrote last come last.
  var producers: [Producer] { partition.producers }

  /// What is known of a partition's producers and lies before an offset.
  init(_ producers: KafkaProducers, of index: Int32, before end: UInt64) {
    partition.index = index
    partition.end = Int64(clamping: end)
    partition.producers = producers.written(before: end)
  }

  // MARK: Bytes

  private static let kind: UInt8 = 1
  var kind: UInt8 { Self.kind }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    guard kind == Self.kind else { return nil }
    partition = try Partition(from: &reader)
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    try partition.write(to: &writer)
  }
}

extension KafkaProducers {
  /// The producers as they are written down, without what does not lie before an offset, and
  /// without those that may have written more than is known: they are unknown to the next start.
  fileprivate func written(before end: UInt64) -> [KafkaProducerEntry.Producer] {
    byID.sorted { $0.value.usedAt < $1.value.usedAt }.compactMap { id, producer in
      let batches = producer.batches.filter { $0.offset < end }
      guard !producer.isStale, !batches.isEmpty || producer.batches.isEmpty else { return nil }
      return .with {
        $0.id = id
        $0.epoch = producer.epoch
        $0.lastTimestamp = producer.lastTimestamp
        $0.beginsAnew = producer.beginsAnew
        $0.batches = batches.map { batch in
          .with {
            $0.firstSequence = batch.firstSequence
            $0.lastSequence = batch.lastSequence
            $0.offset = Int64(clamping: batch.offset)
            $0.count = Int32(clamping: batch.count)
          }
        }
      }
    }
  }
}

extension KafkaProducers.Batch {
  init(_ written: KafkaProducerEntry.Batch) {
    self.init(
      firstSequence: written.firstSequence, lastSequence: written.lastSequence,
      offset: UInt64(clamping: written.offset), count: Int(written.count))
  }
}
