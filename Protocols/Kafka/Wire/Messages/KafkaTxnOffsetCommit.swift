/// Positions of a group that count when the transaction is committed.
public enum KafkaTxnOffsetCommit: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .txnOffsetCommit }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaTxnOffsetCommit {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The group.
    public var groupID = ""
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// The generation of the group, which each rebalance raises. From version 3.
    public var generationID: Int32 = -1
    /// The member. From version 3.
    public var memberID = ""
    /// The name of a static member (KIP-345). From version 3.
    public var groupInstanceID: String?
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
      try visitor.field(&transactionalID)
      try visitor.field(&groupID)
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&generationID, from: 3)
      try visitor.field(&memberID, from: 3)
      try visitor.field(&groupInstanceID, from: 3)
      try visitor.field(&topics)
    }
  }
}

extension KafkaTxnOffsetCommit.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// The next offset to read.
    public var committedOffset: Int64 = 0
    /// The epoch of the last record read, -1 if not known. From version 2.
    public var committedLeaderEpoch: Int32 = -1
    /// What the consumer wants to remember with the position.
    public var committedMetadata: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&committedOffset)
      try visitor.field(&committedLeaderEpoch, from: 2)
      try visitor.field(&committedMetadata)
    }
  }
}

extension KafkaTxnOffsetCommit {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
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
      try visitor.field(&throttleTimeMs)
      try visitor.field(&topics)
    }
  }
}

extension KafkaTxnOffsetCommit.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitions: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitions)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
    }
  }
}
