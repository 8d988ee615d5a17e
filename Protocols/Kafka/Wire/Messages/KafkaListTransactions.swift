/// All transactions that a broker coordinates (KIP-664).
public enum KafkaListTransactions: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .listTransactions }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaListTransactions {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// Only those states; all if empty.
    public var stateFilters: [String] = []
    /// Only those producers; all if empty.
    public var producerIDFilters: [Int64] = []
    /// Only transactions that run for longer, in milliseconds; -1 for all. From version 1.
    public var durationFilter: Int64 = -1
    /// Only names that match the expression. From version 2.
    public var transactionalIDPattern: String?

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
      try visitor.field(&stateFilters)
      try visitor.field(&producerIDFilters)
      try visitor.field(&durationFilter, from: 1)
      try visitor.field(&transactionalIDPattern, from: 2)
    }
  }
}

extension KafkaListTransactions {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// States of the request that the broker does not know.
    public var unknownStateFilters: [String] = []
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
      try visitor.field(&error)
      try visitor.field(&unknownStateFilters)
      try visitor.field(&transactionStates)
    }
  }
}

extension KafkaListTransactions.Response {
  /// A transaction.
  public struct Transaction: KafkaStructure {
    /// The name under which a producer has transactions.
    public var transactionalID = ""
    /// The producer, -1 if none.
    public var producerID: Int64 = 0
    /// The state of the transaction.
    public var transactionState = ""

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&transactionalID)
      try visitor.field(&producerID)
      try visitor.field(&transactionState)
    }
  }
}
