/// Where a leader's epoch ended, to find out about truncation (KIP-101, KIP-320).
public enum KafkaOffsetForLeaderEpoch: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .offsetForLeaderEpoch }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...4 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 4 }
}

extension KafkaOffsetForLeaderEpoch {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The follower that asks, -1 for a consumer. From version 3.
    public var replicaID: Int32 = -2
    /// The topics.
    public var topics: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// Reads the message behind its header.
    public init(from reader: inout KafkaReader) throws(KafkaWireError) {
      self = try reader.structure(Self.self)
    }

    /// Writes the message behind its header.
    public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
      try writer.structure(self)
    }

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&replicaID, from: 3)
      try visitor.field(&topics)
    }
  }
}

extension KafkaOffsetForLeaderEpoch.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topic = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partition: Int32 = 0
    /// The epoch that the client knows, to notice that either side is behind; -1 if it knows none.
    /// From version 2.
    public var currentLeaderEpoch: Int32 = -1
    /// The leader's epoch, -1 if not known.
    public var leaderEpoch: Int32 = 0

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partition)
      try visitor.field(&currentLeaderEpoch, from: 2)
      try visitor.field(&leaderEpoch)
    }
  }
}

extension KafkaOffsetForLeaderEpoch {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 2.
    public var throttleTimeMs: Int32 = 0
    /// The topics.
    public var topics: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// Reads the message behind its header.
    public init(from reader: inout KafkaReader) throws(KafkaWireError) {
      self = try reader.structure(Self.self)
    }

    /// Writes the message behind its header.
    public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
      try writer.structure(self)
    }

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&throttleTimeMs, from: 2)
      try visitor.field(&topics)
    }
  }
}

extension KafkaOffsetForLeaderEpoch.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topic = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The partition.
    public var partition: Int32 = 0
    /// The leader's epoch, -1 if not known. From version 1.
    public var leaderEpoch: Int32 = -1
    /// The offset behind the epoch's last record.
    public var endOffset: Int64 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&partition)
      try visitor.field(&leaderEpoch, from: 1)
      try visitor.field(&endOffset)
    }
  }
}
