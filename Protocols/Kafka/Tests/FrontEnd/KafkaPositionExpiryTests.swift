import GodwitEngine
import Testing

@testable import KafkaFrontEnd

/// Positions of a group, and a clock that a test moves with the engine's.
@Suite final class KafkaPositionExpiryTests {
  private let engine = Engine(now: 1_700_000_000_000_000_000)
  private let tenant: Tenant
  private let store: JournalStore
  private let clock = TestClock()
  private var readers = KafkaPositionExpiry.Readers.none
  private var held: Set<String> = []
  private var retention = 100_000
  private var expiry: KafkaPositionExpiry?

  init() {
    tenant = engine.tenant(named: "t")
    store = JournalStore(tenant.memoryStore)
    tenant.store = store
    start()
  }

  private func start() {
    expiry = KafkaPositionExpiry(
      tenant, clock: clock,
      .init(
        retention: { [unowned self] in retention }, prefix: "k.",
        readers: { [unowned self] name in name == "g" ? readers : .none },
        held: { [unowned self] _ in held }))
  }

  private func commit(_ log: String, of group: String = "k.g") {
    tenant.cursors.commit([log: (1, "")], of: group) { _ in }
  }

  private func pass(_ seconds: Int) {
    for _ in 0..<seconds {
      engine.advance(to: engine.now + 1_000_000_000)
      clock.pass(1_000)
    }
  }

  private var logs: [String] { tenant.cursors.positions(of: "k.g").keys.sorted() }

  @Test func withoutMembersTheyGo() {
    commit("t-0")
    commit("t-0", of: "other")
    pass(90)
    commit("u-0")
    pass(60)
    #expect(logs == ["u-0"])
    pass(100)
    #expect(logs.isEmpty && tenant.cursors.groups == ["other"])
  }

  @Test func timeRunsFromWhenTheLastMemberHasGone() {
    commit("t-0")
    readers = .some { ["t"] }
    pass(500)
    readers = .unknown
    pass(500)
    readers = .none
    pass(90)
    #expect(logs == ["t-0"])
    pass(60)
    #expect(logs.isEmpty)
  }

  @Test func aStartBeginsTheTimeAnew() {
    commit("t-0")
    pass(90)
    start()
    pass(90)
    #expect(logs == ["t-0"])
    pass(40)
    #expect(logs.isEmpty)
  }

  @Test func whatMembersReadIsAskedOnceForAGroup() {
    var asked = 0
    for index in 0..<20 { commit("t-\(index)") }
    commit("u-0")
    readers = .some {
      asked += 1
      return ["t"]
    }
    pass(90)
    #expect(asked == 0)
    pass(60)
    #expect((1...3).contains(asked) && logs.count == 20)
  }

  @Test func whoCannotBeUnderstoodMayReadAnything() {
    commit("t-0")
    readers = .some { nil }
    pass(150)
    #expect(logs == ["t-0"])
  }

  @Test func aClockThatIsSetRightBeginsTheTimeAnew() {
    commit("t-0")
    pass(10)
    engine.step(by: 86_400_000_000_000)
    pass(80)
    #expect(logs == ["t-0"])
    pass(80)
    #expect(logs.isEmpty)
  }

  @Test func whatIsNotReadAnyMoreGoes() {
    commit("t-0")
    commit("t-u-0")
    readers = .some { ["t"] }
    held = ["t-u-0"]
    pass(150)
    #expect(logs == ["t-0", "t-u-0"])
    held = []
    pass(30)
    #expect(logs == ["t-0"])
  }

  @Test func whatIsRefusedIsTriedAgainAndSomeStayForEver() {
    commit("t-0")
    store.fails = true
    pass(200)
    #expect(logs == ["t-0"])
    store.fails = false
    pass(30)
    #expect(logs.isEmpty)
    retention = -1
    commit("t-0")
    pass(2_000)
    #expect(logs == ["t-0"])
  }
}
