import GodwitEngine
import KafkaWire
import NIOCore

/// A tenant's transactions: Kafka's transaction coordinator.
///
/// What a client is told was written down before: in the tenant's journal `kafka.transactions`. A
/// transaction that a crash left open is aborted by its time-out or by the producer's return; one
/// that was decided is completed at the start. `+Ending` writes the ends.
final class KafkaTransactions {
  /// What is let in.
  struct Rules {
    /// The longest time-out, in milliseconds.
    var timeoutMax = 900_000
    /// How many transactional ids are remembered.
    var countMax = 100_000
    /// How long an id is remembered that nobody uses, in milliseconds.
    var lifetime = 604_800_000
  }

  /// What an operation answers with, once that lasts.
  typealias Answer = (KafkaErrorCode) -> Void

  private static let journalName = "kafka.transactions"
  /// The longest transactional id, and name of a group, in bytes.
  static let nameBytesMax = 32_767
  /// What an id, and what a partition or a position takes of memory, about.
  private static let idBytes = 640
  private static let partBytes = 192
  /// How often ids are looked at for those that nobody uses, in milliseconds.
  private static let lookInterval: Int64 = 60_000
  private static let lookIntervalWhenFull: Int64 = 1_000

  let tenant: Tenant
  let clock: any KafkaClock
  let origin: Origin
  var rules = Rules()
  /// Finds a partition of a topic that is still there.
  let find: (KafkaPlace) -> KafkaPartition?
  /// Makes a number that no producer had.
  let makeID: () -> Int64
  /// Publishes a batch to those who listen by other protocols, and then calls back.
  typealias Tell = (ByteBuffer, Partition, @escaping (EngineError?) -> Void) -> Void
  let tell: Tell

  private(set) var byID: [String: KafkaTransaction] = [:]
  /// Those that are under way.
  var active: [String: KafkaTransaction] = [:]
  private var idCharges: [String: AnyObject] = [:]
  private var journal: (any Journal)?
  private var lookedAt: Int64 = 0

  init(
    _ tenant: Tenant, clock: any KafkaClock, origin: Origin,
    find: @escaping (KafkaPlace) -> KafkaPartition?, makeID: @escaping () -> Int64,
    tell: @escaping Tell
  ) {
    self.tenant = tenant
    self.clock = clock
    self.origin = origin
    self.find = find
    self.makeID = makeID
    self.tell = tell
  }

  /// Milliseconds since 1970.
  var now: Int64 { tenant.engine.now / 1_000_000 }

  /// All transactions, by their ids.
  var all: [KafkaTransaction] { byID.values.sorted { $0.id < $1.id } }

  // MARK: Producers

  /// InitProducerId with a transactional id: whoever had it is kept out, and what was open is
  /// aborted.
  ///
  /// - Parameter expected: who the producer was, if it says so.
  func begin(
    _ id: String, timeout: Int, expected: KafkaTransaction.Producer?,
    _ answer: @escaping (Result<KafkaTransaction.Producer, KafkaRefusal>) -> Void
  ) {
    func refuse(_ code: KafkaErrorCode, _ why: String = "") {
      answer(.failure(KafkaRefusal(code, why)))
    }
    guard !id.isEmpty, id.utf8.count <= Self.nameBytesMax else { return refuse(.invalidRequest) }
    guard timeout > 0, timeout <= rules.timeoutMax else {
      return refuse(.invalidTransactionTimeout)
    }
    guard let transaction = byID[id] ?? make(id, timeout: timeout) else {
      return refuse(.policyViolation, "too many transactional ids")
    }
    guard !transaction.isBusy, !transaction.state.isDecided else {
      return refuse(.concurrentTransactions)
    }
    if let expected {
      guard transaction.knows(expected),
        transaction.state != .ongoing || expected.epoch == transaction.producer.epoch
      else { return refuse(.producerFenced) }
    }
    guard transaction.state != .ongoing else {
      return end(
        transaction, isCommit: false, for: expected == nil ? .another : .producer
      ) { result in
        if case .failure(let refusal) = result { return answer(.failure(refusal)) }
        guard !transaction.state.isDecided else { return refuse(.concurrentTransactions) }
        self.begin(id, timeout: timeout, expected: expected, answer)
      }
    }
    let error = transaction.begin(
      timeout: timeout, expected: expected, now: now, makeID: makeID)
    if let error { return refuse(error) }
    transaction.isBusy = true
    write(KafkaTransactionEntry(transaction)) { error in
      transaction.isBusy = false
      guard error == nil else { return refuse(.coordinatorNotAvailable) }
      answer(.success(transaction.producer))
    }
  }

  private func make(_ id: String, timeout: Int) -> KafkaTransaction? {
    forgetUnused()
    guard byID.count < rules.countMax,
      let charge = tenant.memory.charge(Self.idBytes + id.utf8.count)
    else { return nil }
    let made = KafkaTransaction(id: id, producerID: makeID(), timeout: timeout, now: now)
    byID[id] = made
    idCharges[id] = charge
    return made
  }

  /// Forgets ids that nobody has used for long.
  private func forgetUnused() {
    let interval = byID.count < rules.countMax ? Self.lookInterval : Self.lookIntervalWhenFull
    guard now - lookedAt >= interval else { return }
    lookedAt = now
    let before = now - Int64(rules.lifetime)
    for transaction in Array(byID.values)
    where transaction.changedAt < before && active[transaction.id] == nil && !transaction.isBusy {
      byID[transaction.id] = nil
      idCharges[transaction.id] = nil
      if let entry = KafkaTransactionEntry.forgotten(transaction.id).bytes {
        try? openJournal().append(entry)
      }
    }
  }

  // MARK: Adding

  /// AddPartitionsToTxn, and Produce of those who leave that to the broker (KIP-890). Answers come
  /// in the order of the calls: what a producer has sent first to a partition stays first.
  ///
  /// - Parameter places: the partitions; each must be there.
  func add(
    _ places: [KafkaPlace], to id: String, _ said: KafkaTransaction.Producer,
    _ answer: @escaping Answer
  ) {
    guard let transaction = byID[id] else { return answer(.invalidProducerIDMapping) }
    if let error = transaction.mayAdd(said) { return answer(error) }
    let new = places.filter {
      transaction.partitions[$0] == nil || transaction.unwritten.contains($0)
    }
    guard transaction.state != .ongoing || !new.isEmpty || transaction.waiting > 0 else {
      return answer(.noError)
    }
    let unknown = Set(new).filter { transaction.partitions[$0] == nil }
    if !unknown.isEmpty {
      guard let charge = tenant.memory.charge(Self.partBytes * unknown.count) else {
        return answer(.coordinatorNotAvailable)
      }
      transaction.charges.append(charge)
    }
    var parts = KafkaTransaction.Parts()
    for place in new {
      // Nothing of it can stand before what is committed now; what is not may be taken back, and
      // its offsets be given again.
      let first =
        transaction.partitions[place] ?? find(place)?.partition.committedOffset ?? 0
      transaction.partitions[place] = first
      parts.partitions[place] = first
    }
    transaction.unwritten.formUnion(new)
    touch(transaction)
    transaction.waiting += 1
    write(transaction, adding: parts) { error in
      transaction.waiting -= 1
      guard error == nil else { return answer(.coordinatorNotAvailable) }
      transaction.unwritten.subtract(new)
      answer(.noError)
    }
  }

  /// AddOffsetsToTxn: positions of a group will follow.
  func add(
    group: String, to id: String, _ said: KafkaTransaction.Producer, _ answer: @escaping Answer
  ) {
    guard let transaction = byID[id] else { return answer(.invalidProducerIDMapping) }
    if let error = transaction.mayAdd(said) { return answer(error) }
    guard group.utf8.count <= Self.nameBytesMax, !group.isEmpty else {
      return answer(.invalidGroupID)
    }
    hold([:], of: group, in: transaction, answer)
  }

  /// TxnOffsetCommit: positions that hold when the transaction is committed.
  ///
  /// - Parameter begins: whether the group, and the transaction with it, need not have been added
  ///   before (KIP-890).
  func hold(
    _ positions: [KafkaPlace: KafkaTransaction.Position], of group: String, for id: String,
    _ said: KafkaTransaction.Producer, begins: Bool, _ answer: @escaping Answer
  ) {
    guard let transaction = byID[id] else { return answer(.invalidProducerIDMapping) }
    switch transaction.mayAdd(said) {
    case .some(.producerFenced): return answer(.invalidProducerEpoch)
    case .some(let error): return answer(error)
    case nil: break
    }
    guard begins || (transaction.state == .ongoing && transaction.positions[group] != nil) else {
      return answer(.invalidTxnState)
    }
    guard group.utf8.count <= Self.nameBytesMax else { return answer(.invalidGroupID) }
    hold(positions, of: group, in: transaction, answer)
  }

  private func hold(
    _ positions: [KafkaPlace: KafkaTransaction.Position], of group: String,
    in transaction: KafkaTransaction, _ answer: @escaping Answer
  ) {
    let isNew = transaction.positions[group] == nil
    var before: [KafkaPlace: KafkaTransaction.Position] = [:]
    for place in positions.keys { before[place] = transaction.positions[group]?[place] }
    let difference = Self.bytes(of: positions.values) - Self.bytes(of: before.values)
    var charge =
      transaction.positionCharges[group]
      ?? KafkaPositionCharge(
        bytes: Self.partBytes + group.utf8.count
          + Self.bytes(of: (transaction.positions[group] ?? [:]).values))
    guard charge.add(difference, of: tenant.memory) else {
      return answer(.coordinatorNotAvailable)
    }
    transaction.positionCharges[group] = charge
    transaction.positions[group, default: [:]].merge(positions) { _, new in new }
    touch(transaction)
    let parts = KafkaTransaction.Parts(positions: [group: positions])
    write(transaction, adding: parts) { [before] error in
      guard error != nil else { return answer(.noError) }
      // The transaction may be committed without them.
      for (place, position) in positions where transaction.positions[group]?[place] == position {
        transaction.positions[group]?[place] = before[place]
      }
      transaction.positionCharges[group]?.takeBack(difference)
      if isNew, transaction.positions[group]?.isEmpty == true {
        transaction.positions[group] = nil
      }
      answer(.coordinatorNotAvailable)
    }
  }

  private static func bytes(of positions: some Sequence<KafkaTransaction.Position>) -> Int {
    positions.reduce(0) { $0 + partBytes + $1.note.utf8.count }
  }

  /// Something was added: the time runs from the first on.
  private func touch(_ transaction: KafkaTransaction) {
    guard transaction.touch(now: now) else { return }
    active[transaction.id] = transaction
    watch(transaction, for: transaction.timeout)
  }

  /// Aborts a transaction that takes too long.
  func watch(_ transaction: KafkaTransaction, for milliseconds: Int) {
    transaction.alarm?.cancel()
    transaction.alarm = clock.alarm(after: max(1, milliseconds)) { [weak self, weak transaction] in
      guard let self, let transaction, transaction.state == .ongoing else { return }
      guard !transaction.isBusy else { return self.watch(transaction, for: 1_000) }
      self.end(transaction, isCommit: false, for: .producer) { _ in }
    }
  }

  // MARK: Looking

  /// Whether a batch of a transaction may be appended; the error, in Produce's words, when not.
  func mayWrite(
    _ id: String, _ said: KafkaTransaction.Producer, to place: KafkaPlace
  ) -> KafkaErrorCode? {
    guard let transaction = byID[id] else { return .invalidProducerIDMapping }
    return transaction.mayWrite(said, to: place)
  }

  /// The partitions of which open transactions hold positions of a group.
  func places(heldFor group: String) -> Set<KafkaPlace> {
    var found: Set<KafkaPlace> = []
    for transaction in active.values {
      if let positions = transaction.positions[group] { found.formUnion(positions.keys) }
    }
    return found
  }

  /// What lies before this offset of a partition is part of no transaction that is under way.
  func settledOffset(of place: KafkaPlace) -> UInt64 {
    active.values.reduce(find(place)?.lastStableOffset ?? 0) {
      min($0, $1.partitions[place] ?? .max)
    }
  }

  // MARK: Lasting

  /// Writes down what has changed of a transaction: what was written of it before is not written
  /// again, as it may be much. See `write(_:_:)`.
  func write(
    _ transaction: KafkaTransaction, adding parts: KafkaTransaction.Parts,
    _ body: @escaping (EngineError?) -> Void
  ) {
    write(KafkaTransactionEntry(transaction, adding: parts), body)
  }

  /// Writes something down, and calls `body` when that lasts, or never will: then a restart does
  /// not find it either, whatever else is written meanwhile.
  private func write(_ entry: KafkaTransactionEntry, _ body: @escaping (EngineError?) -> Void) {
    do throws(EngineError) {
      let journal = try openJournal()
      guard let entry = entry.bytes else {
        throw EngineError(.storageFailed, "the transaction is too large")
      }
      journal.propose([entry], body)
      // Behind `body`, where the disk refuses at once: what is taken back is in no snapshot.
      if journal.wantsSnapshot { journal.replace(snapshot) }
    } catch {
      body(error)
    }
  }

  /// Writes down that a transaction is over. Whoever goes on writes the next state, so nobody has
  /// to wait for this one.
  func writeEnd(of transaction: KafkaTransaction) {
    guard let entry = KafkaTransactionEntry(transaction).bytes else { return }
    try? openJournal().append(entry)
  }

  /// Writes down where an aborted transaction lies.
  func note(_ aborted: KafkaAbortedTransaction, in place: KafkaPlace) {
    guard let entry = KafkaTransactionEntry(aborted, in: place).bytes else { return }
    try? openJournal().append(entry)
  }

  private func snapshot(_ body: (ByteBuffer) -> Void) {
    func add(_ entry: KafkaTransactionEntry) {
      if let entry = entry.bytes { body(entry) }
    }
    for transaction in byID.values { add(KafkaTransactionEntry(transaction)) }
    for place in markedPlaces {
      guard let partition = find(place) else { continue }
      partition.forgetAborted()
      for aborted in partition.transactions.aborted.all {
        add(KafkaTransactionEntry(aborted, in: place))
      }
    }
  }

  /// The partitions that have aborted transactions.
  var markedPlaces: Set<KafkaPlace> = []

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal { return journal }
    let made = try tenant.store.journal(named: Self.journalName)
    journal = made
    return made
  }

  /// Takes up what the tenant's store has kept. Once, before anybody writes.
  ///
  /// - Returns: the largest number that a producer has.
  func restore() throws(EngineError) -> Int64 {
    var found: [String: KafkaTransaction] = [:]
    var isOutdated = false
    try openJournal().replay { entry in
      switch KafkaTransactionEntry(entry) {
      case .transaction(let written): found[written.id] = written.transaction
      case .changed(let written): found[written.id] = written.changed(found[written.id])
      case .forgotten(let id): found[id] = nil
      case .aborted(let aborted):
        guard let partition = find(aborted.place) else { return }
        markedPlaces.insert(aborted.place)
        if !partition.recover(aborted.entry) { isOutdated = true }
      case nil: break
      }
    }
    for transaction in found.values { take(transaction) }
    // An aborted transaction that a crash has taken would come back once others have its offsets.
    if isOutdated { try openJournal().replace(snapshot) }
    for transaction in active.values.sorted(by: { $0.id < $1.id }) {
      if transaction.state.isDecided {
        complete(transaction) {}
      } else {
        let passed = max(0, now - transaction.startedAt)
        watch(transaction, for: transaction.timeout - Int(clamping: passed))
      }
    }
    return byID.values.reduce(0) { max($0, $1.producer.id) }
  }

  private func take(_ transaction: KafkaTransaction) {
    byID[transaction.id] = transaction
    idCharges[transaction.id] = tenant.memory.charge(Self.idBytes + transaction.id.utf8.count)
    guard transaction.state == .ongoing || transaction.state.isDecided else { return }
    active[transaction.id] = transaction
    for (place, first) in transaction.partitions {
      find(place)?.began(transaction.marking.id, at: first)
    }
  }
}
