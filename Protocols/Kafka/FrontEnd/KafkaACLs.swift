import GodwitEngine
import KafkaWire
import NIOCore

/// A tenant's ACLs, in its journal `kafka.acls`.
final class KafkaACLs {
  /// What the rules say.
  enum Decision {
    case allowed
    case denied
    /// No rule is about the resource.
    case unmentioned
  }

  private static let journalName = "kafka.acls"
  /// What a rule takes of memory beyond its texts, about.
  private static let ruleBytes = 512

  private struct Name: Hashable {
    var type: Int8
    var name: String
  }

  private unowned let tenant: Tenant
  private var journal: (any Journal)?
  private var known: Set<KafkaACL> = []
  private var charges: [KafkaACL: MemoryCharge] = [:]
  /// Whether what the store has kept cannot be read: then nobody is allowed anything.
  private var isUnreadable = false
  private var literal: [Name: Set<KafkaACL>] = [:]
  private var prefixed: [Name: Set<KafkaACL>] = [:]
  /// Changes with the rules.
  private(set) var generation = 0
  /// How many there may be.
  var countMax = 10_000

  init(_ tenant: Tenant) {
    self.tenant = tenant
  }

  var isEmpty: Bool { known.isEmpty && !isUnreadable }

  // MARK: Deciding

  /// What the rules say about an operation of `principal`, who comes from `host`.
  func decide(
    _ operation: KafkaOperation, on type: KafkaResource, named name: String, principal: String,
    host: String
  ) -> Decision {
    guard !isUnreadable else { return .denied }
    var isMentioned = false
    var isAllowed = false
    for rules in self.rules(about: type, name) {
      isMentioned = true
      for rule in rules where rule.concerns(principal, host) && rule.decides(operation) {
        if rule.permission == KafkaACL.deny { return .denied }
        isAllowed = true
      }
    }
    return isAllowed ? .allowed : isMentioned ? .denied : .unmentioned
  }

  /// Whether a rule allows `principal` an operation with any resource of that type.
  func allowSome(
    _ operation: KafkaOperation, on type: KafkaResource, principal: String, host: String
  ) -> Bool {
    known.contains {
      $0.resourceType == type.rawValue && $0.permission == KafkaACL.allow
        && $0.concerns(principal, host) && $0.decides(operation)
    }
  }

  private func rules(about type: KafkaResource, _ name: String) -> [Set<KafkaACL>] {
    let type = type.rawValue
    var found = [name, KafkaACL.everything].compactMap { literal[Name(type: type, name: $0)] }
    for (pattern, rules) in prefixed where pattern.type == type && name.hasPrefix(pattern.name) {
      found.append(rules)
    }
    return found
  }

  // MARK: Looking

  /// The rules that are meant, in a fixed order.
  func all(_ filter: KafkaACLFilter) -> [KafkaACL] {
    known.filter { filter.matches($0) }.sorted {
      ($0.resourceType, $0.patternType, $0.resourceName, $0.principal, $0.host)
        < ($1.resourceType, $1.patternType, $1.resourceName, $1.principal, $1.host)
    }
  }

  // MARK: Changing

  /// Adds rules; those that are there already stay.
  ///
  /// - Parameter body: gets what became of each, once the others last.
  func add(_ rules: [KafkaACL], _ body: @escaping ([KafkaRefusal?]) -> Void) {
    let refused = rules.map { add($0) }
    whenWritten { failure in body(refused.map { $0 ?? failure }) }
  }

  private func add(_ rule: KafkaACL) -> KafkaRefusal? {
    if let refusal = rule.refusal { return refusal }
    guard !isUnreadable else {
      return KafkaRefusal(.kafkaStorageError, "the ACLs cannot be read")
    }
    guard !known.contains(rule) else { return nil }
    let size = rule.resourceName.utf8.count + rule.principal.utf8.count + rule.host.utf8.count
    guard known.count < countMax else {
      return KafkaRefusal(.policyViolation, "too many ACLs (kafka.max_acls)")
    }
    guard let charge = tenant.memory.charge(Self.ruleBytes + 2 * size) else {
      return KafkaRefusal(.policyViolation, "memory is spent (limits.stored_bytes_max)")
    }
    do throws(EngineError) {
      try write(.added(rule))
    } catch {
      return KafkaRefusal(error)
    }
    take(rule, charge)
    return nil
  }

  /// Takes out the rules that are meant.
  ///
  /// - Parameter body: gets the rules of each filter, once they are gone for good.
  func remove(
    _ filters: [KafkaACLFilter], _ body: @escaping (Result<[[KafkaACL]], KafkaRefusal>) -> Void
  ) {
    let found = filters.map { $0.refusal == nil ? all($0) : [] }
    do throws(EngineError) {
      for rule in Set(found.joined()) {
        try write(.removed(rule))
        drop(rule)
      }
    } catch {
      return body(.failure(KafkaRefusal(error)))
    }
    whenWritten { failure in body(failure.map { .failure($0) } ?? .success(found)) }
  }

  private func take(_ rule: KafkaACL, _ charge: MemoryCharge?) {
    generation &+= 1
    known.insert(rule)
    charges[rule] = charge
    let name = Name(type: rule.resourceType, name: rule.resourceName)
    if rule.patternType == KafkaPatternType.prefixed.rawValue {
      prefixed[name, default: []].insert(rule)
    } else {
      literal[name, default: []].insert(rule)
    }
  }

  private func drop(_ rule: KafkaACL) {
    generation &+= 1
    known.remove(rule)
    charges[rule] = nil
    let name = Name(type: rule.resourceType, name: rule.resourceName)
    literal[name]?.remove(rule)
    prefixed[name]?.remove(rule)
    if literal[name]?.isEmpty == true { literal[name] = nil }
    if prefixed[name]?.isEmpty == true { prefixed[name] = nil }
  }

  // MARK: Lasting

  private func write(_ entry: KafkaACLEntry) throws(EngineError) {
    let journal = try openJournal()
    guard let bytes = entry.bytes else {
      throw EngineError(.storageFailed, "the rule is too large")
    }
    journal.append(bytes)
  }

  private func whenWritten(_ body: @escaping (KafkaRefusal?) -> Void) {
    guard let journal else { return body(nil) }
    if journal.wantsSnapshot {
      journal.replace(with: known.compactMap { KafkaACLEntry.added($0).bytes })
    }
    journal.whenCommitted { body($0.map { KafkaRefusal($0) }) }
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal { return journal }
    let made = try tenant.store.journal(named: Self.journalName)
    journal = made
    return made
  }

  /// Takes up what the tenant's store has kept. Once, before anybody comes.
  func restore() throws(EngineError) {
    var found: Set<KafkaACL> = []
    isUnreadable = true
    try openJournal().replay { entry in
      switch KafkaACLEntry(entry) {
      case .added(let rule): found.insert(rule)
      case .removed(let rule): found.remove(rule)
      case nil: break
      }
    }
    isUnreadable = false
    for rule in found { take(rule, tenant.memory.charge(Self.ruleBytes)) }
  }
}

/// What the journal of ACLs has: rules that came and went.
enum KafkaACLEntry: KafkaJournalEntry {
  case added(KafkaACL)
  case removed(KafkaACL)

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case 1: self = .added(try KafkaACL(from: &reader))
    case 2: self = .removed(try KafkaACL(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .added: 1
    case .removed: 2
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .added(let rule), .removed(let rule): try rule.write(to: &writer)
    }
  }
}
