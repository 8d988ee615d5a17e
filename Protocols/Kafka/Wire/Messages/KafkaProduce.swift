public import NIOCore

/// Appends record batches to partitions.
public enum KafkaProduce: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .produce }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 3...13 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 9 }
}

extension KafkaProduce {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID: String?
    /// What to wait for: 0 nothing, not even a response, 1 the leader, -1 all replicas in sync.
    public var acks: Int16 = 0
    /// The longest time to wait for it to be done, in milliseconds.
    public var timeoutMs: Int32 = 0
    /// The topics.
    public var topicData: [Topic] = []

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
      try visitor.field(&acks)
      try visitor.field(&timeoutMs)
      try visitor.field(&topicData)
    }
  }
}

extension KafkaProduce.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name. Up to version 12.
    public var name = ""
    /// The topic's identifier. From version 13.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitionData: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 12)
      try visitor.field(&topicID, from: 13)
      try visitor.field(&partitionData)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var index: Int32 = 0
    /// Record batches, as they were stored.
    public var records: ByteBuffer?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&index)
      try visitor.field(&records)
    }
  }
}

extension KafkaProduce {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// What became of each.
    public var responses: [Topic] = []
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// Where the leaders named above listen. Tagged. From version 10.
    public var nodeEndpoints: [KafkaNodeEndpoint] = []

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
      try visitor.field(&responses)
      try visitor.field(&throttleTimeMs)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &nodeEndpoints, from: 10, default: [])
    }
  }
}

extension KafkaProduce.Response {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name. Up to version 12.
    public var name = ""
    /// The topic's identifier. From version 13.
    public var topicID = KafkaUUID()
    /// The partitions.
    public var partitionResponses: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name, to: 12)
      try visitor.field(&topicID, from: 13)
      try visitor.field(&partitionResponses)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var index: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The offset of the first record.
    public var baseOffset: Int64 = 0
    /// When the batch was appended, if the topic keeps that time; else -1.
    public var logAppendTimeMs: Int64 = -1
    /// The first offset there is, -1 if not known. From version 5.
    public var logStartOffset: Int64 = -1
    /// The records for which the batch was refused. From version 8.
    public var recordErrors: [RecordError] = []
    /// The same for people. From version 8.
    public var errorMessage: String?
    /// Who leads, if the client has it wrong. Tagged. From version 10.
    public var currentLeader = KafkaCurrentLeader()

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&index)
      try visitor.field(&error)
      try visitor.field(&baseOffset)
      try visitor.field(&logAppendTimeMs)
      try visitor.field(&logStartOffset, from: 5)
      try visitor.field(&recordErrors, from: 8)
      try visitor.field(&errorMessage, from: 8)
    }

    /// The tagged fields.
    public mutating func visitTags<V: KafkaTagVisitor>(
      _ visitor: inout V
    ) throws(KafkaWireError) {
      try visitor.field(0, &currentLeader, from: 10, default: KafkaCurrentLeader())
    }
  }

  /// A record for which its batch was refused.
  public struct RecordError: KafkaStructure {
    /// The record's position in its batch.
    public var batchIndex: Int32 = 0
    /// What is wrong with the record.
    public var batchIndexErrorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&batchIndex)
      try visitor.field(&batchIndexErrorMessage)
    }
  }
}
