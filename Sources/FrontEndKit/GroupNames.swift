/// How groups are told apart: a NATS queue group and an MQTT shared subscription of one name are
/// two groups, unless the settings join them (`server.join_groups`).
public struct GroupNames: Hashable, Sendable {
  /// Whether groups of one name are one group, whatever protocol their members speak.
  public let areJoined: Bool

  /// Separate groups, unless said otherwise.
  public init(areJoined: Bool = false) {
    self.areJoined = areJoined
  }

  /// What the router knows a group by.
  ///
  /// - Parameters:
  ///   - protocolName: the protocol's name.
  ///   - group: the group's name, as the client wrote it.
  ///   - pattern: the pattern, in protocols where a group is one per pattern (MQTT 5.0, 4.8.2).
  public func key(protocolName: String, group: [UInt8], pattern: [UInt8] = []) -> [UInt8] {
    guard !self.areJoined else { return group }
    var key = Array(protocolName.utf8)
    key.append(0)
    key += group
    if !pattern.isEmpty {
      key.append(0)
      key += pattern
    }
    return key
  }
}
