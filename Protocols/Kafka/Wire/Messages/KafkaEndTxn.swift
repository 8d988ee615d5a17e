/// Commits or aborts a transaction.
public enum KafkaEndTxn: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .endTxn }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...5 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaEndTxn {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// Whether to commit, not to abort.
    public var committed = false

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
      try visitor.field(&producerID)
      try visitor.field(&producerEpoch)
      try visitor.field(&committed)
    }
  }
}

extension KafkaEndTxn {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The producer, -1 if none. From version 5.
    public var producerID: Int64 = -1
    /// The producer's epoch, -1 if none. From version 5.
    public var producerEpoch: Int16 = -1

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
      try visitor.field(&producerID, from: 5)
      try visitor.field(&producerEpoch, from: 5)
    }
  }
}
