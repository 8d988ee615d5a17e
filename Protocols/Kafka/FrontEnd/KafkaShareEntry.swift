import GodwitEngine
import KafkaWire

/// What the journal of share groups has: how far a group has come in a partition, that a group, or
/// what it knew of a partition, is gone, and groups' own settings.
enum KafkaShareEntry: KafkaJournalEntry {
  case partition(Partition)
  case partitionGone(Place)
  case groupGone(String)
  case config(Config)

  /// How far a group has come in a partition: all there is, or what is new. Later versions add
  /// tagged fields.
  struct Partition: KafkaStructure {
    var group = ""
    var place = KafkaPlace()
    var start: Int64 = 0
    var isWhole = false
    var batches: [Batch] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&group)
      try visitor.visit(&place)
      try visitor.visit(&start)
      try visitor.visit(&isWhole)
      try visitor.visit(&batches)
    }
  }

  /// Records with one story.
  struct Batch: KafkaStructure {
    var first: Int64 = 0
    var last: Int64 = 0
    var isDone = false
    var deliveryCount: Int32 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&first)
      try visitor.visit(&last)
      try visitor.visit(&isDone)
      try visitor.visit(&deliveryCount)
    }
  }

  struct Place: KafkaStructure {
    var group = ""
    var place = KafkaPlace()

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&group)
      try visitor.visit(&place)
    }
  }

  /// A group's own settings, all of them.
  struct Config: KafkaStructure {
    var group = ""
    var names: [String] = []
    var values: [String] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&group)
      try visitor.visit(&names)
      try visitor.visit(&values)
    }
  }

  private enum Kind {
    static let partition: UInt8 = 1
    static let partitionGone: UInt8 = 2
    static let groupGone: UInt8 = 3
    static let config: UInt8 = 4
  }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case Kind.partition: self = .partition(try Partition(from: &reader))
    case Kind.partitionGone: self = .partitionGone(try Place(from: &reader))
    case Kind.groupGone: self = .groupGone(try String(from: &reader))
    case Kind.config: self = .config(try Config(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .partition: Kind.partition
    case .partitionGone: Kind.partitionGone
    case .groupGone: Kind.groupGone
    case .config: Kind.config
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .partition(let value): try value.write(to: &writer)
    case .partitionGone(let value): try value.write(to: &writer)
    case .groupGone(let value): try value.write(to: &writer)
    case .config(let value): try value.write(to: &writer)
    }
  }
}

extension KafkaShareEntry {
  init(_ changes: PartitionWindow.Changes, _ place: KafkaPlace, of group: String) {
    self = .partition(
      .with {
        $0.group = group
        $0.place = place
        $0.start = Int64(clamping: changes.start)
        $0.isWhole = changes.isWhole
        $0.batches = changes.kept.map { kept in
          .with {
            $0.first = Int64(clamping: kept.offsets.lowerBound)
            $0.last = Int64(clamping: kept.offsets.upperBound) - 1
            $0.isDone = kept.isDone
            $0.deliveryCount = Int32(clamping: kept.deliveryCount)
          }
        }
      })
  }

  init(_ config: KafkaShareConfig, of group: String) {
    self = .config(
      .with {
        $0.group = group
        let pairs = config.values.sorted { $0.key < $1.key }
        $0.names = pairs.map(\.key)
        $0.values = pairs.map(\.value)
      })
  }
}

extension KafkaShareEntry.Partition {
  /// What was written down; what cannot be is left out.
  var changes: PartitionWindow.Changes {
    PartitionWindow.Changes(
      start: UInt64(clamping: start), isWhole: isWhole,
      kept: batches.compactMap { batch in
        guard batch.first >= 0, batch.last >= batch.first, batch.last < .max else { return nil }
        return PartitionWindow.Kept(
          offsets: UInt64(batch.first)..<UInt64(batch.last) + 1, isDone: batch.isDone,
          deliveryCount: max(0, Int(batch.deliveryCount)))
      })
  }
}
