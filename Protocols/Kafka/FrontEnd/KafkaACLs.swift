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
  /// How many rules or filters a request may have, as at Kafka.
  private static let changesMax = 10_000
  /// How many rules the filters of a request may have to be held against.
  private static let looksMax = 200_000
  private static let unreadable = KafkaRefusal(.kafkaStorageError, "the ACLs cannot be read")
  private static let tooMuch = KafkaRefusal(
    .policyViolation, "more ACLs to change or to look through than one request may")

  private unowned let tenant: Tenant
  private let ledger: KafkaLedger
  private var known: Set<KafkaACL> = []
  private var charges: [KafkaACL: MemoryCharge] = [:]
  private var index = KafkaACLIndex()
  /// Why nobody is allowed anything: what the store has kept cannot be read.
  private(set) var refusal: KafkaRefusal? {
    didSet { ledger.refusal = refusal }
  }
  /// Changes with the rules.
  private(set) var generation = 0
  /// How many there may be.
  var countMax = 10_000

  init(_ tenant: Tenant) {
    self.tenant = tenant
    ledger = KafkaLedger(tenant, journal: Self.journalName)
    ledger.snapshot = { [unowned self] in known.compactMap { KafkaACLEntry.added($0).bytes } }
  }

  var isEmpty: Bool { known.isEmpty && refusal == nil }

  // MARK: Deciding

  /// What the rules say about an operation of `principal`, who comes from `host`.
  func decide(
    _ operation: KafkaOperation, on type: KafkaResource, named name: String, principal: String,
    host: String
  ) -> Decision {
    guard refusal == nil else { return .denied }
    return index.decide(operation, on: type, named: name, principal: principal, host: host)
  }

  /// Whether a rule allows `principal` an operation with any resource of that type.
  func allowSome(
    _ operation: KafkaOperation, on type: KafkaResource, principal: String, host: String
  ) -> Bool {
    index.allowSome(operation, on: type, principal: principal, host: host)
  }

  // MARK: Looking

  /// The rules that are meant, in a fixed order.
  func all(_ filter: KafkaACLFilter) -> [KafkaACL] {
    var looks = Int.max
    return Self.sorted(some(filter, &looks) ?? [])
  }

  /// - Parameter looks: how many rules may be looked at.
  /// - Returns: those that are meant, in no particular order; `nil` where there are more to look
  ///   at.
  private func some(_ filter: KafkaACLFilter, _ looks: inout Int) -> [KafkaACL]? {
    let candidates = index.candidates(filter)
    looks -= 1 + (candidates?.count ?? known.count)
    guard looks >= 0 else { return nil }
    return candidates?.filter(filter.matches) ?? known.filter(filter.matches)
  }

  private static func sorted(_ rules: [KafkaACL]) -> [KafkaACL] {
    rules.sorted {
      ($0.resourceType, $0.patternType, $0.resourceName, $0.principal, $0.host)
        < ($1.resourceType, $1.patternType, $1.resourceName, $1.principal, $1.host)
    }
  }

  // MARK: Changing

  /// Adds rules; those that are there already stay. They hold once they last.
  ///
  /// - Parameter body: gets what became of each, then.
  func add(_ rules: [KafkaACL], _ body: @escaping ([KafkaRefusal?]) -> Void) {
    guard rules.count <= Self.changesMax else { return body(rules.map { _ in Self.tooMuch }) }
    ledger.change { self.judge(adding: rules, body) }
  }

  private func judge(
    adding rules: [KafkaACL], _ body: @escaping ([KafkaRefusal?]) -> Void
  ) -> KafkaLedger.Change {
    var new: [KafkaACL: MemoryCharge] = [:]
    var entries: [ByteBuffer] = []
    let refused = rules.map { rule -> KafkaRefusal? in
      if let refusal = rule.refusal ?? self.refusal { return refusal }
      guard !known.contains(rule), new[rule] == nil else { return nil }
      guard known.count + new.count < countMax else {
        return KafkaRefusal(.policyViolation, "too many ACLs (kafka.max_acls)")
      }
      guard let charge = tenant.memory.charge(Self.size(rule)) else {
        return KafkaRefusal(
          .policyViolation, "the budget for stored messages is spent (limits.stored_bytes_max)")
      }
      guard let bytes = KafkaACLEntry.added(rule).bytes else {
        return KafkaRefusal(.invalidRequest, "the rule is too long")
      }
      new[rule] = charge
      entries.append(bytes)
      return nil
    }
    return KafkaLedger.Change(entries: entries) { failure in
      if failure == nil { for (rule, charge) in new { self.take(rule, charge) } }
      body(refused.map { $0 ?? failure })
    }
  }

  /// Takes out the rules that are meant, once that lasts.
  ///
  /// - Parameter body: gets the rules of each filter, then; those that a filter before has taken
  ///   out it does not find.
  func remove(
    _ filters: [KafkaACLFilter], _ body: @escaping (Result<[[KafkaACL]], KafkaRefusal>) -> Void
  ) {
    guard filters.count <= Self.changesMax else { return body(.failure(Self.tooMuch)) }
    ledger.change { self.judge(removing: filters, body) }
  }

  private func judge(
    removing filters: [KafkaACLFilter],
    _ body: @escaping (Result<[[KafkaACL]], KafkaRefusal>) -> Void
  ) -> KafkaLedger.Change {
    func refuse(_ refusal: KafkaRefusal) -> KafkaLedger.Change {
      KafkaLedger.Change(entries: []) { _ in body(.failure(refusal)) }
    }
    if let refusal { return refuse(refusal) }
    var found: [[KafkaACL]] = []
    var gone: Set<KafkaACL> = []
    var looks = Self.looksMax
    for filter in filters {
      guard filter.refusal == nil else {
        found.append([])
        continue
      }
      guard let rules = some(filter, &looks) else { return refuse(Self.tooMuch) }
      // Ordered is what is new: each filter may mean all that there are.
      found.append(Self.sorted(rules.filter { gone.insert($0).inserted }))
    }
    let entries = gone.compactMap { KafkaACLEntry.removed($0).bytes }
    guard entries.count == gone.count else { return refuse(Self.tooMuch) }
    return KafkaLedger.Change(entries: entries) { failure in
      if let failure { return body(.failure(failure)) }
      for rule in gone { self.drop(rule) }
      body(.success(found))
    }
  }

  private static func size(_ rule: KafkaACL) -> Int {
    ruleBytes
      + 4 * (rule.resourceName.utf8.count + rule.principal.utf8.count + rule.host.utf8.count)
  }

  private func take(_ rule: KafkaACL, _ charge: MemoryCharge?) {
    generation &+= 1
    known.insert(rule)
    charges[rule] = charge
    index.set(rule, isThere: true)
  }

  private func drop(_ rule: KafkaACL) {
    generation &+= 1
    known.remove(rule)
    charges[rule] = nil
    index.set(rule, isThere: false)
  }

  // MARK: Lasting

  /// Takes up what the tenant's store has kept. Once, before anybody comes. Where that cannot be
  /// read whole, a rule that denies something may be missing: nobody is allowed anything.
  func restore() throws(EngineError) {
    var found: Set<KafkaACL> = []
    refusal = Self.unreadable
    let isWhole = try ledger.restore { entry in
      switch KafkaACLEntry(entry) {
      case .added(let rule):
        guard rule.refusal == nil else { return false }
        found.insert(rule)
      case .removed(let rule): found.remove(rule)
      case nil: return false
      }
      return true
    }
    guard isWhole else {
      throw EngineError(.storageFailed, "some are lost in \(Self.journalName)")
    }
    refusal = nil
    // In this order each comes behind the others, where they are sorted.
    for rule in found.sorted(by: { $0.resourceName < $1.resourceName }) {
      take(rule, tenant.memory.charge(Self.size(rule)))
    }
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
