import KafkaWire
import NIOCore

/// One member of a classic group.
final class KafkaGroupMember {
  let id: String
  /// The name under which a static member comes back (KIP-345).
  let instanceID: String?
  let clientID: String
  let clientHost: String
  var sessionTimeout: Int
  var rebalanceTimeout: Int
  var protocols: [KafkaJoinGroup.Request.GroupProtocol]
  var assignment = ByteBuffer()
  /// Whether it has yet to see the end of its first rebalance.
  var isNew = true
  /// The generation that it knows, until it joins again, where it was carried over from a group in
  /// which not all had the same.
  var ownGeneration: Int32?
  /// What it takes of memory.
  var charge: AnyObject?
  /// Answers its JoinGroup.
  var join: ((KafkaJoinGroup.Response) -> Void)?
  /// Answers its SyncGroup.
  var sync: ((KafkaSyncGroup.Response) -> Void)?
  /// Ends its membership, unless it is heard.
  var session: (any KafkaAlarm)?

  init(
    id: String, instanceID: String?, clientID: String, clientHost: String,
    _ request: KafkaJoinGroup.Request
  ) {
    self.id = id
    self.instanceID = instanceID
    self.clientID = clientID
    self.clientHost = clientHost
    self.sessionTimeout = Int(request.sessionTimeoutMs)
    self.rebalanceTimeout = Self.rebalanceTimeout(of: request)
    self.protocols = request.protocols
  }

  /// Version 0 has no such field: then it is the session's.
  static func rebalanceTimeout(of request: KafkaJoinGroup.Request) -> Int {
    Int(request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs)
  }

  /// Takes over what it says when it joins again.
  func update(_ request: KafkaJoinGroup.Request) {
    ownGeneration = nil
    sessionTimeout = Int(request.sessionTimeoutMs)
    rebalanceTimeout = Self.rebalanceTimeout(of: request)
    protocols = request.protocols
  }

  /// What it says of itself under a protocol.
  func metadata(for name: String?) -> ByteBuffer {
    protocols.first { $0.name == name }?.metadata ?? ByteBuffer()
  }
}
