/// Where a broker listens.
public struct KafkaNodeEndpoint: KafkaStructure {
  /// The broker.
  public var nodeID: Int32 = 0
  /// The host.
  public var host = ""
  /// The port.
  public var port: Int32 = 0
  /// The rack, `nil` if not known.
  public var rack: String?

  /// All fields at their defaults.
  public init() {}

  /// The fields, in order.
  public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
    try visitor.field(&nodeID)
    try visitor.field(&host)
    try visitor.field(&port)
    try visitor.field(&rack)
  }
}
