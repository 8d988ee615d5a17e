import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaGroupTests {
  @Test func membersAgree() {
    let rig = GroupRig.ofTwo()
    #expect(rig.group.state == .stable && rig.group.generation == 1)
    #expect(rig.joined["a"]?.leader == rig.id("a") && rig.joined["b"]?.leader == rig.id("a"))
    #expect(rig.joined["a"]?.members.count == 2 && rig.joined["b"]?.members.isEmpty == true)
    #expect(rig.joined["a"]?.protocolName == "range")
    #expect(rig.assignment("a") == "A" && rig.assignment("b") == "B")
    #expect(rig.heartbeat("a") == .noError)
    #expect(rig.heartbeat("a", generation: 7) == .illegalGeneration)
  }

  @Test func theFirstWaitsForOthers() {
    let rig = GroupRig(delay: 1_000)
    rig.join("a")
    rig.clock.pass(900)
    #expect(rig.joined["a"] == nil)
    rig.join("b")
    // Somebody came, so the delay begins anew when it is over.
    rig.clock.pass(200)
    #expect(rig.joined["a"] == nil && rig.joined["b"] == nil)
    rig.clock.pass(1_000)
    #expect(rig.joined["a"]?.generationID == 1 && rig.joined["b"]?.generationID == 1)
  }

  @Test func aNewcomerMakesTheOthersJoinAgain() {
    let rig = GroupRig.ofTwo()
    rig.join("c")
    #expect(rig.joined["c"] == nil)
    #expect(rig.heartbeat("a") == .rebalanceInProgress)
    rig.join("a", id: "a-1")
    rig.join("b", id: "b-2")
    #expect(rig.joined["c"]?.generationID == 2 && rig.joined["b"]?.generationID == 2)
    #expect(rig.group.state == .completingRebalance)
    #expect(rig.heartbeat("b") == .noError)
  }

  @Test func whoDoesNotJoinAgainInTimeIsOut() {
    let rig = GroupRig.ofTwo()
    rig.join("c")
    rig.join("a", id: "a-1")
    rig.clock.pass(9_000)
    _ = rig.heartbeat("b")
    rig.clock.pass(9_000)
    _ = rig.heartbeat("b")
    #expect(rig.joined["c"] == nil)
    rig.clock.pass(2_000)
    #expect(rig.joined["c"]?.generationID == 2)
    #expect(rig.group.members.count == 2)
    rig.joined["b"] = .with { $0.memberID = "b-2" }
    #expect(rig.heartbeat("b") == .unknownMemberID)
  }

  @Test func aSessionEnds() {
    let rig = GroupRig.ofTwo()
    rig.clock.pass(6_000)
    #expect(rig.heartbeat("a") == .noError)
    rig.clock.pass(6_000)
    #expect(rig.group.members.map(\.id) == ["a-1"])
    #expect(rig.heartbeat("a") == .rebalanceInProgress)
    rig.clock.pass(11_000)
    #expect(rig.group.members.isEmpty && rig.group.state == .empty)
    #expect(rig.clock.openCount == 0)
  }

  @Test func whoWaitsForAnAnswerIsNotMissed() {
    let rig = GroupRig.ofTwo()
    rig.join("c", rebalance: 60_000)
    rig.join("a", id: "a-1", rebalance: 60_000)
    for _ in 0..<5 {
      rig.clock.pass(8_000)
      _ = rig.heartbeat("b")
    }
    #expect(rig.group.members.count == 3)
  }

  @Test func leavingIsNoticedAtOnce() {
    let rig = GroupRig.ofTwo()
    #expect(rig.group.leave(rig.id("a"), instanceID: nil) == .noError)
    #expect(rig.group.leave(rig.id("a"), instanceID: nil) == .unknownMemberID)
    #expect(rig.heartbeat("b") == .rebalanceInProgress)
    rig.join("b", id: rig.id("b"))
    rig.clock.pass(1)
    #expect(rig.joined["b"]?.leader == "b-2" && rig.joined["b"]?.generationID == 2)
  }

  @Test func theLastOneLeavesAnEmptyGroup() {
    let rig = GroupRig.ofTwo()
    var isEmpty = false
    rig.group.becameEmpty = { isEmpty = true }
    _ = rig.group.leave("a-1", instanceID: nil)
    _ = rig.group.leave("b-2", instanceID: nil)
    #expect(isEmpty && rig.group.state == .empty && rig.clock.openCount == 0)
  }

  @Test func anIDComesFirstWhereItIsUnderstood() {
    let rig = GroupRig()
    rig.join("a", takesIDFirst: true)
    #expect(rig.joined["a"]?.error == .memberIDRequired && rig.id("a") == "a-1")
    #expect(rig.group.members.isEmpty)
    rig.join("a", id: "a-1", takesIDFirst: true)
    #expect(rig.joined["a"]?.error == .noError && rig.group.members.count == 1)
    rig.join("x", id: "x-9")
    #expect(rig.joined["x"]?.error == .unknownMemberID)
    // One that is never used is forgotten.
    rig.join("b", takesIDFirst: true)
    rig.clock.pass(10_000)
    #expect(rig.group.pending.isEmpty)
  }

  @Test func protocolsMustBeShared() {
    let rig = GroupRig()
    rig.join("a", protocols: [("range", "r"), ("sticky", "s")])
    rig.join("b", protocols: [("other", "o")])
    #expect(rig.joined["b"]?.error == .inconsistentGroupProtocol)
    rig.join("b", type: "connect")
    #expect(rig.joined["b"]?.error == .inconsistentGroupProtocol)
    rig.join("b", protocols: [])
    #expect(rig.joined["b"]?.error == .inconsistentGroupProtocol)
    rig.join("b", protocols: [("sticky", "s")])
    rig.join("a", id: "a-1", protocols: [("range", "r"), ("sticky", "s")])
    #expect(rig.joined["b"]?.protocolName == "sticky")
  }

  @Test func boundsHold() {
    let rig = GroupRig(sizeMax: 1)
    rig.join("a", session: 999)
    #expect(rig.joined["a"]?.error == .invalidSessionTimeout)
    rig.join("a")
    rig.join("b")
    #expect(rig.joined["b"]?.error == .groupMaxSizeReached)
  }

  @Test func whatMembersBringIsCountedAndGivenBack() {
    let rig = GroupRig(memoryMax: 10_000)
    rig.join("a", protocols: [("range", String(repeating: "x", count: 9_000))])
    #expect(rig.joined["a"]?.error == .groupMaxSizeReached && rig.memory.used == 0)
    rig.join("a", protocols: [("range", String(repeating: "x", count: 4_000))])
    #expect(rig.joined["a"]?.error == .noError && rig.memory.used > 5_000)
    rig.join("b", protocols: [("range", String(repeating: "x", count: 4_000))])
    #expect(rig.joined["b"]?.error == .groupMaxSizeReached)
    rig.sync("a", assignments: ["a-1": String(repeating: "y", count: 5_000)])
    #expect(rig.synced["a"]?.error == .coordinatorNotAvailable)
    _ = rig.group.leave("a-1", instanceID: nil)
    #expect(rig.memory.used == 0)
  }

  @Test func whoDoesNotSyncIsOut() {
    let rig = GroupRig(delay: 100)
    rig.join("a")
    rig.join("b")
    rig.clock.pass(200)
    rig.sync("a", assignments: [:], generation: 9)
    #expect(rig.synced["a"]?.error == .illegalGeneration)
    rig.sync("b")
    for _ in 0..<3 {
      rig.clock.pass(7_000)
      _ = rig.heartbeat("a")
    }
    #expect(rig.synced["b"]?.error == .rebalanceInProgress)
    #expect(rig.group.members.map(\.id) == ["b-2"])
  }

  @Test func aStaticMemberComesBackUnnoticed() {
    let rig = GroupRig(delay: 100)
    rig.join("a", instance: "one")
    rig.join("b", instance: "two")
    rig.clock.pass(200)
    rig.sync("b")
    rig.sync("a", assignments: [rig.id("a"): "A", rig.id("b"): "B"])
    let old = rig.id("b")
    rig.join("b", instance: "two")
    #expect(rig.joined["b"]?.error == .noError && rig.joined["b"]?.generationID == 1)
    #expect(rig.id("b") != old && rig.group.state == .stable)
    rig.sync("b")
    #expect(rig.assignment("b") == "B")
    #expect(rig.group.check(old, instanceID: "two") == .fencedInstanceID)
    // The leader would assign anew, so it is told to leave things as they are.
    rig.join("a", instance: "one", maySkip: true)
    #expect(rig.joined["a"]?.skipAssignment == true && rig.group.generation == 1)
    let leader = rig.id("a")
    rig.join("a", instance: "one")
    #expect(rig.joined["a"]?.leader == leader && rig.joined["a"]?.members.isEmpty == true)
    // What it wants has changed: then everybody is asked.
    rig.join("b", instance: "two", protocols: [("range", "other")])
    #expect(rig.group.state == .preparingRebalance)
  }

  @Test func commitsAreForMembers() {
    let rig = GroupRig.ofTwo()
    func may(_ generation: Int32, _ id: String) -> KafkaErrorCode? {
      rig.group.mayCommit(generation: generation, memberID: id, instanceID: nil)
    }
    #expect(may(1, "a-1") == nil)
    #expect(may(0, "a-1") == .illegalGeneration)
    #expect(may(1, "x") == .unknownMemberID)
    #expect(may(-1, "") == .unknownMemberID)
    rig.join("c")
    #expect(may(1, "a-1") == nil)
    rig.join("a", id: "a-1")
    rig.join("b", id: "b-2")
    #expect(may(2, "a-1") == .rebalanceInProgress)
    #expect(GroupRig().group.mayCommit(generation: -1, memberID: "", instanceID: nil) == nil)
  }
}
