/// Who leads the partition.
public struct KafkaCurrentLeader: KafkaStructure {
  /// The broker that leads, -1 if none does.
  public var leaderID: Int32 = -1
  /// The leader's epoch, -1 if not known.
  public var leaderEpoch: Int32 = -1

  /// All fields at their defaults.
  public init() {}

  /// The fields, in order.
  public mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
    try visitor.field(&leaderID)
    try visitor.field(&leaderEpoch)
  }
}
