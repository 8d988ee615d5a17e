import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaACLsTests {
  /// A tenant whose journals outlive `restart`.
  private final class Rig {
    let engine = Engine(now: 1)
    let tenant: Tenant
    let store: JournalStore
    private(set) var acls: KafkaACLs

    init(_ rules: KafkaACL...) throws {
      tenant = engine.tenant(named: "t")
      store = JournalStore(tenant.memoryStore)
      tenant.store = store
      acls = KafkaACLs(tenant)
      try acls.restore()
      for rule in rules { #expect(add(rule) == nil) }
    }

    func restart() throws {
      acls = KafkaACLs(tenant)
      try acls.restore()
    }

    func add(_ rule: KafkaACL) -> KafkaErrorCode? {
      var refused: [KafkaRefusal?] = []
      acls.add([rule]) { refused = $0 }
      return refused.first??.code
    }

    func remove(_ filter: KafkaACLFilter) -> [KafkaACL]? {
      var found: [KafkaACL]?
      acls.remove([filter]) { found = try? $0.get().first }
      return found
    }

    func decide(
      _ operation: KafkaOperation, _ name: String, _ user: String = "ann",
      host: String = "10.0.0.1", on type: KafkaResource = .topic
    ) -> KafkaACLs.Decision {
      acls.decide(operation, on: type, named: name, principal: "User:\(user)", host: host)
    }
  }

  private static func rule(
    _ operation: KafkaOperation, _ name: String, _ user: String = "ann", denies: Bool = false,
    isPrefix: Bool = false, host: String = "*", on type: KafkaResource = .topic
  ) -> KafkaACL {
    .with {
      $0.resourceType = type.rawValue
      $0.resourceName = name
      $0.patternType = isPrefix ? 4 : 3
      $0.principal = "User:\(user)"
      $0.host = host
      $0.operation = operation.rawValue
      $0.permission = denies ? KafkaACL.deny : KafkaACL.allow
    }
  }

  private static func filter(
    type: Int8 = 1, name: String? = nil, pattern: Int8 = 1, user: String? = nil,
    operation: Int8 = 1
  ) -> KafkaACLFilter {
    KafkaACLFilter(
      resourceType: type, resourceName: name, patternType: pattern,
      principal: user.map { "User:\($0)" }, host: nil, operation: operation, permission: 1)
  }

  @Test func aRuleIsAboutItsResourceItsUserItsHostAndItsOperation() throws {
    let rig = try Rig(Self.rule(.read, "a", host: "10.0.0.1"))
    #expect(rig.decide(.read, "a") == .allowed)
    #expect(rig.decide(.write, "a") == .denied)
    #expect(rig.decide(.read, "a", "bob") == .denied)
    #expect(rig.decide(.read, "a", host: "10.0.0.2") == .denied)
    #expect(rig.decide(.read, "b") == .unmentioned)
    #expect(rig.decide(.read, "a", on: .group) == .unmentioned)
  }

  @Test func prefixesAndStarsMeanMany() throws {
    let rig = try Rig(
      Self.rule(.read, "app.", isPrefix: true), Self.rule(.write, "*", "*"))
    #expect(rig.decide(.read, "app.x") == .allowed)
    #expect(rig.decide(.read, "app") == .denied)
    #expect(rig.decide(.write, "anything", "bob") == .allowed)
    // A star is only a name in a prefix.
    #expect(rig.add(Self.rule(.delete, "*", isPrefix: true)) == nil)
    #expect(rig.decide(.delete, "app.x") == .denied)
    #expect(rig.decide(.delete, "*x") == .allowed)
  }

  @Test func whatIsDeniedIsDeniedWhateverElseIsAllowed() throws {
    let rig = try Rig(
      Self.rule(.all, "a", "*"), Self.rule(.write, "a", denies: true),
      Self.rule(.all, "se", "*", denies: true, isPrefix: true), Self.rule(.all, "secret"))
    #expect(rig.decide(.read, "a") == .allowed)
    #expect(rig.decide(.write, "a") == .denied)
    #expect(rig.decide(.write, "a", "bob") == .allowed)
    #expect(rig.decide(.read, "secret") == .denied)
    // Who may not write may still see it.
    #expect(rig.decide(.describe, "a") == .allowed)
  }

  @Test func someOperationsComeWithOthers() throws {
    for operation in [KafkaOperation.read, .write, .delete, .alter] {
      let rig = try Rig(Self.rule(operation, "a"))
      #expect(rig.decide(.describe, "a") == .allowed)
      #expect(rig.decide(.describeConfigs, "a") == .denied)
    }
    let rig = try Rig(Self.rule(.alterConfigs, "a"), Self.rule(.describe, "b"))
    #expect(rig.decide(.describeConfigs, "a") == .allowed)
    #expect(rig.decide(.describe, "a") == .denied)
    #expect(rig.decide(.read, "b") == .denied)
  }

  @Test func rulesLast() throws {
    let kept = Self.rule(.read, "a")
    let rig = try Rig(kept, Self.rule(.read, "b"), Self.rule(.read, "b"))
    #expect(rig.remove(Self.filter(name: "b"))?.count == 1)
    try rig.restart()
    #expect(rig.acls.all(Self.filter()) == [kept])
    #expect(rig.decide(.write, "a") == .denied && rig.decide(.write, "b") == .unmentioned)
    rig.store.wantsSnapshots = true
    #expect(rig.add(Self.rule(.write, "c", isPrefix: true)) == nil)
    try rig.restart()
    #expect(rig.acls.all(Self.filter()).count == 2)
    #expect(rig.decide(.write, "cc") == .allowed)
  }

  @Test func filtersMeanRules() throws {
    let rig = try Rig(
      Self.rule(.read, "abc"), Self.rule(.read, "ab", isPrefix: true), Self.rule(.write, "*"),
      Self.rule(.read, "ab", "bob", isPrefix: true), Self.rule(.read, "abc", on: .group))
    func count(_ filter: KafkaACLFilter) -> Int { rig.acls.all(filter).count }
    #expect(count(Self.filter()) == 5)
    #expect(count(Self.filter(type: 2)) == 4)
    #expect(count(Self.filter(type: 2, name: "abc", pattern: 3)) == 1)
    #expect(count(Self.filter(name: "ab", pattern: 4)) == 2)
    #expect(count(Self.filter(type: 2, name: "abc", pattern: 2)) == 4)
    #expect(count(Self.filter(type: 2, name: "abd", pattern: 2)) == 3)
    #expect(count(Self.filter(user: "bob")) == 1)
    #expect(count(Self.filter(operation: KafkaOperation.write.rawValue)) == 1)
    #expect(Self.filter().refusal == nil)
    #expect(Self.filter(type: 0).refusal?.code == .invalidRequest)
    #expect(Self.filter(pattern: 5).refusal?.code == .invalidRequest)
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    let rig = try Rig()
    var rules = Array(repeating: Self.rule(.read, "a"), count: 8)
    rules[0].resourceName = ""
    rules[1].patternType = 2
    rules[2].principal = "ann"
    rules[3].operation = 1
    rules[4].permission = 1
    rules[5].resourceType = 1
    rules[6].resourceType = KafkaResource.cluster.rawValue
    rules[7].host = ""
    for rule in rules { #expect(rig.add(rule) == .invalidRequest) }
    #expect(rig.acls.isEmpty)
    rig.acls.countMax = 1
    #expect(rig.add(Self.rule(.read, "a")) == nil)
    #expect(rig.add(Self.rule(.read, "b")) == .policyViolation)
    rig.store.fails = true
    #expect(rig.remove(Self.filter()) == nil)
  }

  @Test func whatIsRefusedLeavesNothing() throws {
    let deny = Self.rule(.read, "a", denies: true)
    let rig = try Rig(deny)
    rig.store.fails = true
    #expect(rig.add(Self.rule(.write, "b")) == .kafkaStorageError)
    #expect(rig.remove(Self.filter()) == nil)
    #expect(rig.acls.all(Self.filter()) == [deny])
    #expect(rig.decide(.read, "a") == .denied && rig.decide(.write, "b") == .unmentioned)
    rig.store.fails = false
    #expect(rig.add(Self.rule(.write, "b")) == nil)
    try rig.restart()
    #expect(rig.acls.all(Self.filter()).count == 2)
  }

  @Test func whatIsNotKeptYetDoesNotHold() throws {
    let rig = try Rig(Self.rule(.read, "a", denies: true))
    rig.store.isSilent = true
    #expect(rig.remove(Self.filter()) == nil)
    #expect(rig.decide(.read, "a") == .denied)
    // The next one waits for it.
    #expect(rig.add(Self.rule(.read, "b")) == nil)
    #expect(rig.acls.all(Self.filter()).count == 1)
  }

  @Test func whatIsDamagedDeniesEverythingUntilItIsTakenAway() throws {
    let rig = try Rig(Self.rule(.read, "a"))
    rig.store.isDamaged = true
    #expect(throws: EngineError.self) { try rig.restart() }
    #expect(rig.decide(.read, "a") == .denied && rig.decide(.read, "b") == .denied)
    #expect(rig.add(Self.rule(.read, "b")) == .kafkaStorageError)
    #expect(rig.remove(Self.filter()) == nil)
    // What was damaged is cut off by then, and the rest is whole.
    rig.store.isDamaged = false
    #expect(throws: EngineError.self) { try rig.restart() }
    #expect(rig.decide(.read, "a") == .denied)
  }

  @Test func anEntryThatNobodyKnowsDeniesEverything() throws {
    let rig = try Rig(Self.rule(.read, "a"))
    let journal = try #require(rig.store.journals["kafka.acls"])
    journal.entries.append(ByteBuffer(bytes: [9, 9]))
    #expect(throws: EngineError.self) { try rig.restart() }
    #expect(rig.decide(.read, "a") == .denied)
  }

  @Test func aFilterDoesNotFindWhatOneBeforeHasTakenOut() throws {
    let rig = try Rig(Self.rule(.read, "a"), Self.rule(.read, "b"))
    var found: [[KafkaACL]] = []
    rig.acls.remove([Self.filter(name: "a"), Self.filter()]) { found = (try? $0.get()) ?? [] }
    #expect(found == [[Self.rule(.read, "a")], [Self.rule(.read, "b")]])
    #expect(rig.acls.isEmpty)
  }

  @Test func aRequestIsBounded() throws {
    let rig = try Rig(Self.rule(.read, "a"))
    func removal(_ filters: [KafkaACLFilter]) -> KafkaErrorCode? {
      var result: Result<[[KafkaACL]], KafkaRefusal>?
      rig.acls.remove(filters) { result = $0 }
      if case .failure(let refusal) = result { return refusal.code }
      return nil
    }
    let other = Self.filter(user: "bob")
    #expect(removal(Array(repeating: other, count: 10_001)) == .policyViolation)
    #expect(removal(Array(repeating: other, count: 10_000)) == nil)
    var refused: [KafkaRefusal?] = []
    let rules = (0..<10_001).map { Self.rule(.read, "r\($0)") }
    rig.acls.add(rules) { refused = $0 }
    #expect(refused.count == 10_001 && refused.allSatisfy { $0?.code == .policyViolation })
    rig.acls.add(Array(rules.prefix(999))) { refused = $0 }
    #expect(refused.allSatisfy { $0 == nil })
    // Each is held against all thousand; with a name only against what has it.
    #expect(removal(Array(repeating: other, count: 199)) == nil)
    #expect(removal(Array(repeating: other, count: 200)) == .policyViolation)
    let named = (0..<900).map { Self.filter(type: 2, name: "r\($0)", pattern: 3, user: "bob") }
    #expect(removal(named) == nil)
    #expect(rig.acls.all(Self.filter()).count == 1_000)
  }

  /// What is looked up is what a walk through all rules finds.
  @Test func lookingUpFindsWhatWalkingFinds() throws {
    var seed: UInt64 = 0x9E37_79B9
    func pick(_ count: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % count
    }
    func word() -> String {
      String((0..<(1 + pick(5))).map { _ in ["a", "b", "é", "*"][pick(4)] as Character })
    }
    let operations: [KafkaOperation] = [.all, .read, .write, .describe, .alterConfigs]
    for _ in 0..<60 {
      let rig = try Rig()
      var rules: Set<KafkaACL> = []
      for _ in 0..<40 {
        let rule = Self.rule(
          operations[pick(5)], pick(8) == 0 ? "*" : word(), ["ann", "bob", "*"][pick(3)],
          denies: pick(4) == 0, isPrefix: pick(2) == 0, host: ["*", "10.0.0.1"][pick(2)])
        #expect(rig.add(rule) == nil)
        rules.insert(rule)
        if pick(4) == 0, let gone = rules.randomElement() {
          let filter = KafkaACLFilter(
            resourceType: gone.resourceType, resourceName: gone.resourceName,
            patternType: gone.patternType, principal: gone.principal, host: gone.host,
            operation: gone.operation, permission: gone.permission)
          #expect(rig.remove(filter) == [gone])
          rules.remove(gone)
        }
      }
      for _ in 0..<60 {
        let (name, user) = (word(), ["ann", "bob", "cas"][pick(3)])
        let operation = operations[pick(5)]
        #expect(
          rig.decide(operation, name, user) == Self.walk(rules, operation, name, "User:\(user)"))
        for pattern in 1...4 as ClosedRange<Int8> {
          let filter = Self.filter(type: Int8(1 + pick(2)), name: name, pattern: pattern)
          #expect(Set(rig.acls.all(filter)) == rules.filter { filter.matches($0) })
        }
      }
    }
  }

  private static func walk(
    _ rules: Set<KafkaACL>, _ operation: KafkaOperation, _ name: String, _ principal: String
  ) -> KafkaACLs.Decision {
    let about = rules.filter {
      $0.patternType == 4
        ? name.hasPrefix($0.resourceName) : [name, "*"].contains($0.resourceName)
    }
    let own = about.filter {
      [principal, "User:*"].contains($0.principal) && ["10.0.0.1", "*"].contains($0.host)
    }
    if own.contains(where: {
      $0.permission == KafkaACL.deny
        && [operation.rawValue, KafkaOperation.all.rawValue].contains($0.operation)
    }) {
      return .denied
    }
    let isAllowed = own.contains {
      $0.permission == KafkaACL.allow
        && KafkaOperation(rawValue: $0.operation)?.implies(operation) == true
    }
    return isAllowed ? .allowed : about.isEmpty ? .unmentioned : .denied
  }

  @Test func whatCannotBeReadDeniesEverything() throws {
    final class Broken: Store {
      var isDurable: Bool { true }
      func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
        throw EngineError(.storageFailed, "broken")
      }
      func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal {
        throw EngineError(.storageFailed, "broken")
      }
      func remove(named name: String) {}
    }
    let engine = Engine(now: 1)
    let tenant = engine.tenant(named: "t")
    tenant.store = Broken()
    let acls = KafkaACLs(tenant)
    #expect(throws: EngineError.self) { try acls.restore() }
    #expect(!acls.isEmpty)
    #expect(
      acls.decide(.read, on: .topic, named: "a", principal: "User:ann", host: "h") == .denied)
  }
}
