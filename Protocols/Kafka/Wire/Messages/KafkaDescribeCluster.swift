/// The brokers of a cluster (KIP-700).
public enum KafkaDescribeCluster: KafkaAPI {
  /// What the header calls it.
  public static var key: KafkaAPIKey { .describeCluster }
  /// The versions that the codec knows.
  public static var versions: ClosedRange<Int16> { 0...2 }
  /// The first version with compact lengths and tagged fields.
  public static var flexibleFrom: Int16 { 0 }
}

extension KafkaDescribeCluster {
  /// What a client asks.
  public struct Request: KafkaStructure {
    /// Whether to tell what the client may do with the cluster.
    public var includeClusterAuthorizedOperations = false
    /// 1 for brokers, 2 for controllers. From version 1.
    public var endpointType: Int8 = 1
    /// Whether to list brokers that are fenced. From version 2.
    public var includeFencedBrokers = false

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
      try visitor.field(&includeClusterAuthorizedOperations)
      try visitor.field(&endpointType, from: 1)
      try visitor.field(&includeFencedBrokers, from: 2)
    }
  }
}

extension KafkaDescribeCluster {
  /// What a broker answers.
  public struct Response: KafkaThrottledResponse {
    /// How long the client is held back by quotas, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// What went wrong.
    public var error: KafkaErrorCode = .noError
    /// The same for people.
    public var errorMessage: String?
    /// 1 for brokers, 2 for controllers. From version 1.
    public var endpointType: Int8 = 1
    /// The cluster.
    public var clusterID = ""
    /// The controller, -1 if there is none.
    public var controllerID: Int32 = -1
    /// The brokers.
    public var brokers: [Broker] = []
    /// What the client may do with the cluster, a bit for each operation; the lowest number if not
    /// asked for.
    public var clusterAuthorizedOperations: Int32 = .min

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
      try visitor.field(&errorMessage)
      try visitor.field(&endpointType, from: 1)
      try visitor.field(&clusterID)
      try visitor.field(&controllerID)
      try visitor.field(&brokers)
      try visitor.field(&clusterAuthorizedOperations)
    }
  }
}

extension KafkaDescribeCluster.Response {
  /// A broker.
  public struct Broker: KafkaStructure {
    /// The broker.
    public var brokerID: Int32 = 0
    /// The host.
    public var host = ""
    /// The port.
    public var port: Int32 = 0
    /// The rack, `nil` if not known.
    public var rack: String?
    /// Whether the broker is fenced. From version 2.
    public var isFenced = false

    /// All fields at their defaults.
    public init() {}

    /// The fields, in order.
    public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.field(&brokerID)
      try visitor.field(&host)
      try visitor.field(&port)
      try visitor.field(&rack)
      try visitor.field(&isFenced, from: 2)
    }
  }
}
