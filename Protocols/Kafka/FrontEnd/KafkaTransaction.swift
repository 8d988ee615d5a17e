import GodwitEngine
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

  /// Partitions that a transaction writes to, and groups of which it commits positions.
  struct Parts {
    /// Each with an offset before which the transaction has written nothing.
    var partitions: [KafkaPlace: UInt64] = [:]
    var positions: [String: [KafkaPlace: Position]] = [:]
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
  /// In whose name the markers are written while an end is decided, where the epoch has risen with
  /// it (KIP-890): the producer's number before, and an epoch that nobody has written with.
  var ending: Producer?
  /// For how long a transaction may be under way, in milliseconds.
  var timeout: Int
  var state = State.empty
  /// When the transaction began, in milliseconds since 1970; -1 if none did.
  var startedAt: Int64 = -1
  /// When anything changed last, in milliseconds since 1970.
  var changedAt: Int64
  /// The rank of the positions that it commits (`Cursors`), from the decision on; 0 before.
  var rank: UInt64 = 0
  /// When an earlier version, which knew no ranks, has decided the end, in the engine's clock; 0
  /// otherwise.
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
  /// How many Produce requests wait until partitions that they have added are written down.
  var waiting = 0
  /// Whether a change of the producer or a decision is being written down.
  var isBusy = false
  var alarm: (any KafkaAlarm)?
  /// What the partitions take of memory, and the positions of each group.
  var charges: [AnyObject] = []
  var positionCharges: [String: KafkaPositionCharge] = [:]

  init(id: String, producerID: Int64, timeout: Int, now: Int64) {
    self.id = id
    self.timeout = timeout
    producer = Producer(id: producerID, epoch: -1)
    changedAt = now
  }

  /// The last epoch is for keeping a producer out, so nobody gets it.
  static func isExhausted(_ epoch: Int16) -> Bool { epoch >= .max - 1 }

  /// Who the markers are from.
  var marking: Producer { ending ?? producer }

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
    return nil
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
  ///
  /// - Parameter raises: whether the epoch rises with the end (KIP-890). Then a producer's epoch
  ///   tells its next request from one that it repeats, and an abort of nothing is an end, too.
  func mayEnd(_ said: Producer, isCommit: Bool, raises: Bool) -> Verdict {
    let isRepeated = raises && isLast(said)
    if !isRepeated, let error = check(said) { return .refused(error) }
    guard !isBusy else { return .refused(.concurrentTransactions) }
    switch state {
    case .ongoing: return isRepeated ? .refused(.producerFenced) : .begin
    case .empty:
      if isRepeated { return .refused(.producerFenced) }
      return raises && !isCommit ? .begin : .refused(.invalidTxnState)
    case .prepareCommit, .prepareAbort:
      guard raises, !isRepeated else {
        return .refused(
          isCommit == (state == .prepareCommit) ? .concurrentTransactions : .invalidTxnState)
      }
      // The producer was told of the end before, and goes on.
      return .refused(.concurrentTransactions)
    case .completeCommit, .completeAbort:
      guard raises, !isRepeated else {
        return isCommit == (state == .completeCommit) ? .done : .refused(.invalidTxnState)
      }
      return isCommit ? .refused(.invalidTxnState) : .begin
    }
  }

  /// Whether somebody says what the producer was before its epoch rose with an end.
  private func isLast(_ said: Producer) -> Bool {
    guard said.epoch >= 0, said.epoch == lastEpoch else { return false }
    return said.id == producer.id
      ? said.epoch < producer.epoch : said.id == previousProducerID && producer.epoch == 0
  }

  /// What a decision changes, to be taken back if it cannot be written down.
  struct Undecided {
    fileprivate var producer: Producer
    fileprivate var previousProducerID: Int64
    fileprivate var lastEpoch: Int16
    fileprivate var state: State
  }

  /// Who has the epoch that follows an end.
  enum Successor {
    /// It does not rise: the producer's form is the older one.
    case same
    /// The producer itself.
    case producer
    /// Somebody who takes over: who had it before is nobody.
    case another
  }

  /// Decides how the transaction ends.
  func decide(
    isCommit: Bool, for successor: Successor, now: Int64, rank: UInt64, makeID: () -> Int64
  ) -> Undecided {
    let before = Undecided(
      producer: producer, previousProducerID: previousProducerID, lastEpoch: lastEpoch,
      state: state)
    state = isCommit ? .prepareCommit : .prepareAbort
    changedAt = now
    self.rank = rank
    guard successor != .same else { return before }
    // Nobody has written with that epoch: what comes late of the transaction comes after its end.
    let next = producer.epoch < .max ? producer.epoch + 1 : .max
    ending = Producer(id: producer.id, epoch: next)
    lastEpoch = successor == .another ? -1 : producer.epoch
    if Self.isExhausted(producer.epoch) {
      previousProducerID = producer.id
      producer = Producer(id: makeID(), epoch: 0)
    } else {
      producer.epoch = next
    }
    return before
  }

  /// Takes a decision back.
  func takeBack(to before: Undecided) {
    producer = before.producer
    previousProducerID = before.previousProducerID
    lastEpoch = before.lastEpoch
    state = before.state
    rank = 0
    ending = nil
  }

  /// The end is written everywhere.
  func finish(now: Int64) {
    state = state == .prepareCommit ? .completeCommit : .completeAbort
    changedAt = now
    rank = 0
    decidedAt = 0
    ending = nil
    partitions = [:]
    positions = [:]
    unwritten = []
    marked = []
    charges = []
    positionCharges = [:]
  }
}
