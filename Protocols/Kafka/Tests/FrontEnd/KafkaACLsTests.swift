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
