import GodwitEngine
import KafkaWire
import NIOCore

@testable import KafkaFrontEnd

/// Time that a test moves.
final class TestClock: KafkaClock {
  final class Alarm: KafkaAlarm {
    let at: Int
    var body: (() -> Void)?
    init(at: Int, _ body: @escaping () -> Void) {
      self.at = at
      self.body = body
    }
    func cancel() { body = nil }
  }

  private(set) var now = 0
  private var alarms: [Alarm] = []

  func alarm(after milliseconds: Int, _ body: @escaping () -> Void) -> any KafkaAlarm {
    let alarm = Alarm(at: now + milliseconds, body)
    alarms.append(alarm)
    return alarm
  }

  /// Lets time pass, and what is due happen in its order.
  func pass(_ milliseconds: Int) {
    let end = now + milliseconds
    while let next = alarms.filter({ $0.body != nil && $0.at <= end }).min(by: { $0.at < $1.at }) {
      now = max(now, next.at)
      let body = next.body
      next.body = nil
      body?()
    }
    alarms.removeAll { $0.body == nil }
    now = end
  }

  var openCount: Int { alarms.count { $0.body != nil } }
}

/// A group, and what its members were told.
final class GroupRig {
  let clock = TestClock()
  let memory: MemoryBudget
  let group: KafkaGroup
  var joined: [String: KafkaJoinGroup.Response] = [:]
  var synced: [String: KafkaSyncGroup.Response] = [:]
  private var ids = 0

  init(delay: Int = 0, sizeMax: Int = 100, memoryMax: Int = 1 << 20) {
    memory = MemoryBudget(limit: memoryMax)
    var next = 0
    group = KafkaGroup(
      name: "g", clock: clock,
      rules: KafkaGroup.Rules(
        sessionTimeout: 1_000...60_000, initialDelay: delay, sizeMax: sizeMax
      ) { [memory] in memory.charge($0) }
    ) {
      next += 1
      return "\(next)"
    }
  }

  /// Joins under a label of the test's own; the answer is in `joined`.
  func join(
    _ label: String, id: String = "", instance: String? = nil,
    protocols: [(String, String)] = [("range", "r")], type: String = "consumer",
    session: Int32 = 10_000, rebalance: Int32 = 20_000, takesIDFirst: Bool = false,
    maySkip: Bool = false
  ) {
    joined[label] = nil
    let request = KafkaJoinGroup.Request.with {
      $0.groupID = "g"
      $0.memberID = id
      $0.groupInstanceID = instance
      $0.sessionTimeoutMs = session
      $0.rebalanceTimeoutMs = rebalance
      $0.protocolType = type
      $0.protocols = protocols.map { name, metadata in
        .with {
          $0.name = name
          $0.metadata = ByteBuffer(string: metadata)
        }
      }
    }
    let joiner = KafkaJoiner(
      clientID: label, clientHost: "/test", takesIDFirst: takesIDFirst, maySkipAssignment: maySkip)
    group.join(request, as: joiner) { self.joined[label] = $0 }
  }

  func sync(
    _ label: String, assignments: [String: String] = [:], generation: Int32? = nil
  ) {
    synced[label] = nil
    guard let id = joined[label]?.memberID else { return }
    let request = KafkaSyncGroup.Request.with {
      $0.groupID = "g"
      $0.memberID = id
      $0.generationID = generation ?? group.generation
      $0.assignments = assignments.map { id, text in
        .with {
          $0.memberID = id
          $0.assignment = ByteBuffer(string: text)
        }
      }
    }
    group.sync(request) { self.synced[label] = $0 }
  }

  func heartbeat(_ label: String, generation: Int32? = nil) -> KafkaErrorCode {
    group.heartbeat(
      .with {
        $0.memberID = joined[label]?.memberID ?? ""
        $0.generationID = generation ?? group.generation
      })
  }

  func id(_ label: String) -> String { joined[label]?.memberID ?? "" }

  func assignment(_ label: String) -> String? {
    synced[label].map { String(buffer: $0.assignment) }
  }

  /// Two members, `a` leading, with their assignments.
  static func ofTwo() -> GroupRig {
    let rig = GroupRig(delay: 100)
    rig.join("a")
    rig.join("b")
    rig.clock.pass(200)
    rig.sync("b")
    rig.sync("a", assignments: [rig.id("a"): "A", rig.id("b"): "B"])
    return rig
  }
}
