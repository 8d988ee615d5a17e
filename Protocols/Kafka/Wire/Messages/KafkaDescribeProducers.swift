/// Producers that have written to partitions (KIP-664).
public enum KafkaDescribeProducers: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeProducers }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeProducers {
  /// What a client asks.
  public struct Request: KafkaStructure {
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
      try visitor.field(&topics)
    }
  }
}

extension KafkaDescribeProducers.Request {
  /// A topic.
  public struct Topic: KafkaStructure {
    /// The name.
    public var name = ""
    /// The partitions.
    public var partitionIndexes: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&name)
      try visitor.field(&partitionIndexes)
    }
  }
}

extension KafkaDescribeProducers {
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

extension KafkaDescribeProducers.Response {
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
    /// The same for people.
    public var errorMessage: String?
    /// The producers.
    public var activeProducers: [Producer] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&partitionIndex)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
      try visitor.field(&activeProducers)
    }
  }

  /// A producer.
  public struct Producer: KafkaStructure {
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int32 = 0
    /// The last sequence number, -1 if none.
    public var lastSequence: Int32 = -1
    /// When the producer wrote last, in milliseconds since 1970.
    public var lastTimestamp: Int64 = -1
    /// The epoch of the coordinator that wrote last, -1 if none did.
    public var coordinatorEpoch: Int32 = 0
    /// Where the producer's open transaction began, -1 if none is open.
    public var currentTxnStartOffset: Int64 = -1

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&lastSequence)
      try visitor.field(&lastTimestamp)
      try visitor.field(&coordinatorEpoch)
      try visitor.field(&currentTxnStartOffset)
    }
  }
}
