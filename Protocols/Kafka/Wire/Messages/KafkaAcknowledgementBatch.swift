/// Records to acknowledge.
public struct KafkaAcknowledgementBatch: KafkaStructure {
  /// The first offset.
  public var firstOffset: Int64 = 0
  /// The last offset.
  public var lastOffset: Int64 = 0
  /// 0 a gap, 1 accepted, 2 released, 3 rejected, 4 renewed: one for all, or one for each.
  public var acknowledgeTypes: [Int8] = []

  /// All fields at their defaults.
  public init() {}

  /// The fields, in order.
  public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
    try visitor.field(&firstOffset)
    try visitor.field(&lastOffset)
    try visitor.field(&acknowledgeTypes)
  }
}
