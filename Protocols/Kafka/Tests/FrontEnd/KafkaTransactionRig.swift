import GodwitEngine
import GodwitPrimitives
import KafkaWire
import NIOCore

@testable import KafkaFrontEnd

/// Journals that fail and go silent when told; logs are in memory and outlive `restart`.
final class JournalStore: Store {
  final class Kept: Journal {
    var entries: [ByteBuffer] = []
    unowned let store: JournalStore
    init(_ store: JournalStore) { self.store = store }
    var wantsSnapshot: Bool { store.wantsSnapshots }
    var isDamaged: Bool { store.isDamaged }
    func replay(_ body: (ByteBuffer) -> Void) { entries.forEach(body) }
    func append(_ entry: ByteBuffer) {
      if !store.fails { entries.append(entry) }
    }
    func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {
      entries = []
      produce { entries.append($0) }
    }
    func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
      if store.fails { return body(EngineError(.storageFailed, "the disk is full")) }
      if store.isSilent { store.waiting.append(body) } else { body(nil) }
    }
  }

  private let memory: any Store
  private(set) var journals: [String: Kept] = [:]
  /// Commits what is appended when told.
  private(set) var logs: [String: LateLog] = [:]
  var fails = false
  /// Entries are kept, but nobody hears of it: the process is about to die, or the disk is slow.
  var isSilent = false
  private var waiting: [(EngineError?) -> Void] = []
  var wantsSnapshots = false
  /// What was kept could not be read whole.
  var isDamaged = false

  init(_ memory: any Store) { self.memory = memory }

  /// The disk is done with what it has.
  func speak() {
    isSilent = false
    let bodies = waiting
    waiting = []
    for body in bodies { body(nil) }
  }

  var isDurable: Bool { true }
  func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
    if let log = logs[name] { return log }
    let made = LateLog(try memory.log(named: name, isKnown: isKnown))
    logs[name] = made
    return made
  }
  func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal {
    if let journal = journals[name] { return journal }
    let made = Kept(self)
    journals[name] = made
    return made
  }
  func remove(named name: String) {
    logs[name] = nil
    journals[name] = nil
    memory.remove(named: name)
  }
}

/// A topic of two partitions, and the transactions of a tenant.
final class TransactionRig {
  let engine: Engine
  let clock = TestClock()
  let tenant: Tenant
  let store: JournalStore
  let topic: PartitionedTopic
  let origin: Origin
  private let listener: Listener
  private let keeper: KafkaBatchKeeper
  private(set) var partitions: [KafkaPartition] = []
  private(set) var transactions: KafkaTransactions! = nil
  /// What others were told, by the value.
  private(set) var told: [String] = []
  private var producerIDs: Int64 = 100

  /// Somebody who listens to the topic by another protocol.
  private final class Listener: Subscriber {
    override func deliver(
      _ publication: inout Publication, to subscription: Subscription,
      prefix: UnsafeRawBufferPointer
    ) -> Bool { true }
  }

  /// - Parameter found: entries of journals that a process before has left.
  init(
    now: Int64 = 1_700_000_000_000_000_000, found: [String: [ByteBuffer]] = [:],
    _ change: (inout PartitionedTopicSettings) -> Void = { _ in }
  ) throws {
    engine = Engine(now: now)
    tenant = engine.tenant(named: "t")
    store = JournalStore(tenant.memoryStore)
    tenant.store = store
    for (name, entries) in found {
      for entry in entries { try store.journal(named: name, isKnown: true).append(entry) }
    }
    try tenant.cursors.restore()
    origin = engine.register(origin: "kafka", reader: KafkaEnvelope())
    keeper = KafkaBatchKeeper(origin: origin)
    tenant.partitionedTopics.keeper = keeper
    var settings = PartitionedTopicSettings(name: "t", topic: Array("t".utf8), partitions: 2)
    change(&settings)
    topic = try tenant.partitionedTopics.create(settings)
    listener = Listener(tenant: tenant)
    try tenant.router.subscribe(
      Subscription(pattern: TopicPattern(canonical: Array("t".utf8)), subscriber: listener))
    try restart()
  }

  /// The process dies and comes again: what was in memory is gone, journals and logs are not.
  func restart() throws {
    store.fails = false
    store.isSilent = false
    let notes = KafkaProducerNotes(topic)
    partitions = topic.partitions.map { KafkaPartition($0, notes) }
    transactions = KafkaTransactions(
      tenant, clock: clock, origin: origin,
      find: { [unowned self] place in
        place.topic == Self.topicID && partitions.indices.contains(Int(place.partition))
          ? partitions[Int(place.partition)] : nil
      },
      makeID: { [unowned self] in
        producerIDs += 1
        return producerIDs
      },
      tell: { [unowned self] batch, _, done in
        told += Self.values(of: batch)
        done(nil)
      })
    _ = try transactions.restore()
    keeper.transactions = transactions
    keeper.find = { [unowned self] in (Self.place(Int32($0.index)), partitions[$0.index]) }
  }

  /// The process dies, and comes again with what its journals have, and empty logs, at any time.
  func next(now: Int64) throws -> TransactionRig {
    let found = store.journals.filter { ["cursors", "kafka.transactions"].contains($0.key) }
    return try TransactionRig(now: now, found: found.mapValues(\.entries))
  }

  /// Time passes, and what was to be done by then is.
  func pass(seconds: Int64) {
    engine.advance(to: engine.now + seconds * 1_000_000_000)
    _ = engine.timers.fireDue()
  }

  static let topicID = KafkaUUID(high: 1, low: 2)

  static func place(_ partition: Int32) -> KafkaPlace {
    KafkaPlace(topic: topicID, partition: partition)
  }

  private static func values(
    of batch: ByteBuffer, _ isLeft: (Int64) -> Bool = { _ in true }
  ) -> [String] {
    var batch = batch
    let records = (try? KafkaBatch.next(from: &batch)?.records(sizeMax: 1 << 20)) ?? []
    return records.filter { isLeft($0.offset) }.map { record in
      record.value.map { String(buffer: $0) } ?? String(buffer: record.key ?? ByteBuffer()) + "="
    }
  }

  // MARK: What a producer does

  func begin(
    _ id: String = "x", timeout: Int = 60_000, expected: KafkaTransaction.Producer? = nil
  ) -> Result<KafkaTransaction.Producer, KafkaRefusal>? {
    var answer: Result<KafkaTransaction.Producer, KafkaRefusal>?
    transactions.begin(id, timeout: timeout, expected: expected) { answer = $0 }
    return answer
  }

  func add(_ partitions: [Int32], _ producer: KafkaTransaction.Producer) -> KafkaErrorCode? {
    var answer: KafkaErrorCode?
    transactions.add(partitions.map(Self.place), to: "x", producer) { answer = $0 }
    return answer
  }

  /// Appends a batch as Produce does.
  @discardableResult
  func write(
    _ value: String, _ producer: KafkaTransaction.Producer, to index: Int32
  ) throws -> KafkaErrorCode? {
    if let error = transactions.mayWrite("x", producer, to: Self.place(index)) { return error }
    var builder = KafkaBatchBuilder()
    builder.producerID = producer.id
    builder.producerEpoch = producer.epoch
    builder.baseSequence = 0
    builder.attributes.isTransactional = true
    try builder.append(KafkaRecord(timestamp: 1, value: ByteBuffer(string: value)))
    let partition = partitions[Int(index)]
    let offset = try partition.partition.append(
      batch: try builder.finish(), form: 0, origin: origin, count: 1, time: 1)
    partition.began(producer.id, at: offset)
    return nil
  }

  /// A record of no transaction.
  func write(_ value: String, to index: Int) throws {
    _ = try topic.partitions[index].append(
      tenant.record(topic: Array("t".utf8), payload: Array(value.utf8)))
  }

  func hold(
    _ offset: UInt64, of partition: Int32, _ producer: KafkaTransaction.Producer
  ) -> KafkaErrorCode? {
    var answer: KafkaErrorCode?
    transactions.add(group: "g", to: "x", producer) { answer = $0 }
    guard answer == .noError else { return answer }
    transactions.hold(
      [Self.place(partition): .init(offset: offset, note: "-1 ")], of: "g", for: "x", producer,
      begins: false
    ) { answer = $0 }
    return answer
  }

  func end(_ producer: KafkaTransaction.Producer, isCommit: Bool) -> KafkaErrorCode? {
    switch finish(producer, isCommit: isCommit, raises: false) {
    case .success?: .noError
    case .failure(let refusal)?: refusal.code
    case nil: nil
    }
  }

  // MARK: The form in which the epoch rises with each transaction

  /// A batch, whose partition becomes part of the transaction by that.
  @discardableResult
  func send(
    _ value: String, _ producer: KafkaTransaction.Producer, to index: Int32
  ) throws -> KafkaErrorCode? {
    _ = add([index], producer)
    return try write(value, producer, to: index)
  }

  func holdAtOnce(
    _ offset: UInt64, of partition: Int32, _ producer: KafkaTransaction.Producer
  ) -> KafkaErrorCode? {
    var answer: KafkaErrorCode?
    transactions.hold(
      [Self.place(partition): .init(offset: offset, note: "-1 ")], of: "g", for: "x", producer,
      begins: true
    ) { answer = $0 }
    return answer
  }

  func finish(
    _ producer: KafkaTransaction.Producer, isCommit: Bool, raises: Bool = true
  ) -> Result<KafkaTransaction.Producer, KafkaRefusal>? {
    var answer: Result<KafkaTransaction.Producer, KafkaRefusal>?
    transactions.end("x", producer, isCommit: isCommit, raises: raises) { answer = $0 }
    return answer
  }

  /// Who has the markers in a partition.
  func markers(_ index: Int) -> [KafkaTransaction.Producer] {
    partitions[index].partition.entries(from: 0, maxBytes: 1 << 20).compactMap { entry in
      guard case .batch(let batch, _, _, _) = entry,
        let header = batch.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
        header.attributes.isControl
      else { return nil }
      return .init(id: header.producerID, epoch: header.producerEpoch)
    }
  }

  // MARK: What readers see

  /// What a reader of committed records gets of a partition.
  func committed(_ index: Int) -> [String] {
    let partition = partitions[index].partition
    return committed(index, partition.entries(from: 0, maxBytes: 1 << 20), from: 0)
  }

  /// What a reader of committed records makes of a response with so many entries, when batches have
  /// been made smaller.
  func committed(_ index: Int, _ entries: [LogEntry], from start: UInt64) -> [String] {
    let partition = partitions[index]
    let stable = partition.lastStableOffset
    let entries = entries.filter { $0.offsets.lowerBound < stable }
    guard let end = entries.last?.offsets.upperBound else { return [] }
    var skipped: Set<Int64> = []
    var aborted = partition.transactions.aborted(in: start..<end, of: partition.partition)
    var found: [String] = []
    for entry in entries {
      switch entry {
      case .record(let record, _): found.append(String(buffer: record.body))
      case .batch(let batch, _, let first, let count):
        guard let header = batch.withUnsafeReadableBytes({ KafkaBatchHeader($0) }) else { continue }
        for each in aborted where each.first < first + UInt64(count) {
          skipped.insert(each.producerID)
        }
        aborted.removeAll { $0.first < first + UInt64(count) }
        if header.attributes.isControl {
          skipped.remove(header.producerID)
        } else if !header.attributes.isTransactional || !skipped.contains(header.producerID) {
          found += Self.values(of: batch) { delta in
            let offset = first + UInt64(delta)
            return partition.partition.log.next(from: offset) == offset
          }
        }
      }
    }
    return found
  }

  func position(_ partition: Int) -> UInt64? {
    tenant.cursors.position(of: KafkaTenant.cursorGroup("g"), in: "t-\(partition)")?.offset
  }

  var state: KafkaTransaction.State? { transactions.byID["x"]?.state }
}
