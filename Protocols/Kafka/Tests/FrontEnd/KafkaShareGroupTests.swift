import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// Members of one share group over a topic of partitions in memory.
final class ShareGroupRig {
  let clock = TestClock()
  let tenant: Tenant
  let store: JournalStore
  let topic: PartitionedTopic
  var values: KafkaSettings
  var generation = 0
  private(set) var groups: KafkaShareGroups! = nil
  let engine = Engine(now: 1_700_000_000_000_000_000)
  private let origin: Origin
  private let keeper: KafkaBatchKeeper
  private(set) var partitions: [KafkaPartition] = []
  private(set) var epochs: [String: Int32] = [:]
  private(set) var shares: [String: Set<Int32>] = [:]

  static let id = KafkaUUID(high: 1, low: 2)

  init(partitions count: Int = 2) throws {
    tenant = engine.tenant(named: "t")
    store = JournalStore(tenant.memoryStore)
    tenant.store = store
    origin = engine.register(origin: "kafka", reader: KafkaEnvelope())
    keeper = KafkaBatchKeeper(origin: origin)
    tenant.partitionedTopics.keeper = keeper
    topic = try tenant.partitionedTopics.create(
      PartitionedTopicSettings(name: "t", topic: Array("t".utf8), partitions: count))
    partitions = topic.partitions.map {
      KafkaPartition($0, KafkaProducerNotes($0.topic))
    }
    values = try KafkaSettings(SettingsValues(defaultsOf: KafkaSettings.section))
    values.shareSessionTimeout = 10_000
    values.shareGroupSizeMax = 4
    values.shareSessionsMax = 2
    try restart()
  }

  /// The process dies and comes again.
  func restart() throws {
    epochs = [:]
    groups = KafkaShareGroups(
      tenant,
      KafkaShareGroups.Surroundings(
        clock: clock, settings: { [unowned self] in values },
        topics: .init(
          generation: { [unowned self] in generation },
          find: { [unowned self] name in
            name == "t"
              ? KafkaAssignor.Topic(id: Self.id, partitions: Int32(partitions.count)) : nil
          },
          names: { ["t"] }),
        find: { [unowned self] place in
          place.topic == Self.id && partitions.indices.contains(Int(place.partition))
            ? partitions[Int(place.partition)] : nil
        }, offset: { partition, _ in partition.committedOffset }))
    try groups.restore()
  }

  func grow(to count: Int) throws {
    try tenant.partitionedTopics.addPartitions(topic, to: count)
    partitions += topic.partitions.dropFirst(partitions.count).map {
      KafkaPartition($0, KafkaProducerNotes($0.topic))
    }
    generation += 1
  }

  /// Appends so many records to a partition.
  func append(_ count: Int, to partition: Int = 0) throws {
    var builder = KafkaBatchBuilder()
    for index in 0..<count {
      try builder.append(KafkaRecord(timestamp: 1, value: ByteBuffer(string: "\(index)")))
    }
    _ = try partitions[partition].partition.append(
      batch: try builder.finish(), origin: origin, count: count, time: 1)
  }

  var group: KafkaShareGroup? { groups.byName["g"] }

  func partition(_ index: Int32 = 0) throws -> KafkaSharePartition {
    try #require(group?.partitions[KafkaPlace(topic: Self.id, partition: index)])
  }

  @discardableResult
  func beat(_ id: String, epoch: Int32? = nil, topics: [String]? = nil) -> KafkaErrorCode {
    let epoch = epoch ?? epochs[id] ?? 0
    var code = KafkaErrorCode.requestTimedOut
    groups.heartbeat(
      .with {
        $0.groupID = "g"
        $0.memberID = id
        $0.memberEpoch = epoch
        $0.subscribedTopicNames = topics ?? (epoch == 0 ? ["t"] : nil)
      }, clientID: "c", clientHost: "/h"
    ) { [self] result in
      switch result {
      case .failure(let refusal): code = refusal.code
      case .success(let response):
        code = .noError
        epochs[id] = response.memberEpoch
        if let assignment = response.assignment {
          shares[id] = Set(assignment.topicPartitions.flatMap(\.partitions))
        }
      }
    }
    return code
  }

  /// Lends, as a fetch does.
  func lend(_ offsets: Range<UInt64>, to member: String, at index: Int32 = 0) throws -> [Int] {
    try partition(index).lend(offsets, atMost: .max, to: member, for: 1_000).flatMap { lease in
      lease.offsets.map { Int($0) }
    }
  }

  /// Acknowledges, as a request does.
  func say(_ kinds: [Int8], from first: Int64, by member: String) throws -> KafkaErrorCode {
    let batch = KafkaAcknowledgementBatch.with {
      $0.firstOffset = first
      $0.lastOffset = first + Int64(kinds.count) - 1
      $0.acknowledgeTypes = kinds
    }
    let partition = try partition()
    let refusal = partition.acknowledge([batch], by: member, lockedFor: 1_000)
    groups.write(partition, of: try #require(group))
    return refusal?.code ?? .noError
  }
}

@Suite struct KafkaShareGroupTests {
  private let rig: ShareGroupRig

  init() throws { rig = try ShareGroupRig() }

  @Test func membersShareAndMayHaveOneTogether() {
    #expect(rig.beat("a") == .noError)
    #expect(rig.shares["a"] == [0, 1] && rig.epochs["a"] == 1)
    rig.beat("b")
    rig.beat("a")
    #expect(rig.shares["a"]?.count == 1 && rig.shares["b"]?.count == 1)
    #expect(rig.shares["a"] != rig.shares["b"] && rig.epochs["a"] == rig.epochs["b"])
    rig.beat("c")
    for id in ["a", "b", "c"] { rig.beat(id) }
    #expect(["a", "b", "c"].allSatisfy { rig.shares[$0]?.count == 1 })
    #expect(rig.beat("b", epoch: -1) == .noError)
    for id in ["a", "c"] { rig.beat(id) }
    #expect(rig.shares["a"] != rig.shares["c"])
  }

  @Test func whoIsNotAMemberIsTold() {
    #expect(rig.beat("a", epoch: 3) == .unknownMemberID)
    #expect(rig.beat("a", epoch: -1) == .unknownMemberID)
    #expect(rig.beat("a", epoch: 0, topics: []) == .invalidRequest)
    #expect(rig.group == nil)
    rig.beat("a")
    #expect(rig.beat("a", epoch: 7) == .fencedMemberEpoch)
    for id in ["b", "c", "d"] { #expect(rig.beat(id) == .noError) }
    #expect(rig.beat("e") == .groupMaxSizeReached)
  }

  @Test func whoIsSilentLeavesAndGivesBack() throws {
    try rig.append(4)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.groups.open(.init(group: "g", member: "a"), connection: 1)
    #expect(try rig.partition().lend(0..<4, atMost: 9, to: "a", for: 60_000).count == 1)
    rig.clock.pass(10_001)
    #expect(rig.group?.members.isEmpty == true && rig.groups.sessions.isEmpty)
    #expect(try rig.partition().window.available(from: 0) == 0..<4)
    #expect(rig.beat("a", epoch: 1) == .unknownMemberID)
  }

  private func earliest() -> KafkaShareConfig {
    var config = KafkaShareConfig()
    _ = config.set("share.auto.offset.reset", "earliest")
    return config
  }

  @Test func aGroupBeginsAtTheEndUnlessItSaysOtherwise() throws {
    try rig.append(5)
    rig.beat("a")
    #expect(try rig.partition().window.start == 5)
    #expect(try rig.partition(1).window.start == 0)
    // What is new of a topic is read from its first record.
    try rig.grow(to: 3)
    try rig.append(2, to: 2)
    rig.beat("a")
    #expect(try rig.partition(2).window.start == 0)
  }

  @Test func whatWasAcknowledgedIsKnownAfterARestart() throws {
    try rig.append(10)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    for snapshots in [false, true] {
      rig.store.wantsSnapshots = snapshots
      #expect(try rig.lend(0..<10, to: "a").count == (snapshots ? 5 : 10))
      if !snapshots {
        #expect(try rig.say([1, 1, 2, 3, 0, 1], from: 0, by: "a") == .noError)
      }
      #expect(rig.groups.configure("g", earliest()) == nil)
      try rig.restart()
      let window = try rig.partition().window
      #expect(window.start == 2 && window.available(from: 0) == 2..<3)
      #expect(window.available(from: 3) == 6..<UInt64.max || window.available(from: 3) == 6..<10)
    }
    #expect(rig.groups.configs["g"] == earliest())
    // The one that was given back counts, those that nobody answered for do not.
    let leases = try rig.partition().lend(0..<10, atMost: .max, to: "b", for: 1_000)
    #expect(leases.map(\.deliveryCount) == [2, 1] && leases.first?.offsets == 2..<3)
  }

  /// Makes letters of all that is given up, and a stream that keeps so many of them.
  private func bury(keeping count: Int) throws -> GodwitEngine.Stream {
    engineRules = [DeadLetterRule(destination: "dead")]
    var settings = StreamSettings(
      name: "D", patterns: [TopicPattern(canonical: Array("dead".utf8))])
    settings.recordsMax = count
    settings.overflow = .refuse
    return try rig.tenant.streams.create(settings)
  }

  private var engineRules: [DeadLetterRule] {
    get { rig.engine.deadLetterRules }
    nonmutating set { rig.engine.deadLetterRules = newValue }
  }

  @Test func whatIsGivenUpIsDoneWithWhenItsLetterIs() throws {
    let letters = try bury(keeping: 3)
    try rig.append(6)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<6, to: "a")
    // Two are accepted, four rejected: of these the stream keeps three.
    #expect(try rig.say([1, 3, 3, 3, 3, 1], from: 0, by: "a") == .noError)
    #expect(letters.count == 3 && rig.tenant.deadLetters.count == 3)
    let window = try rig.partition().window
    #expect(window.start == 4 && window.dying?.offsets == 4..<5)
    // The fourth is tried again every second, and nobody gets it meanwhile.
    #expect(window.available(from: 0)?.lowerBound == 6)
    rig.clock.pass(999)
    #expect(rig.tenant.deadLetters.failures == 1)
    rig.clock.pass(1)
    rig.clock.pass(1)
    #expect(rig.tenant.deadLetters.failures == 2)
    // After a crash it comes again.
    try rig.restart()
    #expect(try rig.partition().window.available(from: 0) == 4..<5)
    var settings = letters.settings
    settings.recordsMax = 0
    try rig.tenant.streams.update(letters, to: settings)
    let lease = try rig.partition().lend(4..<5, atMost: 1, to: "b", for: 1_000)
    #expect(lease.map(\.deliveryCount) == [1])
    #expect(try rig.say([3], from: 4, by: "b") == .noError)
    #expect(letters.count == 4)
    #expect(try rig.partition().window.start == 6)
    try rig.restart()
    #expect(try rig.partition().window.start == 6)
  }

  @Test func whatWasHandedOutOftenEnoughBecomesALetter() throws {
    let letters = try bury(keeping: 0)
    var config = earliest()
    #expect(config.set("share.delivery.count.limit", "2") == nil)
    try rig.append(600)
    #expect(rig.groups.configure("g", config) == nil)
    rig.beat("a")
    for _ in 0..<2 {
      _ = try rig.partition().lend(0..<600, atMost: .max, to: "a", for: 1_000)
      rig.clock.pass(1_001)
    }
    // Some at a time.
    for _ in 0..<4 { rig.clock.pass(1) }
    #expect(letters.count == 600)
    #expect(try rig.partition().window.start == 600)
    var found: Record?
    letters.withRecord(at: 7) { found = $0 }
    let record = try #require(found)
    let headers = record.withPublication { $0.metadata(rig.engine).headers }
    func header(_ name: String) -> String? {
      headers.first { $0.name == Array(name.utf8) }.map {
        String(decoding: $0.value, as: UTF8.self)
      }
    }
    #expect(header("Godwit-Dead-Log") == "t-0" && header("Godwit-Dead-Offset") == "7")
    #expect(header("Godwit-Dead-Attempts") == "2" && header("Godwit-Dead-Subscription") == "g")
    #expect(header("Godwit-Dead-Reason") == "handed out 2 times in vain")
    #expect(record.withPublication { Array($0.payload) } == Array("7".utf8))
  }

  @Test func withoutARuleForItNothingIsKept() throws {
    engineRules = [DeadLetterRule(destination: nil)]
    try rig.append(3)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<3, to: "a")
    #expect(try rig.say([3, 3, 3], from: 0, by: "a") == .noError)
    #expect(try rig.partition().window.start == 3)
    #expect(rig.tenant.deadLetters.count == 0)
    // A group that goes away takes its dying with it.
    engineRules = [DeadLetterRule(destination: "dead")]
    try rig.append(1)
    _ = try rig.lend(3..<4, to: "a")
    #expect(try rig.say([3], from: 3, by: "a") == .noError)
    rig.beat("a", epoch: -1)
    rig.groups.delete(try #require(rig.group)) { _ in }
    rig.clock.pass(5_000)
    #expect(rig.tenant.deadLetters.count == 0)
  }

  @Test func whatTheLogHasLostIsRead() throws {
    try rig.append(4)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<4, to: "a")
    // The journal knows of more than the log: as after a crash without fsync.
    let partition = try rig.partition()
    _ = partition.lend(4..<20, atMost: .max, to: "a", for: 1_000)
    #expect(try rig.say([Int8](repeating: 1, count: 20), from: 0, by: "a") == .noError)
    try rig.restart()
    #expect(try rig.partition().window.start == 4)
    // What takes its place in the log is new.
    try rig.append(16)
    try rig.restart()
    #expect(try rig.partition().window.start == 4)
  }

  @Test func onlyWhoHoldsItAcknowledges() throws {
    try rig.append(6)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<6, to: "a")
    #expect(try rig.say([1], from: 0, by: "b") == .invalidRecordState)
    #expect(try rig.say([1, 1], from: 5, by: "a") == .invalidRecordState)
    // All of it or nothing.
    #expect(try rig.partition().window.holds(5..<6, "a"))
    #expect(try rig.say([1, 2], from: 4, by: "a") == .noError)
    #expect(try rig.say([1], from: 4, by: "a") == .invalidRecordState)
    rig.clock.pass(1_001)
    #expect(try rig.say([1], from: 0, by: "a") == .invalidRecordState)
    #expect(try rig.partition().window.available(from: 0) == 0..<4)
  }

  @Test func leasesThatEndWakeWhoWaits() throws {
    try rig.append(2)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<2, to: "a")
    var woken = 0
    let partition = try rig.partition()
    _ = partition.whenAvailable { woken += 1 }
    rig.clock.pass(500)
    #expect(try rig.say([4], from: 1, by: "a") == .noError)
    #expect(woken == 1)
    _ = partition.whenAvailable { woken += 1 }
    rig.clock.pass(600)
    #expect(woken == 2 && partition.window.available(from: 0) == 0..<1)
    rig.clock.pass(500)
    #expect(partition.window.available(from: 0) == 0..<2)
  }

  @Test func wrongAcknowledgementsAreFound() {
    func fault(_ said: [(Int64, Int64, [Int8])], mayRenew: Bool = false) -> String? {
      let batches = said.map { first, last, types in
        KafkaAcknowledgementBatch.with {
          $0.firstOffset = first
          $0.lastOffset = last
          $0.acknowledgeTypes = types
        }
      }
      return KafkaSharePartition.fault(of: batches, mayRenew: mayRenew)
    }
    #expect(fault([(0, 1, [1]), (2, 4, [1, 0, 3])]) == nil)
    #expect(fault([(0, 0, [4])], mayRenew: true) == nil)
    #expect(fault([(0, 0, [4])]) != nil && fault([(0, 0, [-1])]) != nil)
    #expect(fault([(1, 0, [1])]) != nil && fault([(0, 0, [])]) != nil)
    #expect(fault([(-1, 0, [1])]) != nil && fault([(0, .max, [1])]) != nil)
    #expect(fault([(0, 2, [1, 1])]) != nil)
    #expect(fault([(0, 2, [1]), (2, 3, [1])]) != nil && fault([(4, 5, [1]), (0, 1, [1])]) != nil)
  }

  @Test func sessionsAreCountedAndNumbered() throws {
    let groups = try #require(rig.groups)
    func key(_ member: String) -> KafkaShareSession.Key { .init(group: "g", member: member) }
    func code(_ body: () throws -> Void) -> KafkaErrorCode? {
      do { try body() } catch { return (error as? KafkaRefusal)?.code }
      return nil
    }
    #expect(code { _ = try groups.open(key("a"), connection: 1) } == .groupIDNotFound)
    rig.beat("a")
    #expect(code { _ = try groups.session(key("a"), epoch: 1) } == .shareSessionNotFound)
    _ = try groups.open(key("a"), connection: 1)
    #expect(code { _ = try groups.session(key("a"), epoch: 2) } == .invalidShareSessionEpoch)
    #expect(try groups.session(key("a"), epoch: 1).epoch == 2)
    _ = try groups.open(key("b"), connection: 1)
    #expect(code { _ = try groups.open(key("c"), connection: 2) } == .shareSessionLimitReached)
    // In the place of the one before.
    #expect(try groups.open(key("a"), connection: 2).epoch == 1)
    groups.disconnected(1)
    #expect(groups.sessions.keys.map(\.member) == ["a"])
    groups.close(key("a"), isHeard: true)
    #expect(groups.sessions.isEmpty)
  }

  @Test func whatCannotBeWrittenDownIsWrittenLater() throws {
    try rig.append(4)
    #expect(rig.groups.configure("g", earliest()) == nil)
    rig.beat("a")
    _ = try rig.lend(0..<4, to: "a")
    rig.store.fails = true
    #expect(try rig.say([1, 1], from: 0, by: "a") == .noError)
    var error: EngineError?
    rig.groups.commit { error = $0 }
    #expect(error != nil)
    #expect(rig.beat("a") == .coordinatorNotAvailable)
    rig.store.fails = false
    #expect(try rig.say([1], from: 3, by: "a") == .noError)
    try rig.restart()
    #expect(try rig.partition().window.start == 2)
    #expect(try rig.partition().window.available(from: 0) == 2..<3)
  }

  @Test func aGroupIsDeletedAndATopicForgotten() throws {
    rig.beat("a")
    let group = try #require(rig.group)
    #expect(rig.groups.forget(ShareGroupRig.id, of: group))
    #expect(group.partitions.isEmpty && rig.group != nil)
    rig.beat("a")
    #expect(group.partitions.count == 2)
    rig.beat("a", epoch: -1)
    #expect(rig.groups.reset(group, KafkaPlace(topic: ShareGroupRig.id, partition: 1), to: 0))
    rig.groups.delete(group) { _ in }
    try rig.restart()
    #expect(rig.groups.byName.isEmpty)
  }

  @Test func whatAnAdministratorIsRefusedDoesNotHappen() throws {
    try rig.append(4)
    rig.beat("a")
    rig.beat("a", epoch: -1)
    let group = try #require(rig.group)
    let start = try rig.partition().window.start
    rig.store.fails = true
    #expect(rig.groups.configure("g", earliest()) == nil)
    #expect(rig.groups.reset(group, KafkaPlace(topic: ShareGroupRig.id, partition: 0), to: 0))
    #expect(rig.groups.forget(ShareGroupRig.id, of: group))
    var told: [KafkaErrorCode] = []
    rig.groups.delete(group) { told.append($0) }
    #expect(told == [.coordinatorNotAvailable])
    #expect(rig.groups.configs.isEmpty && rig.groups.nextConfig(of: "g").isEmpty)
    #expect(try rig.partition().window.start == start && start == 4)
    #expect(rig.group?.partitions.count == 2)
  }

  @Test func settingsOfAGroup() {
    var config = KafkaShareConfig()
    func isTaken(_ name: String, _ value: String) -> Bool { config.set(name, value) == nil }
    for value in ["latest", "earliest", "by_duration:PT1H", "by_duration:P2DT3H4M5.5S"] {
      #expect(isTaken("share.auto.offset.reset", value), "\(value)")
    }
    #expect(config.rules(rig.values).reset == .ago(183_845_500))
    for value in [
      "", "none", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:-PT1H",
      "by_duration:P1H", "by_duration:PT1S1H", "by_duration:PT1.5H", "by_duration:P99999999D",
      "by_duration:PT1D",
    ] {
      #expect(!isTaken("share.auto.offset.reset", value), "\(value)")
    }
    #expect(isTaken("share.record.lock.duration.ms", "500"))
    #expect(!isTaken("share.record.lock.duration.ms", "1") && !isTaken("share.nothing", "1"))
    #expect(isTaken("share.isolation.level", "read_committed"))
    #expect(!isTaken("share.isolation.level", "read") && !isTaken("share.session.timeout.ms", "x"))
    let rules = config.rules(rig.values)
    #expect(rules.lockDuration == 500 && rules.readsCommitted && rules.deliveriesMax == 5)
  }
}
