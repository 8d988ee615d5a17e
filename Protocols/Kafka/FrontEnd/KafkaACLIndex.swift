import KafkaWire

/// ACLs by what and whom they are about, so that a decision looks them up, however many there are.
struct KafkaACLIndex {
  /// Whom a rule is about, and from where.
  private struct Who: Hashable {
    var principal: String
    var host: String

    /// All that rules may call a client.
    static func all(_ principal: String, _ host: String) -> [Who] {
      [principal, KafkaACL.everybody].flatMap { principal in
        [host, KafkaACL.everything].map { Who(principal: principal, host: $0) }
      }
    }
  }

  /// What is allowed and denied, a bit for each operation.
  private struct Operations {
    var allowed: UInt32 = 0
    var denied: UInt32 = 0

    var isEmpty: Bool { allowed | denied == 0 }

    mutating func merge(_ other: Operations) {
      allowed |= other.allowed
      denied |= other.denied
    }
  }

  private struct Name: Hashable {
    var type: Int8
    var name: String
  }

  private struct Right: Hashable {
    var type: Int8
    var who: Who
    var operation: Int8
  }

  private typealias Rules = [Who: Operations]

  private var literal: [Name: Rules] = [:]
  private var prefixed: [Int8: KafkaPrefixes<Rules>] = [:]
  /// How many rules allow something with resources of a type.
  private var allowing: [Right: Int] = [:]

  /// By an operation's number, the bits of those that come with it.
  private static let implying: [UInt32] = (0..<16 as Range<Int8>).map { number in
    guard let wanted = KafkaOperation(rawValue: number) else { return 0 }
    return KafkaOperation.allCases.filter { $0.implies(wanted) }
      .reduce(0) { $0 | bit($1.rawValue) }
  }

  private static func bit(_ operation: Int8) -> UInt32 { 1 << UInt32(clamping: operation) }

  // MARK: Changing

  /// Adds a rule, or takes out one that is there.
  mutating func set(_ rule: KafkaACL, isThere: Bool) {
    let who = Who(principal: rule.principal, host: rule.host)
    func change(_ rules: inout Rules?) {
      var operations = rules?[who] ?? Operations()
      let place: WritableKeyPath<Operations, UInt32> =
        rule.permission == KafkaACL.deny ? \.denied : \.allowed
      if isThere {
        operations[keyPath: place] |= Self.bit(rule.operation)
      } else {
        operations[keyPath: place] &= ~Self.bit(rule.operation)
      }
      rules = rules ?? [:]
      rules?[who] = operations.isEmpty ? nil : operations
      if rules?.isEmpty == true { rules = nil }
    }
    if rule.patternType == KafkaPatternType.prefixed.rawValue {
      prefixed[rule.resourceType, default: KafkaPrefixes()].update(rule.resourceName, change)
    } else {
      change(&literal[Name(type: rule.resourceType, name: rule.resourceName)])
    }
    guard rule.permission == KafkaACL.allow else { return }
    let right = Right(type: rule.resourceType, who: who, operation: rule.operation)
    let count = (allowing[right] ?? 0) + (isThere ? 1 : -1)
    allowing[right] = count == 0 ? nil : count
  }

  // MARK: Deciding

  /// What the rules say about an operation of `principal`, who comes from `host`.
  mutating func decide(
    _ operation: KafkaOperation, on type: KafkaResource, named name: String, principal: String,
    host: String
  ) -> KafkaACLs.Decision {
    let client = Who.all(principal, host)
    var isMentioned = false
    var found = Operations()
    func add(_ rules: Rules) {
      isMentioned = true
      for who in client { if let operations = rules[who] { found.merge(operations) } }
    }
    for each in [name, KafkaACL.everything] {
      if let rules = literal[Name(type: type.rawValue, name: each)] { add(rules) }
    }
    prefixed[type.rawValue]?.each(of: name) { add($1) }
    guard isMentioned else { return .unmentioned }
    // What is denied is denied by its name only.
    let denying = Self.bit(operation.rawValue) | Self.bit(KafkaOperation.all.rawValue)
    guard found.denied & denying == 0 else { return .denied }
    let implying = Self.implying[Int(operation.rawValue)]
    return found.allowed & implying != 0 ? .allowed : .denied
  }

  /// Whether a rule allows `principal` an operation with any resource of that type.
  func allowSome(
    _ operation: KafkaOperation, on type: KafkaResource, principal: String, host: String
  ) -> Bool {
    let implying = KafkaOperation.allCases.filter { $0.implies(operation) }
    return Who.all(principal, host).contains { who in
      implying.contains {
        allowing[Right(type: type.rawValue, who: who, operation: $0.rawValue)] != nil
      }
    }
  }

  // MARK: Looking

  /// The rules among which are all that a filter means: those with names that it means.
  ///
  /// - Returns: `nil` for a filter that means any name.
  mutating func candidates(_ filter: KafkaACLFilter) -> [KafkaACL]? {
    guard let name = filter.resourceName else { return nil }
    let types =
      filter.resourceType == KafkaACLFilter.any
      ? KafkaResource.allCases.map(\.rawValue) : [filter.resourceType]
    var found: [KafkaACL] = []
    for type in types {
      func add(_ name: String, _ rules: Rules?, _ pattern: KafkaPatternType) {
        if let rules { Self.list(rules, type, name, pattern, &found) }
      }
      add(name, literal[Name(type: type, name: name)], .literal)
      guard filter.patternType == KafkaACLFilter.match else {
        add(name, prefixed[type]?[name], .prefixed)
        continue
      }
      if name != KafkaACL.everything {
        let all = KafkaACL.everything
        add(all, literal[Name(type: type, name: all)], .literal)
      }
      prefixed[type]?.each(of: name) { add($0, $1, .prefixed) }
    }
    return found
  }

  private static func list(
    _ rules: Rules, _ type: Int8, _ name: String, _ pattern: KafkaPatternType,
    _ found: inout [KafkaACL]
  ) {
    for (who, operations) in rules {
      for operation in KafkaOperation.allCases {
        for (permission, bits) in [
          (KafkaACL.allow, operations.allowed), (KafkaACL.deny, operations.denied),
        ] where bits & bit(operation.rawValue) != 0 {
          found.append(
            .with {
              $0.resourceType = type
              $0.resourceName = name
              $0.patternType = pattern.rawValue
              $0.principal = who.principal
              $0.host = who.host
              $0.operation = operation.rawValue
              $0.permission = permission
            })
        }
      }
    }
  }
}
