/// State of transactions (KIP-664).
public enum KafkaDescribeTransactions: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeTransactions }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...0 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeTransactions {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The transactions.
    public var transactionalIDs: [String] = []

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
      try visitor.field(&transactionalIDs)
    }
  }
}

extension KafkaDescribeTransactions {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The transactions.
    public var transactionStates: [Transaction] = []

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
      try visitor.field(&transactionStates)
    }
  }
}

extension KafkaDescribeTransactions.Response {
  /// A transaction.
  public struct Transaction: KafkaStructure {
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The state of the transaction.
    public var transactionState = ""
    /// How long the transaction may take, in milliseconds.
    public var transactionTimeoutMs: Int32 = 0
    /// When the transaction began, in milliseconds since 1970; -1 if none is open.
    public var transactionStartTimeMs: Int64 = 0
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// The topics.
    public var topics: [Topic] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&error)
      try visitor.field(&transactionalID)
      try visitor.field(&transactionState)
      try visitor.field(&transactionTimeoutMs)
      try visitor.field(&transactionStartTimeMs)
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&topics)
    }
  }

  /// A topic.
  public struct Topic: KafkaStructure {
    /// The topic.
    public var topic = ""
    /// The partitions.
    public var partitions: [Int32] = []

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&topic)
      try visitor.field(&partitions)
    }
  }
}
