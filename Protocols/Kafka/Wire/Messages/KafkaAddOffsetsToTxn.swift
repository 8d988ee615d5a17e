/// A group whose positions a transaction is about to commit.
public enum KafkaAddOffsetsToTxn: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .addOffsetsToTxn }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...4 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaAddOffsetsToTxn {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The producer's epoch, -1 if none.
    public var producerEpoch: Int16 = 0
    /// The group.
    public var groupID = ""

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
      try visitor.field(&groupID)
    }
  }
}

extension KafkaAddOffsetsToTxn {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError

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
    }
  }
}
