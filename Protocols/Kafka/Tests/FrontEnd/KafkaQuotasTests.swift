import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaQuotasTests {
  /// A tenant whose journals outlive `restart`.
  private final class Rig {
    let engine = Engine(now: 1)
    let tenant: Tenant
    let store: JournalStore
    private(set) var quotas: KafkaQuotas

    init() throws {
      tenant = engine.tenant(named: "t")
      store = JournalStore(tenant.memoryStore)
      tenant.store = store
      quotas = KafkaQuotas(tenant)
      try restart()
    }

    func restart() throws {
      quotas = KafkaQuotas(tenant)
      quotas.windowSeconds = 10
      try quotas.restore()
    }

    @discardableResult func set(
      user: KafkaQuotaEntity.Name? = nil, clientID: KafkaQuotaEntity.Name? = nil,
      address: KafkaQuotaEntity.Name? = nil, _ rate: Double?, _ kind: KafkaQuotaKind = .producer
    ) -> KafkaErrorCode? {
      var refused: [KafkaRefusal?] = []
      let entity = KafkaQuotaEntity(user: user, clientID: clientID, address: address)
      quotas.change(
        [.success(.init(entity: entity) { $0 = rate.map { [kind: $0] } ?? [:] })], isDryRun: false
      ) { refused = $0 }
      return refused.first??.code
    }

    func charge(
      _ amount: Int, user: String = "ann", clientID: String = "c", at now: Int64 = 0,
      _ kind: KafkaQuotaKind = .producer, _ way: KafkaQuotas.Way = .already
    ) -> Int {
      quotas.charge(kind, amount, user: user, clientID: clientID, now: now, way)
    }
  }

  @Test func theRateIsKeptOverTheWindow() throws {
    let rig = try Rig()
    rig.set(user: .named("ann"), 1_000)
    #expect(rig.quotas.burst(.producer, user: "ann", clientID: "") == 10_000)
    #expect(rig.charge(10_000) == 0)
    #expect(rig.charge(500) == 500)
    // Time makes up for it.
    #expect(rig.charge(0, at: 500) == 0)
    #expect(rig.charge(2_000, at: 500) == 2_000)
    #expect(rig.charge(0, at: 20_000) == 0)
    #expect(rig.charge(10_000, at: 20_000) == 0)
    // A clock that goes back gives nothing.
    #expect(rig.charge(1_000, at: 0) == 1_000)
    // Another kind, and another user, are not counted.
    #expect(rig.charge(1 << 40, at: 20_000, .consumer) == 0)
    #expect(rig.charge(1 << 40, user: "bob") == 0)
    #expect(rig.charge(.max, at: 20_000) == 3_600_000)
  }

  @Test func whatDoesNotFitIsNotCounted() throws {
    let rig = try Rig()
    rig.set(user: .named("ann"), 1_000, .consumer)
    func fetch(_ bytes: Int, at now: Int64) -> Int {
      rig.charge(bytes, at: now, .consumer, .whenItFits)
    }
    #expect(fetch(8_000, at: 0) == 0)
    #expect(fetch(4_000, at: 0) == 2_000)
    #expect(fetch(4_000, at: 1_999) == 1)
    #expect(fetch(0, at: 1_999) == 0)
    #expect(fetch(4_000, at: 2_000) == 0)
    // What never fits has its turn when all before it is made up for, and is made up for then.
    #expect(fetch(50_000, at: 2_000) == 10_000)
    #expect(fetch(50_000, at: 12_000) == 0)
    #expect(fetch(1, at: 12_000) == 40_001)
    #expect(fetch(1, at: 52_001) == 0)
  }

  @Test func timeIsCountedInPercentOfTheLoop() throws {
    let rig = try Rig()
    #expect(!rig.quotas.countsTime)
    rig.set(clientID: .named("c"), 0.5, .requests)
    #expect(rig.quotas.countsTime)
    // Half a percent of ten seconds.
    #expect(rig.charge(50_000_000, .requests) == 0)
    #expect(rig.charge(5_000, .requests) == 1)
    #expect(rig.charge(1_000_000_000, .requests) == 1_000)
    rig.set(clientID: .named("c"), nil)
    #expect(!rig.quotas.countsTime)
    rig.set(user: .others, 1, .requests)
    try rig.restart()
    #expect(rig.quotas.countsTime)
  }

  @Test func changesAreRefusedOnlyOnceTheRateIsSpent() throws {
    let rig = try Rig()
    rig.set(user: .named("ann"), 0.5, .mutations)
    func make(_ partitions: Int, at now: Int64, _ way: KafkaQuotas.Way = .unlessBeyond) -> Int {
      rig.charge(partitions, at: now, .mutations, way)
    }
    // What begins within the rate is done whole, however much it is (KIP-599).
    #expect(make(15, at: 0) == 0)
    #expect(make(1, at: 0) == 20_000)
    #expect(make(1, at: 19_000) == 1_000)
    #expect(make(1, at: 20_000) == 0)
    #expect(make(1, at: 20_000) == 2_000)
    // Earlier versions know no refusal: it is done, and waited for.
    #expect(make(4, at: 22_000, .already) == 8_000)
    #expect(make(1, at: 22_000) == 8_000)
  }

  @Test func connectionsAreCountedByAddress() throws {
    let rig = try Rig()
    rig.set(address: .others, 1, .connections)
    rig.set(address: .named("10.0.0.1"), 2, .connections)
    func connect(_ address: String, at now: Int64 = 0) -> Int {
      rig.quotas.charge(connectionFrom: address, now: now)
    }
    #expect((0..<20).allSatisfy { _ in connect("10.0.0.1") == 0 })
    #expect(connect("10.0.0.1") == 500)
    #expect((0..<10).allSatisfy { _ in connect("10.0.0.2") == 0 })
    #expect(connect("10.0.0.2") == 1_000 && connect("10.0.0.3") == 0)
    // What was turned away has not counted.
    #expect(connect("10.0.0.1", at: 500) == 0)
  }

  @Test func theMostSpecialOneHolds() throws {
    let rig = try Rig()
    func burst(_ user: String, _ client: String) -> Int? {
      rig.quotas.burst(.producer, user: user, clientID: client)
    }
    #expect(burst("ann", "c") == nil)
    let steps: [(KafkaQuotaEntity.Name?, KafkaQuotaEntity.Name?)] = [
      (nil, .others), (nil, .named("c")), (.others, nil), (.others, .others),
      (.others, .named("c")), (.named("ann"), nil), (.named("ann"), .others),
      (.named("ann"), .named("c")),
    ]
    for (index, step) in steps.enumerated() {
      rig.set(user: step.0, clientID: step.1, Double(index + 1))
      #expect(burst("ann", "c") == (index + 1) * 10)
    }
    #expect(burst("ann", "d") == 70 && burst("bob", "c") == 50 && burst("bob", "d") == 40)
  }

  @Test func clientsAreCountedTogetherAsTheQuotaSays() throws {
    let rig = try Rig()
    rig.set(user: .others, 1_000)
    #expect(rig.charge(10_000, clientID: "c") == 0)
    #expect(rig.charge(1_000, clientID: "d") == 1_000)
    #expect(rig.charge(10_000, user: "bob", clientID: "c") == 0)
    rig.set(user: .others, clientID: .others, 1_000)
    #expect(rig.charge(10_000, clientID: "c") == 0)
    #expect(rig.charge(10_000, clientID: "d") == 0)
    #expect(rig.charge(1_000, clientID: "d") == 1_000)
  }

  @Test func manyClientsAreBounded() throws {
    let rig = try Rig()
    rig.set(clientID: .others, 1)
    for index in 0..<10_100 { _ = rig.charge(10, clientID: "c\(index)") }
    // Whoever comes too late shares with the others of that kind.
    #expect(rig.charge(0, clientID: "new") > 0)
    // And is counted for itself when those who were there are forgotten.
    #expect(rig.charge(10, clientID: "late", at: 60_000) == 0)
  }

  @Test func quotasLast() throws {
    let rig = try Rig()
    rig.set(user: .named("ann"), clientID: .others, 7)
    rig.set(user: .named("gone"), 8)
    rig.set(user: .named("gone"), nil)
    try rig.restart()
    let entity = KafkaQuotaEntity(user: .named("ann"), clientID: .others)
    #expect(rig.quotas.byEntity == [entity: [.producer: 7]])
    rig.store.wantsSnapshots = true
    rig.set(clientID: .named("c"), 9, .consumer)
    rig.set(address: .named("::1"), 3, .connections)
    rig.set(address: .others, 0.1, .mutations)
    try rig.restart()
    #expect(rig.quotas.byEntity.count == 4)
    #expect(rig.quotas.byEntity[KafkaQuotaEntity(address: .named("::1"))] == [.connections: 3])
    #expect(rig.quotas.byEntity[KafkaQuotaEntity(address: .others)] == [.mutations: 0.1])
    #expect(rig.quotas.burst(.consumer, user: "x", clientID: "c") == 90)
    rig.quotas.countMax = 2
    #expect(rig.set(user: .others, 1) == .policyViolation)
  }

  @Test func whatIsRefusedLeavesNothing() throws {
    let rig = try Rig()
    let (ann, bob) = (
      KafkaQuotaEntity(user: .named("ann")), KafkaQuotaEntity(user: .named("bob"))
    )
    rig.set(user: .named("ann"), 7)
    rig.store.fails = true
    #expect(rig.set(user: .named("ann"), nil) == .kafkaStorageError)
    #expect(rig.set(user: .named("bob"), 8) == .kafkaStorageError)
    #expect(rig.quotas.byEntity == [ann: [.producer: 7]])
    rig.store.fails = false
    #expect(rig.set(user: .named("bob"), 8) == nil)
    try rig.restart()
    #expect(rig.quotas.byEntity == [ann: [.producer: 7], bob: [.producer: 8]])
  }

  @Test func whatIsNotKeptYetDoesNotHold() throws {
    let rig = try Rig()
    rig.store.isSilent = true
    rig.set(user: .named("ann"), 7)
    #expect(rig.quotas.isEmpty)
  }

  @Test func entitiesAndFiltersThatMakeNoSenseAreRefused() throws {
    for parts in [
      [], [("ip", "host.test")], [("ip", "10.0.0.1"), ("user", "a")], [("host", "a")],
      [("ip", nil), ("ip", "::1")], [("user", "")], [("user", "a"), ("user", nil)],
      [("client-id", String(repeating: "x", count: 1_025))],
    ] as [[(String, String?)]] {
      #expect(throws: KafkaRefusal.self) {
        try KafkaQuotaEntity(parts.map { (type: $0.0, name: $0.1) })
      }
    }
    let address = try KafkaQuotaEntity([(type: "ip", name: "0:0:0:0:0:0:0:1")])
    #expect(address == KafkaQuotaEntity(address: .named("::1")))
    let ann = KafkaQuotaEntity(user: .named("ann"))
    for (entity, key, value) in [
      (ann, "connection_creation_rate", 1), (address, "request_percentage", 1),
      (address, "connection_creation_rate", 1.5), (ann, "producer_byte_rate", 1.5),
      (ann, "request_percentage", 0), (ann, "request_percentage", .nan),
      (ann, "controller_mutation_rate", .infinity), (ann, "rate", 1),
    ] as [(KafkaQuotaEntity, String, Double)] {
      #expect(throws: KafkaRefusal.self) { try KafkaQuotaKind.read(key, value, for: entity) }
    }
    let user = KafkaQuotaFilter.Component(type: "user", match: 0, name: "a")
    #expect(KafkaQuotaFilter(components: [user, user], isStrict: false).refusal != nil)
    let nobody = KafkaQuotaFilter.Component(type: "user", match: 0, name: nil)
    #expect(KafkaQuotaFilter(components: [nobody], isStrict: false).refusal != nil)
  }

  @Test func filtersMeanEntities() {
    let both = KafkaQuotaEntity(user: .named("a"), clientID: .others)
    let one = KafkaQuotaEntity(user: .named("a"))
    func filter(
      _ components: [(String, Int8, String?)], isStrict: Bool = false
    ) -> KafkaQuotaFilter {
      KafkaQuotaFilter(
        components: components.map { .init(type: $0.0, match: $0.1, name: $0.2) },
        isStrict: isStrict)
    }
    let anybody = filter([])
    #expect(anybody.matches(both) && anybody.matches(one))
    let ann = filter([("user", 0, "a")])
    #expect(ann.matches(both) && ann.matches(one))
    let strict = filter([("user", 2, nil)], isStrict: true)
    #expect(!strict.matches(both) && strict.matches(one))
    let others = filter([("client-id", 1, nil)])
    #expect(others.matches(both) && !others.matches(one))
    #expect(!filter([("user", 0, "b")]).matches(one))
  }
}
