import GodwitEngine
import GodwitFrontEndKit
import KafkaWire

/// What a client was found to be allowed, until the ACLs change.
struct KafkaRights {
  /// How much is remembered.
  private static let countMax = 4_096

  struct Question: Hashable {
    var operation: KafkaOperation
    var type: KafkaResource
    var name: String
  }

  private var generation = -1
  private var answers: [Question: KafkaACLs.Decision] = [:]

  mutating func decision(
    _ question: Question, _ acls: KafkaACLs, principal: String, host: String
  ) -> KafkaACLs.Decision {
    if generation != acls.generation || answers.count >= Self.countMax {
      generation = acls.generation
      answers = [:]
    }
    if let known = answers[question] { return known }
    let found = acls.decide(
      question.operation, on: question.type, named: question.name, principal: principal,
      host: host)
    answers[question] = found
    return found
  }
}

/// Rights: the settings' permissions say what a user may ever do, by every protocol; the ACLs say
/// what of it may be done over Kafka.
extension KafkaSession {
  /// Kafka's name of the client's user.
  var principalName: String {
    let name = principal?.name ?? ""
    return name.isEmpty ? "User:ANONYMOUS" : "User:\(name)"
  }

  private var isSuperUser: Bool {
    guard let principal, !principal.name.isEmpty else { return false }
    return server.values.superUsers.contains(principal.name)
  }

  // MARK: What ACLs say

  private func decision(
    _ operation: KafkaOperation, _ type: KafkaResource, _ name: String
  ) -> KafkaACLs.Decision {
    guard let acls = tenant?.acls, !acls.isEmpty else { return .unmentioned }
    return rights.decision(
      KafkaRights.Question(operation: operation, type: type, name: name), acls,
      principal: principalName, host: connection.peer.address)
  }

  private func isAllowed(
    _ operation: KafkaOperation, _ type: KafkaResource, _ name: @autoclosure () -> String
  ) -> Bool {
    if tenant?.acls.isEmpty == true, server.values.allowsUnmentioned { return true }
    if isSuperUser { return true }
    return switch decision(operation, type, name()) {
    case .allowed: true
    case .denied: false
    case .unmentioned: server.values.allowsUnmentioned
    }
  }

  // MARK: Topics

  /// Whether the client may do that with a topic.
  func may(_ operation: KafkaOperation, _ topic: [UInt8]) -> Bool {
    isPermitted(operation, topic)
      && isAllowed(
        operation, .topic,
        KafkaTopicCodec.name(topic).map { String(decoding: $0, as: UTF8.self) } ?? "")
  }

  /// Whether the client may do that with a topic, which need not exist.
  func may(_ operation: KafkaOperation, topicNamed name: String) -> Bool {
    guard let canonical = KafkaTopicCodec.canonical(Array(name.utf8)) else { return false }
    return isPermitted(operation, canonical) && isAllowed(operation, .topic, name)
  }

  /// What is said of a topic that is not there: who may not do that with one of its name does not
  /// learn it.
  func unknown(
    _ name: String, _ operation: KafkaOperation = .describe
  ) -> KafkaErrorCode {
    KafkaTopicCodec.canonical(Array(name.utf8)) == nil || may(operation, topicNamed: name)
      ? .unknownTopicOrPartition : .topicAuthorizationFailed
  }

  /// As `unknown`, with the words that who may not do that hears of a topic that is there.
  func unknownTopic(_ name: String, _ operation: KafkaOperation) -> KafkaRefusal {
    let code = unknown(name, operation)
    return KafkaRefusal(
      code, code == .topicAuthorizationFailed ? "not permitted" : "no such topic")
  }

  /// Whether the client may make a topic of that name: it may make any, or this one.
  func mayCreate(_ name: String) -> Bool {
    guard let canonical = KafkaTopicCodec.canonical(Array(name.utf8)),
      isPermitted(.create, canonical)
    else { return false }
    return isAllowed(.create, .topic, name)
      || decision(.create, .cluster, KafkaResource.clusterName) == .allowed
  }

  /// What the settings say of a topic.
  private func isPermitted(_ operation: KafkaOperation, _ topic: [UInt8]) -> Bool {
    guard let permissions = principal?.permissions else { return true }
    return topic.withUnsafeBytes { topic in
      let (reads, writes) = (
        permissions.subscribe.permits(topic), permissions.publish.permits(topic)
      )
      return switch operation {
      case .read: reads
      case .write, .create: writes
      case .describe, .describeConfigs: reads || writes
      default: reads && writes
      }
    }
  }

  /// Whether the client may see what is in a topic.
  func mayRead(_ topic: [UInt8]) -> Bool { may(.read, topic) }

  /// Whether the client may add to a topic.
  func mayWrite(_ topic: [UInt8]) -> Bool { may(.write, topic) }

  // MARK: Everything else

  /// Whether the client may do that with a group.
  func may(_ operation: KafkaOperation, group: String) -> Bool {
    isAllowed(operation, .group, group)
  }

  /// Whether the client may do that with a transactional id.
  func may(_ operation: KafkaOperation, transaction id: String) -> Bool {
    isAllowed(operation, .transactionalID, id)
  }

  /// Whether the client may do that with the broker as a whole.
  func mayCluster(_ operation: KafkaOperation) -> Bool {
    isAllowed(operation, .cluster, KafkaResource.clusterName)
  }

  /// Whether a rule says that the client may see all groups.
  var maySeeAllGroups: Bool {
    decision(.describe, .cluster, KafkaResource.clusterName) == .allowed
  }

  /// Whether the client may look at or change users, ACLs and quotas. Without a rule about that,
  /// those may whom the settings hold back from nothing, and whom no client has made.
  func mayAdminister(_ operation: KafkaOperation) -> Bool {
    switch decision(operation, .cluster, KafkaResource.clusterName) {
    case .allowed: return true
    case .denied: return isSuperUser
    case .unmentioned:
      if isSuperUser { return true }
      guard server.values.allowsUnmentioned, let principal, principal.permissions == nil else {
        return false
      }
      return server.context.access.users.find(principal.name) == nil
    }
  }

  /// Whether the client may have a number as an idempotent producer: who may write something.
  var mayBeIdempotent: Bool {
    if mayCluster(.idempotentWrite) || server.values.allowsUnmentioned { return true }
    return tenant?.acls.allowSome(
      .write, on: .topic, principal: principalName, host: connection.peer.address) ?? false
  }

  // MARK: What clients are shown of it

  /// The bits of operations that are allowed (KIP-430).
  private static func bits(_ operations: [KafkaOperation], _ may: (KafkaOperation) -> Bool) -> Int32
  {
    operations.reduce(0) { may($1) ? $0 | 1 << Int32($1.rawValue) : $0 }
  }

  func operations(on topic: [UInt8]) -> Int32 {
    Self.bits(
      [.read, .write, .create, .delete, .alter, .describe, .describeConfigs, .alterConfigs]
    ) { may($0, topic) }
  }

  func operations(onGroup group: String) -> Int32 {
    Self.bits([.read, .describe, .delete]) { may($0, group: group) }
  }

  var clusterOperations: Int32 {
    Self.bits([.create, .describe, .describeConfigs, .idempotentWrite]) { mayCluster($0) }
      | Self.bits([.alter, .alterConfigs]) { mayAdminister($0) }
  }
}
