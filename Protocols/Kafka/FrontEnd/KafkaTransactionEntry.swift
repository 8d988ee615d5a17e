import GodwitEngine
import KafkaWire

/// What the journal of transactions has: a transaction whole, or what has changed of one, where an
/// aborted one lies, or that a transactional id is forgotten.
enum KafkaTransactionEntry: KafkaJournalEntry {
  case transaction(Written)
  /// Partitions and positions are those that were added; the rest is as it is from then on.
  case changed(Written)
  case aborted(Aborted)
  case forgotten(String)

  /// A transaction as it is written down. Later versions add tagged fields.
  struct Written: KafkaStructure {
    var id = ""
    var producerID: Int64 = -1
    var epoch: Int16 = -1
    var previousProducerID: Int64 = -1
    var lastEpoch: Int16 = -1
    var timeout: Int64 = 0
    var state: Int8 = 0
    var startedAt: Int64 = -1
    var changedAt: Int64 = 0
    var decidedAt: Int64 = 0
    var partitions: [Partition] = []
    var groups: [Group] = []
    /// In whose name the markers are written, where that is not the producer. Tagged.
    var endingID: Int64 = -1
    var endingEpoch: Int16 = -1
    /// 0 where an earlier version has decided the end. Tagged.
    var rank: Int64 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&id)
      try visitor.visit(&producerID)
      try visitor.visit(&epoch)
      try visitor.visit(&previousProducerID)
      try visitor.visit(&lastEpoch)
      try visitor.visit(&timeout)
      try visitor.visit(&state)
      try visitor.visit(&startedAt)
      try visitor.visit(&changedAt)
      try visitor.visit(&decidedAt)
      try visitor.visit(&partitions)
      try visitor.visit(&groups)
    }

    mutating func visitTags<V: KafkaTagVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(0, &endingID, default: -1)
      try visitor.visit(1, &endingEpoch, default: -1)
      try visitor.visit(2, &rank, default: 0)
    }
  }

  struct Partition: KafkaStructure {
    var topic = KafkaUUID()
    var index: Int32 = 0
    var first: Int64 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&topic)
      try visitor.visit(&index)
      try visitor.visit(&first)
    }
  }

  struct Group: KafkaStructure {
    var name = ""
    var positions: [Position] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&name)
      try visitor.visit(&positions)
    }
  }

  struct Position: KafkaStructure {
    var topic = KafkaUUID()
    var index: Int32 = 0
    var offset: Int64 = 0
    var note = ""

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&topic)
      try visitor.visit(&index)
      try visitor.visit(&offset)
      try visitor.visit(&note)
    }
  }

  struct Aborted: KafkaStructure {
    var topic = KafkaUUID()
    var index: Int32 = 0
    var producerID: Int64 = 0
    var first: Int64 = 0
    var last: Int64 = 0
    /// Of no use any more.
    var stable: Int64 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&topic)
      try visitor.visit(&index)
      try visitor.visit(&producerID)
      try visitor.visit(&first)
      try visitor.visit(&last)
      try visitor.visit(&stable)
    }
  }

  private enum Kind {
    static let transaction: UInt8 = 1
    static let aborted: UInt8 = 2
    static let forgotten: UInt8 = 3
    static let changed: UInt8 = 4
  }

  // MARK: Bytes

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case Kind.transaction: self = .transaction(try Written(from: &reader))
    case Kind.changed: self = .changed(try Written(from: &reader))
    case Kind.aborted: self = .aborted(try Aborted(from: &reader))
    case Kind.forgotten: self = .forgotten(try String(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .transaction: Kind.transaction
    case .changed: Kind.changed
    case .aborted: Kind.aborted
    case .forgotten: Kind.forgotten
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .transaction(let value): try value.write(to: &writer)
    case .changed(let value): try value.write(to: &writer)
    case .aborted(let value): try value.write(to: &writer)
    case .forgotten(let value): try value.write(to: &writer)
    }
  }
}

extension KafkaTransactionEntry {
  /// A transaction as it is now.
  init(_ transaction: KafkaTransaction) {
    self = .transaction(
      Written(
        transaction,
        KafkaTransaction.Parts(
          partitions: transaction.partitions, positions: transaction.positions)))
  }

  /// What has changed of a transaction, with what was added to it.
  init(_ transaction: KafkaTransaction, adding parts: KafkaTransaction.Parts) {
    self = .changed(Written(transaction, parts))
  }

  /// Where an aborted transaction lies.
  init(_ aborted: KafkaAbortedTransaction, in place: KafkaPlace) {
    self = .aborted(
      .with {
        $0.topic = place.topic
        $0.index = place.partition
        $0.producerID = aborted.producerID
        $0.first = Int64(clamping: aborted.first)
        $0.last = Int64(clamping: aborted.last)
      })
  }
}

extension KafkaTransactionEntry.Written {
  fileprivate init(_ transaction: KafkaTransaction, _ parts: KafkaTransaction.Parts) {
    id = transaction.id
    producerID = transaction.producer.id
    epoch = transaction.producer.epoch
    previousProducerID = transaction.previousProducerID
    lastEpoch = transaction.lastEpoch
    timeout = Int64(transaction.timeout)
    state = transaction.state.rawValue
    startedAt = transaction.startedAt
    changedAt = transaction.changedAt
    decidedAt = transaction.decidedAt
    endingID = transaction.ending?.id ?? -1
    endingEpoch = transaction.ending?.epoch ?? -1
    rank = Int64(clamping: transaction.rank)
    partitions = parts.partitions.map { place, first in
      .with {
        $0.topic = place.topic
        $0.index = place.partition
        $0.first = Int64(clamping: first)
      }
    }
    groups = parts.positions.map { name, positions in
      .with {
        $0.name = name
        $0.positions = positions.map { place, position in
          .with {
            $0.topic = place.topic
            $0.index = place.partition
            $0.offset = Int64(clamping: position.offset)
            $0.note = position.note
          }
        }
      }
    }
  }

  /// The transaction that was written down whole.
  var transaction: KafkaTransaction {
    let made = KafkaTransaction(
      id: id, producerID: producerID, timeout: Int(clamping: timeout), now: changedAt)
    change(made)
    return made
  }

  /// Changes what was written down of the id before.
  ///
  /// - Returns: the transaction, another where what was known is one that was over before.
  func changed(_ known: KafkaTransaction?) -> KafkaTransaction {
    guard let known, known.startedAt == startedAt else { return transaction }
    change(known)
    return known
  }

  private func change(_ known: KafkaTransaction) {
    known.producer = KafkaTransaction.Producer(id: producerID, epoch: epoch)
    known.previousProducerID = previousProducerID
    known.lastEpoch = lastEpoch
    known.timeout = Int(clamping: timeout)
    known.state = KafkaTransaction.State(rawValue: state) ?? .empty
    known.startedAt = startedAt
    known.changedAt = changedAt
    known.decidedAt = decidedAt
    known.rank = UInt64(clamping: rank)
    known.ending =
      endingID >= 0 ? KafkaTransaction.Producer(id: endingID, epoch: endingEpoch) : nil
    for partition in partitions {
      known.partitions[KafkaPlace(topic: partition.topic, partition: partition.index)] =
        UInt64(clamping: partition.first)
    }
    for group in groups {
      known.positions[group.name, default: [:]].merge(
        group.positions.lazy.map { position in
          (
            KafkaPlace(topic: position.topic, partition: position.index),
            KafkaTransaction.Position(
              offset: UInt64(clamping: position.offset), note: position.note)
          )
        }
      ) { _, new in new }
    }
  }
}

extension KafkaTransactionEntry.Aborted {
  var place: KafkaPlace { KafkaPlace(topic: topic, partition: index) }

  var entry: KafkaAbortedTransaction {
    KafkaAbortedTransaction(
      producerID: producerID, first: UInt64(clamping: first), last: UInt64(clamping: last))
  }
}
