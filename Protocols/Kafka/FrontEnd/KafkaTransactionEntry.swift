import GodwitEngine
import KafkaWire

/// What the journal of transactions has: a transaction whole, where an aborted one lies, or that a
/// transactional id is forgotten.
enum KafkaTransactionEntry: KafkaJournalEntry {
  case transaction(Whole)
  case aborted(Aborted)
  case forgotten(String)

  /// A transaction as it is written down. Later versions add tagged fields.
  struct Whole: KafkaStructure {
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
  }

  // MARK: Bytes

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case Kind.transaction: self = .transaction(try Whole(from: &reader))
    case Kind.aborted: self = .aborted(try Aborted(from: &reader))
    case Kind.forgotten: self = .forgotten(try String(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .transaction: Kind.transaction
    case .aborted: Kind.aborted
    case .forgotten: Kind.forgotten
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .transaction(let value): try value.write(to: &writer)
    case .aborted(let value): try value.write(to: &writer)
    case .forgotten(let value): try value.write(to: &writer)
    }
  }
}

extension KafkaTransactionEntry {
  /// A transaction as it is now.
  init(_ transaction: KafkaTransaction) {
    self = .transaction(
      .with {
        $0.id = transaction.id
        $0.producerID = transaction.producer.id
        $0.epoch = transaction.producer.epoch
        $0.previousProducerID = transaction.previousProducerID
        $0.lastEpoch = transaction.lastEpoch
        $0.timeout = Int64(transaction.timeout)
        $0.state = transaction.state.rawValue
        $0.startedAt = transaction.startedAt
        $0.changedAt = transaction.changedAt
        $0.decidedAt = transaction.decidedAt
        $0.endingID = transaction.ending?.id ?? -1
        $0.endingEpoch = transaction.ending?.epoch ?? -1
        $0.rank = Int64(clamping: transaction.rank)
        $0.partitions = transaction.partitions.map { place, first in
          .with {
            $0.topic = place.topic
            $0.index = place.partition
            $0.first = Int64(clamping: first)
          }
        }
        $0.groups = transaction.positions.map { name, positions in
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
      })
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

extension KafkaTransactionEntry.Whole {
  /// The transaction that was written down.
  var transaction: KafkaTransaction {
    let found = KafkaTransaction(
      id: id, producerID: producerID, timeout: Int(clamping: timeout), now: changedAt)
    found.producer.epoch = epoch
    found.previousProducerID = previousProducerID
    found.lastEpoch = lastEpoch
    found.state = KafkaTransaction.State(rawValue: state) ?? .empty
    found.startedAt = startedAt
    found.decidedAt = decidedAt
    found.rank = UInt64(clamping: rank)
    if endingID >= 0 {
      found.ending = KafkaTransaction.Producer(id: endingID, epoch: endingEpoch)
    }
    for partition in partitions {
      found.partitions[KafkaPlace(topic: partition.topic, partition: partition.index)] =
        UInt64(clamping: partition.first)
    }
    for group in groups {
      var positions: [KafkaPlace: KafkaTransaction.Position] = [:]
      for position in group.positions {
        positions[KafkaPlace(topic: position.topic, partition: position.index)] =
          KafkaTransaction.Position(offset: UInt64(clamping: position.offset), note: position.note)
      }
      found.positions[group.name] = positions
    }
    return found
  }
}

extension KafkaTransactionEntry.Aborted {
  var place: KafkaPlace { KafkaPlace(topic: topic, partition: index) }

  var entry: KafkaAbortedTransaction {
    KafkaAbortedTransaction(
      producerID: producerID, first: UInt64(clamping: first), last: UInt64(clamping: last))
  }
}
