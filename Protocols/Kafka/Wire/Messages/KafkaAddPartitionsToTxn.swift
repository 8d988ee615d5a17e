/// Partitions that a transaction is about to write to.
public enum KafkaAddPartitionsToTxn: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .addPartitionsToTxn }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaAddPartitionsToTxn {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The transactions. From version 4.
    public var transactions: [Transaction] = []
    /// The one transaction. Up to version 3.
    public var v3AndBelowTransactionalID = ""
    /// The one transaction's producer. Up to version 3.
    public var v3AndBelowProducerID: Int64 = 0
    /// The epoch of the one transaction's producer. Up to version 3.
    public var v3AndBelowProducerEpoch: Int16 = 0
    /// The one transaction's topics. Up to version 3.
    public var v3AndBelowTopics: [Topic] = []

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
      try visitor.field(&transactions, from: 4)
      try visitor.field(&v3AndBelowTransactionalID, to: 3)
      try visitor.field(&v3AndBelowProducerID, to: 3)
      try visitor.field(&v3AndBelowProducerEpoch, to: 3)
      try visitor.field(&v3AndBelowTopics, to: 3)
    }
  }
}

extension KafkaAddPartitionsToTxn.Request {
  /// A transaction.
  public struct Transaction: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// Whether to ask only if the partitions belong to the transaction.
    public var verifyOnly = false
    /// The topics.
    public var topics: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&transactionalID)
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&verifyOnly)
      try visitor.field(&topics)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitions)
    }
  }
}

extension KafkaAddPartitionsToTxn {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong. From version 4.
    public var error: KafkaErrorCode = .noError
    /// The transactions. From version 4.
    public var resultsByTransaction: [Transaction] = []
    /// The topics of the one transaction. Up to version 3.
    public var resultsByTopicV3AndBelow: [Topic] = []

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
      try visitor.field(&error, from: 4)
      try visitor.field(&resultsByTransaction, from: 4)
      try visitor.field(&resultsByTopicV3AndBelow, to: 3)
    }
  }
}

extension KafkaAddPartitionsToTxn.Response {
  /// A transaction.
  public struct Transaction: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The topics.
    public var topicResults: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&transactionalID)
      try visitor.field(&topicResults)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var resultsByPartition: [Partition] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&resultsByPartition)
    }
  }

  /// A partition.
  public struct Partition: KafkaStructure {
    /// The partition.
    public var partitionIndex: Int32 = 0
    /// What went wrong.
    public var partitionError: KafkaErrorCode = .noError

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&partitionError)
    }
  }
}
