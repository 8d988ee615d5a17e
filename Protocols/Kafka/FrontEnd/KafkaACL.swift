import KafkaWire

/// What rights are about, by Kafka's numbers (`ResourceType`).
enum KafkaResource: Int8, CaseIterable {
  case topic = 2
  case group = 3
  case cluster = 4
  case transactionalID = 5
  case delegationToken = 6
  case user = 7

  /// The only name of the cluster.
  static let clusterName = "kafka-cluster"
}

/// What may be done, by Kafka's numbers (`AclOperation`).
enum KafkaOperation: Int8, CaseIterable {
  case all = 2
  case read = 3
  case write = 4
  case create = 5
  case delete = 6
  case alter = 7
  case describe = 8
  case clusterAction = 9
  case describeConfigs = 10
  case alterConfigs = 11
  case idempotentWrite = 12
  case createTokens = 13
  case describeTokens = 14
  case twoPhaseCommit = 15

  /// Whether who was allowed this may do `other`, too.
  func implies(_ other: KafkaOperation) -> Bool {
    switch other {
    case self: true
    case .describe: [.read, .write, .delete, .alter, .all].contains(self)
    case .describeConfigs: self == .alterConfigs || self == .all
    default: self == .all
    }
  }
}

/// How a resource is named (`PatternType`).
enum KafkaPatternType: Int8 {
  /// By its name, or `*` for all.
  case literal = 3
  /// By how its name begins.
  case prefixed = 4
}

/// One rule: who may do what with what, or may not. The form in the journal, too; later versions
/// add tagged fields.
struct KafkaACL: Hashable, KafkaStructure {
  /// In place of a name: all.
  static let everything = "*"
  /// In place of a principal: everybody.
  static let everybody = "User:*"
  /// `AclPermissionType`.
  static let deny: Int8 = 2
  static let allow: Int8 = 3

  var resourceType: Int8 = 0
  var resourceName = ""
  var patternType: Int8 = 3
  /// As in `User:ann`.
  var principal = ""
  /// An address, or `*`.
  var host = ""
  var operation: Int8 = 0
  var permission: Int8 = 0

  mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
    try visitor.visit(&resourceType)
    try visitor.visit(&resourceName)
    try visitor.visit(&patternType)
    try visitor.visit(&principal)
    try visitor.visit(&host)
    try visitor.visit(&operation)
    try visitor.visit(&permission)
  }

  /// The longest text in a rule, in bytes.
  private static let textBytesMax = 32_767

  /// Why there can be no such rule.
  var refusal: KafkaRefusal? {
    func wrong(_ what: String) -> KafkaRefusal { KafkaRefusal(.invalidRequest, what) }
    guard let type = KafkaResource(rawValue: resourceType) else {
      return wrong("Invalid resourceType \(resourceType)")
    }
    guard KafkaPatternType(rawValue: patternType) != nil else {
      return wrong("Invalid patternType \(patternType)")
    }
    guard KafkaOperation(rawValue: operation) != nil else {
      return wrong("Invalid operation \(operation)")
    }
    guard permission == Self.allow || permission == Self.deny else {
      return wrong("Invalid permissionType \(permission)")
    }
    guard !resourceName.isEmpty else { return wrong("Resource name should not be empty") }
    guard type != .cluster || resourceName == KafkaResource.clusterName else {
      return wrong("The only valid name for the CLUSTER resource is \(KafkaResource.clusterName)")
    }
    guard let colon = principal.firstIndex(of: ":"), colon != principal.startIndex else {
      return wrong(
        "Could not parse principal from `\(principal.prefix(100))` (no colon is present separating "
          + "the principal type from the principal name)")
    }
    guard !host.isEmpty else { return wrong("Host should not be empty") }
    guard
      [resourceName, principal, host].allSatisfy({ $0.utf8.count <= Self.textBytesMax })
    else { return wrong("the rule is too long") }
    return nil
  }
}

/// Which rules are meant, in DescribeAcls and DeleteAcls.
struct KafkaACLFilter {
  /// In place of any number: all.
  static let any: Int8 = 1
  /// `PatternType`: rules that apply to the resource of that name.
  static let match: Int8 = 2

  var resourceType: Int8
  var resourceName: String?
  var patternType: Int8
  var principal: String?
  var host: String?
  var operation: Int8
  var permission: Int8

  /// Why there can be no such filter.
  var refusal: KafkaRefusal? {
    guard resourceType == Self.any || KafkaResource(rawValue: resourceType) != nil,
      (Self.any...KafkaPatternType.prefixed.rawValue).contains(patternType),
      operation == Self.any || KafkaOperation(rawValue: operation) != nil,
      [Self.any, KafkaACL.deny, KafkaACL.allow].contains(permission)
    else { return KafkaRefusal(.invalidRequest, "The filter has an unknown element") }
    return nil
  }

  func matches(_ acl: KafkaACL) -> Bool {
    (resourceType == Self.any || resourceType == acl.resourceType) && matchesName(of: acl)
      && (principal == nil || principal == acl.principal)
      && (host == nil || host == acl.host)
      && (operation == Self.any || operation == acl.operation)
      && (permission == Self.any || permission == acl.permission)
  }

  private func matchesName(of acl: KafkaACL) -> Bool {
    guard patternType == Self.any || patternType == Self.match || patternType == acl.patternType
    else { return false }
    guard let name = resourceName else { return true }
    guard patternType == Self.match else { return name == acl.resourceName }
    return acl.patternType == KafkaPatternType.prefixed.rawValue
      ? name.utf8.starts(with: acl.resourceName.utf8)
      : name == acl.resourceName || acl.resourceName == KafkaACL.everything
  }
}
