/// The first, last, or a time's offset of partitions.
public enum KafkaListOffsets: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .listOffsets }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...11 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 6 }
}

extension KafkaListOffsets {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The follower that asks, -1 for a consumer.
    public var replicaID: Int32 = 0
    /// 0 to read everything, 1 to read what is committed. From version 2.
    public var isolationLevel: Int8 = 0
    /// The topics.
    public var topics: [Topic] = []
    /// The longest time to wait for it to be done, in milliseconds. From version 10.
    public var timeoutMs: Int32 = 0

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
      try visitor.field(&replicaID)
      try visitor.field(&isolationLevel, from: 2)
      try visitor.field(&topics)
      try visitor.field(&timeoutMs, from: 10)
    }
  }
}

extension KafkaListOffsets.Request {
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
    /// The epoch that the client knows, to notice that either side is behind; -1 if it knows none.
    /// From version 4.
    public var currentLeaderEpoch: Int32 = -1
    /// A time in milliseconds since 1970; -1 and -2 stand for the end and the beginning.
    public var timestamp: Int64 = 0
    /// The most offsets. Version 0.
    public var maxNumOffsets: Int32 = 1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&currentLeaderEpoch, from: 4)
      try visitor.field(&timestamp)
      try visitor.field(&maxNumOffsets, to: 0)
    }
  }
}

extension KafkaListOffsets {
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

extension KafkaListOffsets.Response {
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
    /// The offsets. Version 0.
    public var oldStyleOffsets: [Int64] = []
    /// A time in milliseconds since 1970; -1 and -2 stand for the end and the beginning. From
    /// version 1.
    public var timestamp: Int64 = -1
    /// The offset. From version 1.
    public var offset: Int64 = -1
    /// The leader's epoch, -1 if not known. From version 4.
    public var leaderEpoch: Int32 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&oldStyleOffsets, to: 0)
      try visitor.field(&timestamp, from: 1)
      try visitor.field(&offset, from: 1)
      try visitor.field(&leaderEpoch, from: 4)
    }
  }
}
