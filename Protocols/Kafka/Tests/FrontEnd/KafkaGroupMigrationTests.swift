import GodwitEngine
import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// A group that members of both protocols come to.
private final class MigrationRig {
  let rig: ConsumerGroupRig
  let classic: KafkaGroup
  /// What was made of a consumer group.
  private(set) var downgraded: KafkaGroup?
  private(set) var joined: [String: KafkaJoinGroup.Response] = [:]
  private(set) var synced: [String: KafkaSyncGroup.Response] = [:]
  private var ids = 0

  init() throws {
    rig = try ConsumerGroupRig()
    classic = Self.classicGroup(rig)
    watch()
  }

  private static func classicGroup(_ rig: ConsumerGroupRig) -> KafkaGroup {
    var next = 0
    return KafkaGroup(
      name: "g", clock: rig.clock,
      rules: KafkaGroup.Rules(
        sessionTimeout: 1_000...60_000, initialDelay: 0, sizeMax: 5,
        reserve: { [rig] in rig.tenant.memory.charge($0) })
    ) {
      next += 1
      return "\(next)"
    }
  }

  func watch() {
    rig.groups.downgrade = { [unowned self] group in
      let made = Self.classicGroup(rig)
      downgraded = made
      made.takeOver(group)
      group.end()
    }
  }

  static func metadata(_ topics: [String], owned: Set<Int32> = []) -> ByteBuffer {
    let subscription = KafkaConsumerProtocol.Subscription.with {
      $0.topics = topics
      $0.ownedPartitions = [
        .with {
          $0.topic = "t"
          $0.partitions = owned.sorted()
        }
      ]
    }
    return (try? KafkaConsumerProtocol.encode(subscription, version: 1)) ?? ByteBuffer()
  }

  static func assignment(_ partitions: [Int32]) -> ByteBuffer {
    let assignment = KafkaConsumerProtocol.Assignment.with {
      $0.assignedPartitions = [
        .with {
          $0.topic = "t"
          $0.partitions = partitions
        }
      ]
    }
    return (try? KafkaConsumerProtocol.encode(assignment, version: 1)) ?? ByteBuffer()
  }

  private func request(
    _ id: String, _ metadata: ByteBuffer, instance: String?, type: String, protocols: [String]
  ) -> KafkaJoinGroup.Request {
    .with {
      $0.groupID = "g"
      $0.memberID = id
      $0.groupInstanceID = instance
      $0.sessionTimeoutMs = 10_000
      $0.rebalanceTimeoutMs = 20_000
      $0.protocolType = type
      $0.protocols = protocols.map { name in
        .with {
          $0.name = name
          $0.metadata = metadata
        }
      }
    }
  }

  private func joiner(_ label: String) -> KafkaJoiner {
    KafkaJoiner(
      clientID: label, clientHost: "/h", takesIDFirst: false, maySkipAssignment: true)
  }

  /// Joins the group, whatever it is now.
  @discardableResult
  func join(
    _ label: String, owned: Set<Int32> = [], instance: String? = nil, type: String = "consumer",
    protocols: [String] = ["range"], metadata: ByteBuffer? = nil, group: KafkaGroup? = nil
  ) -> KafkaErrorCode? {
    let known = joined[label]?.memberID ?? ""
    joined[label] = nil
    let request = request(
      known, metadata ?? Self.metadata(["t"], owned: owned), instance: instance, type: type,
      protocols: protocols)
    if group == nil, let group = rig.group {
      ids += 1
      joined[label] = group.join(request, as: joiner(label)) { "\(ids)" }
      rig.groups.write(group) { _ in }
    } else {
      (group ?? classic).join(request, as: joiner(label)) { self.joined[label] = $0 }
    }
    return joined[label]?.error
  }

  /// What a member of a consumer group may read, and whether it is told so.
  func sync(_ label: String) -> Set<Int32>? {
    guard let told = joined[label], let group = rig.group else { return nil }
    let answer = group.sync(
      .with {
        $0.memberID = told.memberID
        $0.generationID = told.generationID
        $0.protocolName = "range"
      })
    guard answer.error == .noError,
      let assignment = try? KafkaConsumerProtocol.decode(
        KafkaConsumerProtocol.Assignment.self, answer.assignment)
    else { return nil }
    return Set(assignment.assignedPartitions.flatMap(\.partitions))
  }

  func heartbeat(_ label: String, group: KafkaGroup? = nil) -> KafkaErrorCode {
    let request = KafkaHeartbeat.Request.with {
      $0.memberID = joined[label]?.memberID ?? ""
      $0.generationID = joined[label]?.generationID ?? -1
    }
    return group?.heartbeat(request) ?? rig.group?.heartbeat(request) ?? classic.heartbeat(request)
  }

  func id(_ label: String) -> String { joined[label]?.memberID ?? "" }

  /// Two classic members, who read two partitions each.
  func begin() throws {
    join("a", instance: nil)
    join("b")
    join("a")
    let shares = ["a": [Int32(0), 1], "b": [2, 3]]
    for label in ["b", "a"] {
      classic.sync(
        .with {
          $0.memberID = id(label)
          $0.generationID = classic.generation
          $0.assignments = shares.map { label, partitions in
            .with {
              $0.memberID = id(label)
              $0.assignment = Self.assignment(partitions)
            }
          }
        }
      ) { self.synced[label] = $0 }
    }
    try #require(classic.state == .stable && synced["b"]?.error == .noError)
  }

  /// Makes a consumer group of the classic one, for somebody who is about to join.
  func upgrade() throws {
    let group = try #require(rig.groups.candidate("g"))
    try group.takeOver(classic)
    classic.dissolve()
    rig.groups.take(group)
  }
}

@Suite struct KafkaGroupMigrationTests {
  private let rig: MigrationRig

  init() throws { rig = try MigrationRig() }

  @Test func classicMembersGoOnInAConsumerGroup() throws {
    try rig.begin()
    let generation = rig.classic.generation
    try rig.upgrade()
    #expect(rig.classic.state == .dead && rig.rig.group?.epoch == generation)
    let group = try #require(rig.rig.group)
    #expect(group.mayUsePositions(memberID: rig.id("a"), epoch: generation) == nil)
    #expect(
      group.mayUsePositions(memberID: rig.id("a"), epoch: generation + 1) == .illegalGeneration)
    try rig.rig.beat("c")
    #expect(rig.rig.shares["c"] == [])
    // Both are asked to join; what they have stays theirs until they say that they have not.
    #expect(rig.heartbeat("a") == .rebalanceInProgress)
    #expect(rig.heartbeat("b") == .rebalanceInProgress)
    let shares: [String: Set<Int32>] = ["a": [0, 1], "b": [2, 3]]
    var told: [String: Set<Int32>] = [:]
    for (label, owned) in shares {
      rig.join(label, owned: owned)
      told[label] = rig.sync(label)
      #expect(told[label]?.isSubset(of: owned) == true)
    }
    #expect(told.values.reduce(0) { $0 + $1.count } == 3)
    let giver = try #require(told.first { $0.value.count == 1 }?.key)
    let keeper = giver == "a" ? "b" : "a"
    #expect(rig.joined[giver]?.generationID == generation)
    #expect(rig.joined[keeper]?.generationID == generation + 1)
    try rig.rig.beat("c")
    #expect(rig.rig.shares["c"] == [])
    #expect(rig.heartbeat(giver) == .rebalanceInProgress && rig.heartbeat(keeper) == .noError)
    rig.join(giver, owned: told[giver] ?? [])
    #expect(rig.joined[giver]?.generationID == generation + 1 && rig.sync(giver) == told[giver])
    try rig.rig.beat("c")
    #expect(rig.rig.shares["c"] == shares[giver]?.subtracting(told[giver] ?? []))
    #expect(group.state == .stable && rig.heartbeat(giver) == .noError)
    #expect(rig.joined.values.allSatisfy { $0.leader.isEmpty && $0.members.isEmpty })
  }

  @Test func whoGaveAllUpMayHaveItsShareAtOnce() throws {
    try rig.begin()
    try rig.upgrade()
    try rig.rig.beat("c")
    // Eager members give up everything before they join.
    rig.join("a")
    #expect(rig.joined["a"]?.generationID == rig.rig.group?.epoch)
    rig.join("b")
    let shares = [rig.sync("a"), rig.sync("b")].compactMap { $0 }
    try rig.rig.beat("c")
    let all = (shares + [rig.rig.shares["c"] ?? []]).flatMap { $0 }
    #expect(all.sorted() == [0, 1, 2, 3])
  }

  @Test func whoWaitsForPartitionsIsToldWhenTheyAreFree() throws {
    try rig.rig.beat("c")
    #expect(rig.join("a") == .noError)
    #expect(rig.sync("a") == [] && rig.heartbeat("a") == .noError)
    try rig.rig.beat("c")
    let kept = try #require(rig.rig.shares["c"])
    #expect(kept.count == 2 && rig.heartbeat("a") == .noError)
    try rig.rig.beat("c", owned: kept)
    #expect(rig.heartbeat("a") == .rebalanceInProgress)
    rig.join("a")
    #expect(rig.sync("a") == Set(0..<4).subtracting(kept))
  }

  @Test func aGroupOfBothIsThereAfterARestart() throws {
    try rig.begin()
    try rig.upgrade()
    try rig.rig.beat("c")
    rig.join("a")
    rig.join("b")
    let share = try #require(rig.sync("a"))
    try rig.rig.restart()
    rig.watch()
    #expect(rig.heartbeat("a") == .noError && rig.sync("a") == share)
    #expect(rig.rig.group?.members.values.count { $0.classic != nil } == 2)
    try rig.rig.beat("c", epoch: -1)
    #expect(rig.rig.group == nil && rig.downgraded?.members.count == 2)
    // What became a classic group is no consumer group after another restart.
    try rig.rig.restart()
    #expect(rig.rig.groups.byName.isEmpty)
  }

  @Test func whenTheLastOneLeavesTheGroupIsClassicAgain() throws {
    try rig.begin()
    try rig.upgrade()
    try rig.rig.beat("c")
    try rig.rig.beat("d")
    rig.join("a")
    rig.join("b")
    try rig.rig.settle(["c", "d"])
    try rig.rig.beat("c", epoch: -1)
    #expect(rig.downgraded == nil)
    rig.join("a")
    rig.join("b")
    try rig.rig.settle(["d"])
    let epoch = try #require(rig.joined["a"]?.generationID)
    // It is silent for too long, while the others are heard.
    for _ in 0..<3 where rig.downgraded == nil {
      rig.rig.clock.pass(4_000)
      for label in ["a", "b"] where rig.downgraded == nil { _ = rig.heartbeat(label) }
    }
    let group = try #require(rig.downgraded)
    #expect(rig.rig.group == nil && group.generation == epoch)
    #expect(group.state == .preparingRebalance)
    for label in ["a", "b"] {
      #expect(rig.heartbeat(label, group: group) == .rebalanceInProgress)
      rig.join(label, group: group)
    }
    #expect(group.state == .completingRebalance && rig.joined["a"]?.generationID == epoch + 1)
    #expect(rig.joined.values.count { !$0.members.isEmpty } == 1)
  }

  @Test func whoIsBehindLosesNothingWhenTheGroupIsClassicAgain() throws {
    try rig.begin()
    try rig.upgrade()
    try rig.rig.beat("c")
    rig.join("a")
    // `b` has not joined again yet, and commits by what it knows.
    let behind = try #require(rig.joined["b"]?.generationID)
    try rig.rig.beat("c", epoch: -1)
    let group = try #require(rig.downgraded)
    #expect(behind < group.generation)
    #expect(
      group.mayCommit(generation: behind, memberID: rig.id("b"), instanceID: nil) == nil)
    for label in ["a", "b"] {
      #expect(rig.heartbeat(label, group: group) == .rebalanceInProgress)
      rig.join(label, group: group)
    }
    #expect(group.state == .completingRebalance)
    #expect(
      group.mayCommit(generation: behind, memberID: rig.id("b"), instanceID: nil)
        == .illegalGeneration)
  }

  @Test func whatCannotBeCarriedOverStaysWhatItIs() throws {
    for (type, metadata) in [
      ("connect", MigrationRig.metadata(["t"])), ("consumer", ByteBuffer(string: "?")),
    ] {
      let rig = try MigrationRig()
      rig.join("a", type: type, metadata: metadata)
      let group = try #require(rig.rig.groups.candidate("g"))
      #expect(throws: KafkaRefusal.self) { try group.takeOver(rig.classic) }
      group.end()
      #expect(rig.classic.state == .completingRebalance && rig.rig.group == nil)
    }
  }

  @Test func whoWaitsForAnAnswerJoinsAgain() throws {
    rig.join("a")
    rig.join("b")
    #expect(rig.classic.state == .preparingRebalance && rig.joined["b"] == nil)
    try rig.upgrade()
    #expect(rig.joined["b"]?.error == .rebalanceInProgress)
    try rig.rig.beat("c")
    #expect(rig.join("b") == .noError)
    #expect(rig.joined["b"]?.generationID == rig.rig.group?.epoch)
  }

  @Test func otherProtocolsAreRefused() throws {
    try rig.rig.beat("c")
    #expect(rig.join("x", type: "connect") == .inconsistentGroupProtocol)
    #expect(rig.join("x", metadata: ByteBuffer()) == .inconsistentGroupProtocol)
    #expect(rig.join("a") == .noError)
    #expect(rig.join("x", protocols: ["sticky"]) == .inconsistentGroupProtocol)
    #expect(rig.join("b", protocols: ["sticky", "range"]) == .noError)
    #expect(rig.rig.group?.members.count == 3)
  }

  @Test func whoDoesNotJoinOrAskInTimeIsOut() throws {
    try rig.rig.beat("c")
    rig.join("a")
    for _ in 0..<6 {
      rig.rig.clock.pass(4_000)
      try rig.rig.beat("c")
      _ = rig.heartbeat("a")
    }
    // It was heard, but never asked what it may read.
    #expect(rig.rig.group?.members.count == 1)
    rig.join("b")
    try rig.rig.settle(["c"])
    rig.join("b")
    #expect(rig.sync("b")?.count == 2)
    try rig.rig.beat("d")
    for _ in 0..<6 {
      rig.rig.clock.pass(4_000)
      try rig.rig.settle(["c", "d"])
      _ = rig.heartbeat("b")
    }
    #expect(rig.heartbeat("b") == .unknownMemberID)
  }

  @Test func staticMembersMoveFromOneProtocolToTheOther() throws {
    try rig.rig.beat("c")
    rig.join("a", instance: "i")
    try rig.rig.settle(["c"])
    rig.join("a", instance: "i")
    let share = try #require(rig.sync("a"))
    let epoch = rig.rig.group?.epoch
    // It comes back by the consumer protocol, and then again by the classic one.
    #expect(try rig.rig.beat("n", instance: "i") == .noError)
    #expect(rig.rig.shares["n"] == share && rig.heartbeat("a") == .unknownMemberID)
    #expect(rig.join("again", instance: "i") == .noError)
    #expect(rig.sync("again") == share && rig.rig.group?.epoch == epoch)
    #expect(rig.rig.group?.leave("", instanceID: "i") == .noError)
    #expect(rig.rig.group?.leave("", instanceID: "i") == .unknownMemberID)
    #expect(rig.rig.group?.leave("c", instanceID: nil) == .unknownMemberID)
  }

  /// A client as it is on its own side: what it reads until it gives it up.
  private struct Client {
    enum Kind: CaseIterable { case consumer, cooperative, eager }
    var kind: Kind
    var holds: Set<Int32> = []
    var joins = true
    var syncs = false
  }

  @Test(arguments: UInt64(0)..<40)
  func nobodyReadsWhatAnotherReads(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    // It stays, so that the group stays what it is.
    var clients = ["c": Client(kind: .consumer)]
    var made = 0
    for _ in 0..<300 {
      let label = try #require(clients.keys.sorted().randomElement(using: &random))
      switch Int.random(in: 0..<20, using: &random) {
      case 0 where clients.count < 5:
        made += 1
        let kind = Client.Kind.allCases.randomElement(using: &random) ?? .eager
        clients["m\(made)"] = Client(kind: kind)
      case 1 where label != "c":
        if clients[label]?.kind == .consumer {
          if rig.rig.epochs[label] != nil { try rig.rig.beat(label, epoch: -1) }
        } else if let group = rig.rig.group {
          _ = group.leave(rig.id(label), instanceID: nil)
          rig.rig.groups.write(group) { _ in }
        }
        clients[label] = nil
      case 2 where clients[label]?.kind != .consumer:
        // A client may join again whenever it likes.
        clients[label]?.joins = true
      default: try step(label, &clients)
      }
    }
    for _ in 0..<40 { for label in clients.keys.sorted() { try step(label, &clients) } }
    #expect(clients.values.flatMap(\.holds).sorted() == [0, 1, 2, 3])
    #expect(rig.rig.group?.state == .stable)
  }

  /// One thing that a client does by itself.
  private func step(_ label: String, _ clients: inout [String: Client]) throws {
    guard var client = clients[label] else { return }
    defer { clients[label] = client }
    func take(_ partitions: Set<Int32>) {
      for (other, each) in clients where other != label {
        #expect(each.holds.isDisjoint(with: partitions), "\(label) and \(other)")
      }
      client.holds = partitions
    }
    if client.kind == .consumer {
      #expect(try rig.rig.beat(label, owned: client.holds) == .noError)
      return take(rig.rig.shares[label] ?? [])
    }
    if client.joins {
      if client.kind == .eager { client.holds = [] }
      #expect(rig.join(label, owned: client.holds) == .noError)
      client.joins = false
      client.syncs = true
    } else if client.syncs {
      client.syncs = false
      guard let told = rig.sync(label) else {
        client.joins = true
        return
      }
      // Who has to give something up says so by joining again.
      client.joins = !client.holds.isSubset(of: told)
      take(told)
    } else {
      client.joins = rig.heartbeat(label) == .rebalanceInProgress
    }
  }
}
