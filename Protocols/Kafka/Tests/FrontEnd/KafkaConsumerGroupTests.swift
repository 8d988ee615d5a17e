import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// Members of one group, and topics that a test makes.
final class ConsumerGroupRig {
  let clock = TestClock()
  let tenant: Tenant
  let store: JournalStore
  var topics: [String: Int32] = ["t": 4] { didSet { generation += 1 } }
  private var generation = 0
  private(set) var groups: KafkaConsumerGroups! = nil
  private let engine: Engine
  /// What each member was told last.
  private(set) var epochs: [String: Int32] = [:]
  private(set) var shares: [String: Set<Int32>] = [:]

  /// - Parameter bytesMax: what there is of memory.
  init(bytesMax: Int = 1 << 30) throws {
    var limits = EngineLimits.defaults
    limits.storedBytesMax = bytesMax
    limits.tenantStoredBytesMax = bytesMax
    engine = Engine(limits: limits, now: 1)
    tenant = engine.tenant(named: "t")
    store = JournalStore(tenant.memoryStore)
    tenant.store = store
    try restart()
  }

  /// The process dies and comes again.
  func restart() throws {
    groups = KafkaConsumerGroups(tenant) { [unowned self] name in
      KafkaConsumerGroup(
        name: name, clock: clock,
        rules: .init(sessionTimeout: 10_000, interval: 1_000, sizeMax: 5) { [tenant] in
          tenant.memory.charge($0)
        },
        topics: .init(
          generation: { [unowned self] in generation },
          find: { [unowned self] name in
            topics[name].map { KafkaAssignor.Topic(id: Self.id(name), partitions: $0) }
          },
          names: { [unowned self] in Array(topics.keys) }))
    }
    try groups.restore()
  }

  static func id(_ name: String) -> KafkaUUID {
    KafkaUUID(high: 1, low: UInt64(name.utf8.first ?? 0))
  }

  var group: KafkaConsumerGroup? { groups.byName["g"] }

  /// A heartbeat; `owned` is what the member still has, all that it was told when left out.
  @discardableResult
  func beat(
    _ id: String, epoch: Int32? = nil, owned: Set<Int32>? = nil, instance: String? = nil,
    topics: [String]? = nil, expression: String? = nil, group name: String = "g",
    principal: String = "", sees: @escaping (String) -> Bool? = { _ in true }
  ) throws -> KafkaErrorCode {
    let epoch = epoch ?? epochs[id] ?? 0
    let isJoin = epoch == 0
    let request = KafkaConsumerGroupHeartbeat.Request.with {
      $0.groupID = name
      $0.memberID = id
      $0.memberEpoch = epoch
      $0.instanceID = instance
      $0.rebalanceTimeoutMs = isJoin ? 20_000 : -1
      $0.subscribedTopicNames = topics ?? (isJoin && expression == nil ? ["t"] : nil)
      $0.subscribedTopicRegex = expression
      let mine = isJoin ? [] : owned ?? shares[id] ?? []
      $0.topicPartitions =
        mine.isEmpty
        ? []
        : [
          .with {
            $0.topicID = Self.id("t")
            $0.partitions = mine.sorted()
          }
        ]
    }
    let group = try #require(groups.group(name))
    let result = group.heartbeat(
      request, clientID: "c", clientHost: "/h", principal: principal, sees: sees)
    groups.write(group) { _ in }
    switch result {
    case .failure(let refusal): return refusal.code
    case .success(let response):
      epochs[id] = response.memberEpoch
      if let assignment = response.assignment {
        shares[id] = Set(assignment.topicPartitions.flatMap(\.partitions))
      }
      return .noError
    }
  }

  /// Heartbeats until nothing changes any more.
  func settle(_ ids: [String]) throws {
    for _ in 0..<6 { for id in ids { #expect(try beat(id) == .noError) } }
  }
}

@Suite struct KafkaConsumerGroupTests {
  private let rig: ConsumerGroupRig

  init() throws { rig = try ConsumerGroupRig() }

  @Test func partitionsMoveOneStepAfterTheOther() throws {
    try rig.beat("a")
    #expect(rig.shares["a"] == [0, 1, 2, 3] && rig.epochs["a"] == 1)
    try rig.beat("b")
    // Nothing for `b` before `a` has given it up, and it is told so first.
    #expect(rig.shares["b"] == [] && rig.epochs["b"] == 2 && rig.group?.state == .reconciling)
    try rig.beat("a")
    let kept = try #require(rig.shares["a"])
    #expect(kept.count == 2 && rig.epochs["a"] == 1)
    try rig.beat("b")
    #expect(rig.shares["b"] == [])
    try rig.beat("a", owned: [0, 1, 2, 3])
    #expect(rig.epochs["a"] == 1)
    try rig.beat("a", owned: kept)
    #expect(rig.epochs["a"] == 2)
    try rig.beat("b")
    #expect(rig.shares["b"] == Set(0..<4).subtracting(kept) && rig.group?.state == .stable)
  }

  @Test func whoLeavesGivesAllUp() throws {
    try rig.beat("a")
    try rig.beat("b")
    try rig.settle(["a", "b"])
    #expect(try rig.beat("a", epoch: -1) == .noError)
    try rig.settle(["b"])
    #expect(rig.shares["b"] == [0, 1, 2, 3])
    #expect(try rig.beat("b", epoch: -1) == .noError)
    #expect(rig.group == nil && rig.clock.openCount == 0)
  }

  @Test func whoIsSilentIsReplaced() throws {
    try rig.beat("a")
    try rig.beat("b")
    try rig.settle(["a", "b"])
    rig.clock.pass(9_000)
    try rig.beat("b")
    rig.clock.pass(9_000)
    #expect(try rig.beat("a") == .unknownMemberID)
    try rig.settle(["b"])
    #expect(rig.shares["b"] == [0, 1, 2, 3])
  }

  @Test func whoDoesNotGiveUpIsReplaced() throws {
    try rig.beat("a")
    try rig.beat("b")
    for _ in 0..<9 {
      rig.clock.pass(2_500)
      try rig.beat("b")
      if rig.group?.members["a"] != nil { try rig.beat("a", owned: [0, 1, 2, 3]) }
    }
    #expect(rig.group?.members["a"] == nil)
    try rig.settle(["b"])
    #expect(rig.shares["b"] == [0, 1, 2, 3])
  }

  @Test func wrongEpochsAreFenced() throws {
    try rig.beat("a")
    #expect(try rig.beat("a", epoch: 7) == .fencedMemberEpoch)
    try rig.beat("b")
    try rig.settle(["a", "b"])
    let epoch = try #require(rig.epochs["a"])
    // The last answer was lost.
    #expect(try rig.beat("a", epoch: epoch - 1) == .noError)
    #expect(try rig.beat("a", epoch: epoch - 1, owned: [0, 1, 2, 3]) == .fencedMemberEpoch)
    #expect(try rig.beat("c", epoch: 1) == .unknownMemberID)
    #expect(rig.group?.mayUsePositions(memberID: "a", epoch: epoch) == nil)
    #expect(rig.group?.mayUsePositions(memberID: "a", epoch: epoch - 1) == .staleMemberEpoch)
    #expect(rig.group?.mayUsePositions(memberID: "", epoch: -1) == .unknownMemberID)
    // A member that begins anew has what it is to have.
    #expect(try rig.beat("a", epoch: 0) == .noError)
    #expect(rig.epochs["a"] == epoch)
  }

  @Test func aStaticMemberComesBack() throws {
    try rig.beat("a", instance: "i")
    try rig.beat("b")
    try rig.settle(["a", "b"])
    let share = rig.shares["a"]
    #expect(try rig.beat("c", epoch: 0, instance: "i") == .unreleasedInstanceID)
    #expect(try rig.beat("a", epoch: -2, instance: "i") == .noError)
    try rig.settle(["b"])
    #expect(try rig.beat("c", epoch: 0, instance: "i") == .noError)
    #expect(rig.shares["c"] == share)
    #expect(try rig.beat("a", epoch: 2, instance: "i") == .fencedInstanceID)
    #expect(try rig.beat("c", epoch: -2, instance: "i") == .noError)
    rig.clock.pass(9_000)
    try rig.beat("b")
    rig.clock.pass(2_000)
    try rig.settle(["b"])
    #expect(rig.shares["b"] == [0, 1, 2, 3])
  }

  @Test func topicsComeAndGrow() throws {
    try rig.beat("a", expression: "t|u.*")
    #expect(rig.shares["a"] == [0, 1, 2, 3])
    rig.topics["t"] = 6
    try rig.settle(["a"])
    #expect(rig.shares["a"] == Set(0..<6))
    rig.topics["v"] = 1
    let epoch = rig.group?.epoch
    try rig.settle(["a"])
    #expect(rig.group?.epoch == epoch)
    rig.topics["ux"] = 1
    try rig.settle(["a"])
    #expect(rig.group?.members["a"]?.assigned.count == 7)
    #expect(
      rig.group?.subscribedTopics.isSuperset(of: ["ux"]) == true
        && rig.group?.subscribedTopics.contains("v") == false)
  }

  @Test func anExpressionFindsOnlyWhatItsMemberMayKnowOf() throws {
    rig.topics = ["t": 2, "secret": 2]
    var isHere = true
    let sees = { (name: String) in isHere ? name != "secret" : nil }
    try rig.beat("a", expression: ".*", principal: "eve", sees: sees)
    #expect(rig.group?.members["a"]?.subscription == ["t"])
    // Who is not here keeps what it has, and gets nothing new.
    isHere = false
    rig.topics["u"] = 1
    try rig.beat("b", expression: ".*", principal: "ann")
    #expect(rig.group?.members["a"]?.subscription == ["t"])
    #expect(rig.group?.members["b"]?.subscription == ["t", "u", "secret"])
    try rig.restart()
    rig.topics["w"] = 1
    try rig.beat("b", principal: "ann")
    #expect(rig.group?.members["a"]?.subscription == ["t"])
    isHere = true
    try rig.beat("a", principal: "eve", sees: sees)
    #expect(rig.group?.members["a"]?.subscription == ["t", "u", "w"])
    // Another's rights are other ones.
    try rig.beat("a", principal: "ann")
    #expect(rig.group?.members["a"]?.subscription.contains("secret") == true)
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5, 6]) func membersGoOnAfterARestart(beats: Int) throws {
    try rig.beat("a")
    try rig.beat("b")
    for number in 0..<beats { try rig.beat(number % 2 == 0 ? "a" : "b") }
    try rig.restart()
    try rig.settle(["a", "b"])
    #expect(rig.group?.state == .stable)
    let shares = rig.shares
    #expect(shares["a"]?.count == 2 && shares["b"]?.isDisjoint(with: shares["a"] ?? []) == true)
    #expect(try rig.beat("b", epoch: -1) == .noError)
    try rig.restart()
    try rig.settle(["a"])
    #expect(rig.shares["a"] == [0, 1, 2, 3])
    #expect(try rig.beat("a", epoch: -1) == .noError)
    try rig.restart()
    #expect(rig.group == nil)
  }

  @Test func aTopicThatGrewBeforeACrashIsNoticed() throws {
    try rig.beat("a")
    rig.topics["t"] = 5
    try rig.restart()
    try rig.settle(["a"])
    #expect(rig.shares["a"] == Set(0..<5))
    try rig.restart()
    #expect(rig.group?.state == .stable)
  }

  @Test func groupsAreBounded() throws {
    for number in 0..<5 { #expect(try rig.beat("m\(number)") == .noError) }
    #expect(try rig.beat("one too many") == .groupMaxSizeReached)
    #expect(try rig.beat("m9", epoch: 0, expression: "(") == .invalidRegularExpression)
  }

  @Test func whatMembersReadIsCountedAndGivenBack() throws {
    rig.topics["t"] = 6_400
    let before = rig.tenant.memory.used
    try rig.beat("a")
    let one = rig.tenant.memory.used - before
    // A bit for each partition, three times, and some for the member.
    #expect(one > 3 * 800 && one < 16_384)
    let expression = "t|" + String(repeating: "x", count: 400)
    #expect(try rig.beat("b", expression: expression) == .noError)
    try rig.settle(["a", "b"])
    #expect(rig.tenant.memory.used - before > one + 800)
    try rig.restart()
    #expect(rig.tenant.memory.used - before > one + 800)
    #expect(try rig.beat("b", epoch: -1) == .noError)
    #expect(try rig.beat("a", epoch: -1) == .noError)
    #expect(rig.tenant.memory.used == before)
  }

  @Test func withoutMemoryNobodyJoins() throws {
    let rig = try ConsumerGroupRig(bytesMax: 100_000)
    rig.topics["t"] = 2_000
    var count = 0
    while try rig.beat("m\(count)", group: "g\(count)") == .noError, count < 1_000 { count += 1 }
    #expect(count > 10 && count < 60 && rig.groups.byName.count == count)
    // Those that are there go on, with what they have where there is no memory for more.
    rig.topics["t"] = 10_000
    #expect(try rig.beat("m0", group: "g0") == .noError)
    #expect(rig.groups.byName["g0"]?.members["m0"]?.assigned.count == 2_000)
    #expect(try rig.beat("new", group: "g0") == .coordinatorNotAvailable)
    #expect(rig.groups.byName["g0"]?.members.count == 1)
    for number in 1..<count {
      #expect(try rig.beat("m\(number)", epoch: -1, group: "g\(number)") == .noError)
    }
    #expect(try rig.beat("m0", group: "g0") == .noError)
    #expect(rig.groups.byName["g0"]?.members["m0"]?.assigned.count == 10_000)
  }

  @Test func whatIsWrittenDownIsSmall() throws {
    rig.topics["t"] = 2_000
    try rig.beat("a")
    let member = try #require(rig.group?.members["a"])
    let bytes = try #require(KafkaConsumerGroupEntry(member, of: "g").bytes)
    #expect(bytes.readableBytes < 512)
    guard case .member(let read) = KafkaConsumerGroupEntry(bytes) else {
      Issue.record("no member")
      return
    }
    #expect(read.member.assigned == member.assigned && read.member.target.count == 2_000)
  }

  @Test func journalsOfBeforeAreRead() throws {
    let places = (0..<4).map { KafkaPlace(topic: ConsumerGroupRig.id("t"), partition: $0) }
    let old = KafkaConsumerGroupEntry.member(
      .with {
        $0.group = "g"
        $0.id = "a"
        $0.assigned = places
        $0.target = Array(places.dropLast())
      })
    #expect(old.kind == 2)
    guard case .member(let read) = KafkaConsumerGroupEntry(try #require(old.bytes)) else {
      Issue.record("no member")
      return
    }
    #expect(Set(read.member.assigned) == Set(places) && read.member.target.count == 3)
  }

  /// No partition is anybody's twice, whoever comes, goes, is silent or dies.
  @Test func noPartitionIsReadByTwo() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<30 {
      let rig = try ConsumerGroupRig()
      var alive: [String] = []
      var next = 0
      for _ in 0..<60 {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0 where alive.count < 5:
          next += 1
          alive.append("m\(next)")
          try rig.beat("m\(next)")
        case 1 where !alive.isEmpty:
          let id = alive.removeLast()
          _ = try rig.beat(id, epoch: -1)
        case 2: try rig.restart()
        case 3: rig.topics["t"] = min(12, (rig.topics["t"] ?? 4) + 1)
        default: if let id = alive.randomElement(using: &generator) { try rig.beat(id) }
        }
        var seen: Set<Int32> = []
        for id in alive {
          let share = rig.shares[id] ?? []
          #expect(seen.isDisjoint(with: share))
          seen.formUnion(share)
        }
      }
      guard !alive.isEmpty else { continue }
      try rig.settle(alive)
      try rig.settle(alive)
      let total = alive.reduce(0) { $0 + (rig.shares[$1]?.count ?? 0) }
      #expect(total == Int(rig.topics["t"] ?? 0) && rig.group?.state == .stable)
    }
  }
}

@Suite struct KafkaAssignorTests {
  private static func readers(_ count: Int, _ topics: Set<String>) -> [KafkaAssignor.Reader] {
    (0..<count).map { .init(id: "m\($0)", topics: topics, target: []) }
  }

  private static func topics(_ counts: [String: Int32]) -> [String: KafkaAssignor.Topic] {
    counts.reduce(into: [:]) {
      $0[$1.key] = .init(id: ConsumerGroupRig.id($1.key), partitions: $1.value)
    }
  }

  @Test func rangesOfTopicsGoTogether() {
    let topics = Self.topics(["a": 5, "b": 5])
    let found = KafkaAssignor.range.assign(topics, to: Self.readers(2, ["a", "b"]))
    #expect(
      found["m0"]?.filter { $0.topic == ConsumerGroupRig.id("a") }.map(\.partition).sorted()
        == [0, 1, 2])
    #expect(
      found["m0"]?.filter { $0.topic == ConsumerGroupRig.id("b") }.map(\.partition).sorted()
        == [0, 1, 2])
    #expect(found["m1"]?.count == 4)
  }

  @Test func uniformIsEvenAndMovesLittle() {
    var readers = Self.readers(3, ["a", "b"])
    let topics = Self.topics(["a": 5, "b": 6])
    var found = KafkaAssignor.uniform.assign(topics, to: readers)
    #expect(found.values.map(\.count).sorted() == [3, 4, 4])
    #expect(found.values.reduce(Set()) { $0.union($1) }.count == 11)
    for index in readers.indices { readers[index].target = found[readers[index].id] ?? [] }
    #expect(KafkaAssignor.uniform.assign(topics, to: readers) == found)
    let before = found
    readers.append(.init(id: "new", topics: ["a", "b"], target: []))
    found = KafkaAssignor.uniform.assign(topics, to: readers)
    #expect(found.values.map(\.count).sorted() == [2, 3, 3, 3])
    for id in before.keys { #expect(found[id]?.isSubset(of: before[id] ?? []) == true) }
  }

  @Test func whoDoesNotReadATopicGetsNothingOfIt() {
    let topics = Self.topics(["a": 4, "b": 4])
    let readers: [KafkaAssignor.Reader] = [
      .init(id: "x", topics: ["a"], target: []), .init(id: "y", topics: ["a", "b"], target: []),
      .init(id: "z", topics: ["none"], target: []),
    ]
    for assignor in KafkaAssignor.allCases {
      let found = assignor.assign(topics, to: readers)
      #expect(found["x"]?.allSatisfy { $0.topic == ConsumerGroupRig.id("a") } == true)
      #expect(found["z"] == [] && (found["x"]?.count ?? 0) + (found["y"]?.count ?? 0) == 8)
    }
    #expect(KafkaAssignor.uniform.assign(topics, to: readers)["x"]?.count == 4)
  }
}
