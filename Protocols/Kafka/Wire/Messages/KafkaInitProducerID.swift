/// A producer gets an identifier and an epoch, for idempotence and transactions.
public enum KafkaInitProducerID: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .initProducerID }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...6 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 2 }
}

extension KafkaInitProducerID {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID: String?
    /// How long the transaction may take, in milliseconds.
    public var transactionTimeoutMs: Int32 = 0
    /// The producer, -1 if none. From version 3.
    public var producerID: Int64 = -1
    /// The producer's epoch, -1 if none. From version 3.
    public var producerEpoch: Int16 = -1
    /// Whether the client wants two-phase commit. From version 6.
    public var enable2PC = false
    /// Whether to keep a transaction that is prepared. From version 6.
    public var keepPreparedTxn = false

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
      try visitor.field(&transactionTimeoutMs)
      try visitor.field(&producerID, from: 3)
      try visitor.field(&producerEpoch, from: 3)
      try visitor.field(&enable2PC, from: 6)
      try visitor.field(&keepPreparedTxn, from: 6)
    }
  }
}

extension KafkaInitProducerID {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The producer, -1 if none.
    public var producerID: Int64 = -1
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// The producer of a transaction that is prepared, -1 if none is. From version 6.
    public var ongoingTxnProducerID: Int64 = -1
    /// The epoch of a transaction that is prepared, -1 if none is. From version 6.
    public var ongoingTxnProducerEpoch: Int16 = -1

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
      try visitor.field(&error)
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&ongoingTxnProducerID, from: 6)
      try visitor.field(&ongoingTxnProducerEpoch, from: 6)
    }
  }
}
