import KafkaWire

/// One partition, by what a topic of the same name that is made later does not share.
struct KafkaPlace: Hashable, KafkaStructure {
  var topic = KafkaUUID()
  var partition: Int32 = 0

  mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
    try visitor.visit(&topic)
    try visitor.visit(&partition)
  }
}

/// A transactional id, and the transaction that its producer has under way (KIP-98). Pure: who
/// changes it writes it down.
final class KafkaTransaction {
  /// Where a transaction is.
  enum State: Int8, CaseIterable {
    /// The producer has begun none yet.
    case empty
    /// Something was added to it.
    case ongoing
    /// It is decided; the markers are being written.
    case prepareCommit
    case prepareAbort
    /// It is over.
    case completeCommit
    case completeAbort

    /// Kafka's name.
    var name: String {
      switch self {
      case .empty: "Empty"
      case .ongoing: "Ongoing"
      case .prepareCommit: "PrepareCommit"
      case .prepareAbort: "PrepareAbort"
      case .completeCommit: "CompleteCommit"
      case .completeAbort: "CompleteAbort"
      }
    }

    /// Whether the end is decided, but not written everywhere.
    var isDecided: Bool { self == .prepareCommit || self == .prepareAbort }
  }

  /// A producer's number, and how often the id was taken over.
  struct Producer: Hashable {
    var id: Int64
    var epoch: Int16
  }

  /// A position of a group that is committed with the transaction.
  struct Position: Hashable {
    var offset: UInt64
    var note: String
  }

  /// What is to become of an EndTxn.
  enum Verdict: Hashable {
    /// The end begins.
    case begin
    /// It was over before, in the same way.
    case done
    /// It is refused.
    case refused(KafkaErrorCode)
  }

  let id: String
  /// The producer; its epoch is -1 as long as there was none.
  var producer: Producer
  /// The producer's number before the last change of it, -1 if none.
  var previousProducerID: Int64 = -1
  /// The epoch before, for a producer that asks again; -1 when somebody else has taken over.
  var lastEpoch: Int16 = -1
  /// For how long a transaction may be under way, in milliseconds.
  var timeout: Int
  var state = State.empty
  /// When the transaction began, in milliseconds since 1970; -1 if none did.
  var startedAt: Int64 = -1
  /// When anything changed last, in milliseconds since 1970.
  var changedAt: Int64
  /// When the end was decided, in the engine's clock; 0 if it is not.
  var decidedAt: Int64 = 0
  /// The partitions that the transaction writes to, each with an offset before which it has written
  /// nothing.
  var partitions: [KafkaPlace: UInt64] = [:]
  /// The groups of which it commits positions.
  var positions: [String: [KafkaPlace: Position]] = [:]

  /// Partitions of which it is not certain that they would be known after a crash.
  var unwritten: Set<KafkaPlace> = []
  /// Partitions that have their marker, while others have not.
  var marked: Set<KafkaPlace> = []
  /// Whether a change of the producer or a decision is being written down.
  var isBusy = false
  /// Whether the epoch was raised to keep the producer out, and nobody was told the new one.
  var isFenced = false
  var alarm: (any KafkaAlarm)?
  /// What the transaction takes of memory.
  var charges: [AnyObject] = []

  init(id: String, producerID: Int64, timeout: Int, now: Int64) {
    self.id = id
    self.timeout = timeout
    producer = Producer(id: producerID, epoch: -1)
    changedAt = now
  }

  /// The last epoch is for keeping a producer out, so nobody gets it.
  static func isExhausted(_ epoch: Int16) -> Bool { epoch >= .max - 1 }

  // MARK: Producers

  /// Whether a producer that says who it was may go on: it must be the last one.
  func knows(_ said: Producer) -> Bool {
    producer.epoch < 0 || said.id == producer.id
      || (said.id == previousProducerID && Self.isExhausted(said.epoch))
  }

  /// Lets a producer take over, with the next epoch or a new number. Nothing may be under way.
  ///
  /// - Parameter expected: who the producer was, if it goes on after an error (KIP-360).
  /// - Returns: the error, where it was somebody else's turn in the meantime.
  func begin(
    timeout: Int, expected: Producer?, now: Int64, makeID: () -> Int64
  ) -> KafkaErrorCode? {
    if Self.isExhausted(producer.epoch), expected == nil || expected?.epoch == producer.epoch {
      previousProducerID = producer.id
      lastEpoch = expected == nil ? -1 : producer.epoch
      producer = Producer(id: makeID(), epoch: 0)
    } else if expected == nil || producer.epoch < 0 || expected?.epoch == producer.epoch {
      lastEpoch = expected == nil ? -1 : producer.epoch
      producer.epoch += 1
    } else if expected?.epoch != lastEpoch {
      return .producerFenced
    }
    self.timeout = timeout
    state = .empty
    startedAt = -1
    changedAt = now
    isFenced = false
    return nil
  }

  /// Keeps the producer out: whoever asks next gets a later epoch.
  func fence() {
    guard !isFenced, producer.epoch < .max else { return }
    isFenced = true
    producer.epoch += 1
    lastEpoch = -1
  }

  /// Whether somebody is the producer; the error when not.
  func check(_ said: Producer) -> KafkaErrorCode? {
    guard said.id == producer.id else { return .invalidProducerIDMapping }
    return said.epoch == producer.epoch ? nil : .producerFenced
  }

  // MARK: The transaction

  /// Whether something may be added; the error when not.
  func mayAdd(_ said: Producer) -> KafkaErrorCode? {
    if let error = check(said) { return error }
    return isBusy || state.isDecided ? .concurrentTransactions : nil
  }

  /// Whether a batch of the transaction may be appended; the error, in Produce's words, when not.
  func mayWrite(_ said: Producer, to place: KafkaPlace) -> KafkaErrorCode? {
    switch check(said) {
    case .some(.producerFenced): return .invalidProducerEpoch
    case .some(let error): return error
    case nil: break
    }
    // This is what clients try again.
    guard !state.isDecided, !isBusy, !unwritten.contains(place) else { return .notEnoughReplicas }
    return state == .ongoing && partitions[place] != nil ? nil : .invalidTxnState
  }

  /// Something is added: the transaction begins, if it has not.
  ///
  /// - Returns: whether it begins.
  func touch(now: Int64) -> Bool {
    changedAt = now
    guard state != .ongoing else { return false }
    state = .ongoing
    startedAt = now
    return true
  }

  /// Judges an EndTxn.
  func mayEnd(_ said: Producer, isCommit: Bool) -> Verdict {
    if let error = check(said) { return .refused(error) }
    guard !isBusy else { return .refused(.concurrentTransactions) }
    switch state {
    case .ongoing: return .begin
    case .empty: return .refused(.invalidTxnState)
    case .prepareCommit: return .refused(isCommit ? .concurrentTransactions : .invalidTxnState)
    case .prepareAbort: return .refused(isCommit ? .invalidTxnState : .concurrentTransactions)
    case .completeCommit: return isCommit ? .done : .refused(.invalidTxnState)
    case .completeAbort: return isCommit ? .refused(.invalidTxnState) : .done
    }
  }

  /// The end is written everywhere.
  func finish(now: Int64) {
    state = state == .prepareCommit ? .completeCommit : .completeAbort
    changedAt = now
    decidedAt = 0
    partitions = [:]
    positions = [:]
    unwritten = []
    marked = []
    charges = []
  }
}
