/// Which broker coordinates a group, a transaction or a share group.
public enum KafkaFindCoordinator: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .findCoordinator }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...6 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 3 }
}

extension KafkaFindCoordinator {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// The group or transaction. Up to version 3.
    public var key = ""
    /// 0 for groups, 1 for transactions, 2 for share groups. From version 1.
    public var keyType: Int8 = 0
    /// The groups or transactions. From version 4.
    public var coordinatorKeys: [String] = []

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
      try visitor.field(&key, to: 3)
      try visitor.field(&keyType, from: 1)
      try visitor.field(&coordinatorKeys, from: 4)
    }
  }
}

extension KafkaFindCoordinator {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds. From version 1.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong. Up to version 3.
    public var error: KafkaErrorCode = .noError
    /// The same for people. Versions 1 to 3.
    public var errorMessage: String?
    /// The broker. Up to version 3.
    public var nodeID: Int32 = 0
    /// The host. Up to version 3.
    public var host = ""
    /// The port. Up to version 3.
    public var port: Int32 = 0
    /// Their coordinators. From version 4.
    public var coordinators: [Coordinator] = []

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
      try visitor.field(&throttleTimeMs, from: 1)
      try visitor.field(&error, to: 3)
      try visitor.field(&errorMessage, from: 1, to: 3)
      try visitor.field(&nodeID, to: 3)
      try visitor.field(&host, to: 3)
      try visitor.field(&port, to: 3)
      try visitor.field(&coordinators, from: 4)
    }
  }
}

extension KafkaFindCoordinator.Response {
  /// A coordinator.
  public struct Coordinator: KafkaStructure {
    /// The key.
    public var key = ""
    /// The broker.
    public var nodeID: Int32 = 0
    /// The host.
    public var host = ""
    /// The port.
    public var port: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&key)
      try visitor.field(&nodeID)
      try visitor.field(&host)
      try visitor.field(&port)
      try visitor.field(&error)
      try visitor.field(&errorMessage)
    }
  }
}
