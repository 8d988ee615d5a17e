/// Which servers hold a stream or consumer. A single server names itself as the leader.
public struct JetStreamClusterInfo: JetStreamObject {
  /// The cluster's name; empty on a single server.
  public var name = ""
  /// The leader's name.
  public var leader = ""

  /// Makes an empty one.
  public init() {}

  /// What a single server says.
  public init(leader: String) {
    self.leader = leader
  }

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.unlessEmpty("name", &self.name)
    fields.unlessEmpty("leader", &self.leader)
  }
}
