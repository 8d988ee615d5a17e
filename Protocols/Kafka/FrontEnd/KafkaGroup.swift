import KafkaWire
import NIOCore

/// A classic consumer group: who its members are, and how they agree who reads what.
///
/// Pure but for its clock: what a member is to hear is handed to the closure that came with what
/// it asked. `KafkaGroup+Join` lets members in and `+Members` lets them go.
final class KafkaGroup {
  /// Where a group is between two agreements.
  enum State: String {
    /// Nobody is in it; it may have offsets.
    case empty = "Empty"
    /// Members are asked to join again.
    case preparingRebalance = "PreparingRebalance"
    /// The leader is to say who reads what.
    case completingRebalance = "CompletingRebalance"
    /// Everybody knows what to read.
    case stable = "Stable"
    /// It was removed.
    case dead = "Dead"
  }

  /// How members are let in.
  struct Rules {
    var sessionTimeout: ClosedRange<Int>
    var initialDelay: Int
    var sizeMax: Int
    /// Takes memory for what a member brings, for as long as the answer is kept; `nil` when none is
    /// left.
    var reserve: (Int) -> AnyObject?
  }

  /// An id that waits for its member, and what it takes of memory.
  struct Pending {
    var alarm: any KafkaAlarm
    var charge: AnyObject
  }

  /// How long a new member may take for its first rebalance, in milliseconds: 5 minutes, as Kafka.
  static let newMemberTimeout = 300_000

  let name: String
  let clock: any KafkaClock
  /// Makes member ids that nobody has.
  let makeID: () -> String
  var rules: Rules
  var state = State.empty
  var generation: Int32 = 0
  var protocolType: String?
  var protocolName: String?
  var leaderID: String?
  /// In the order in which they came.
  var members = KafkaGroupMembers()
  /// Ids that were handed out and have yet to be used (KIP-394).
  var pending: [String: Pending] = [:]
  /// The ids of static members, by their names.
  var staticIDs: [String: String] = [:]
  /// The end of the time to join.
  var rebalance: (any KafkaAlarm)?
  /// Whether the time to join is the first, in which nobody is waited for in particular.
  var isInitialDelay = false
  /// How much longer the first time to join may become, in milliseconds.
  var delayLeft = 0
  /// Whether somebody came since that time began.
  var hasNewcomers = false
  /// The end of the time to sync.
  var syncing: (any KafkaAlarm)?
  /// What is taken of memory for who is about to be let in.
  var newcomer: AnyObject?
  /// What the assignments take of memory.
  private var assignmentCharge: AnyObject?
  /// Called when the last member has gone.
  var becameEmpty: (() -> Void)?

  init(name: String, clock: any KafkaClock, rules: Rules, makeID: @escaping () -> String) {
    self.name = name
    self.clock = clock
    self.rules = rules
    self.makeID = makeID
  }

  func member(_ id: String) -> KafkaGroupMember? { members[id] }

  // MARK: Who speaks

  /// Whether somebody who speaks for a member is one; the error when not.
  func check(_ id: String, instanceID: String?) -> KafkaErrorCode? {
    if let instanceID {
      guard let known = staticIDs[instanceID] else { return .unknownMemberID }
      guard known == id else { return .fencedInstanceID }
    }
    return member(id) == nil ? .unknownMemberID : nil
  }

  // MARK: Sync

  /// SyncGroup: hands the leader's assignment on to everybody, or waits for it.
  func sync(
    _ request: KafkaSyncGroup.Request, _ answer: @escaping (KafkaSyncGroup.Response) -> Void
  ) {
    func refuse(_ error: KafkaErrorCode) { answer(.with { $0.error = error }) }
    guard state != .dead else { return refuse(.coordinatorNotAvailable) }
    if let error = check(request.memberID, instanceID: request.groupInstanceID) {
      return refuse(error)
    }
    guard let member = member(request.memberID) else { return refuse(.unknownMemberID) }
    guard request.generationID == generation else { return refuse(.illegalGeneration) }
    if let type = request.protocolType, type != protocolType {
      return refuse(.inconsistentGroupProtocol)
    }
    if let name = request.protocolName, name != protocolName {
      return refuse(.inconsistentGroupProtocol)
    }
    switch state {
    case .empty, .dead: refuse(.unknownMemberID)
    case .preparingRebalance: refuse(.rebalanceInProgress)
    case .completingRebalance:
      // Who asks again has given up its first question.
      member.sync?(.with { $0.error = .rebalanceInProgress })
      member.sync = answer
      guard member.id == leaderID else { return }
      let size = request.assignments.reduce(0) { $0 + $1.assignment.readableBytes }
      guard let charge = rules.reserve(size) else {
        member.sync = nil
        return refuse(.coordinatorNotAvailable)
      }
      assignmentCharge = charge
      for assignment in request.assignments {
        self.member(assignment.memberID)?.assignment = assignment.assignment.copied
      }
      state = .stable
      syncing?.cancel()
      syncing = nil
      answerSyncs(nil)
    case .stable:
      answer(assignment(of: member))
      renew(member)
    }
  }

  private func assignment(of member: KafkaGroupMember) -> KafkaSyncGroup.Response {
    .with {
      $0.protocolType = protocolType
      $0.protocolName = protocolName
      $0.assignment = member.assignment
    }
  }

  /// Answers all who wait for their assignment: with it, or with an error.
  func answerSyncs(_ error: KafkaErrorCode?) {
    for member in members {
      if error != nil { member.assignment = ByteBuffer() }
      guard let sync = member.sync else { continue }
      member.sync = nil
      if let error {
        sync(.with { $0.error = error })
      } else {
        sync(assignment(of: member))
      }
      renew(member)
    }
  }

  // MARK: Heartbeat and offsets

  /// Heartbeat.
  func heartbeat(_ request: KafkaHeartbeat.Request) -> KafkaErrorCode {
    guard state != .dead else { return .coordinatorNotAvailable }
    if let error = check(request.memberID, instanceID: request.groupInstanceID) { return error }
    guard let member = member(request.memberID), state != .empty else { return .unknownMemberID }
    guard request.generationID == member.ownGeneration ?? generation else {
      return .illegalGeneration
    }
    renew(member)
    return state == .preparingRebalance ? .rebalanceInProgress : .noError
  }

  /// Whether a commit of offsets is welcome.
  ///
  /// - Parameter isTransactional: whether it is part of a transaction, where older clients do not
  ///   say for which member they speak.
  func mayCommit(
    generation said: Int32, memberID: String, instanceID: String?, isTransactional: Bool = false
  ) -> KafkaErrorCode? {
    if said < 0, members.isEmpty { return nil }
    if said >= 0 || !memberID.isEmpty || instanceID != nil {
      if let error = check(memberID, instanceID: instanceID) { return error }
    } else if !isTransactional {
      // Somebody who reads on its own account, while a group does.
      return .unknownMemberID
    }
    if !isTransactional || said >= 0 {
      guard said == member(memberID)?.ownGeneration ?? generation else {
        return .illegalGeneration
      }
    }
    if state == .completingRebalance, !isTransactional { return .rebalanceInProgress }
    if let member = member(memberID) { renew(member) }
    return nil
  }

  /// The topics that it reads at the moment; `nil` for any, where what a member says of it cannot
  /// be read.
  var subscribedTopics: Set<String>? {
    guard protocolType == KafkaConsumerGroup.classicType else { return [] }
    var topics: Set<String> = []
    for each in members.flatMap(\.protocols) {
      guard
        let subscription = try? KafkaConsumerProtocol.decode(
          KafkaConsumerProtocol.Subscription.self, each.metadata)
      else { return nil }
      topics.formUnion(subscription.topics)
    }
    return topics
  }

  // MARK: Liveness

  /// The member was heard.
  func renew(_ member: KafkaGroupMember) {
    member.session?.cancel()
    let timeout = member.isNew ? Self.newMemberTimeout : member.sessionTimeout
    // The member is kept until then, or until it is heard or goes. A weak reference to each would
    // make every look at all of them dear.
    member.session = clock.alarm(after: timeout) { [weak self] in self?.expired(member) }
  }

  private func expired(_ member: KafkaGroupMember) {
    guard members.has(member) else { return }
    // Who waits for an answer of ours cannot say anything else meanwhile.
    if !member.isNew, member.join != nil || member.sync != nil { return renew(member) }
    remove(member, because: .unknownMemberID)
    memberHasGone()
  }

  /// Everything it would still do is called off.
  func end() {
    state = .dead
    for member in members { member.session?.cancel() }
    for each in pending.values { each.alarm.cancel() }
    rebalance?.cancel()
    syncing?.cancel()
    members.removeAll()
    pending = [:]
  }
}

extension ByteBuffer {
  /// The same bytes in memory of their own, so that the frame they came in is not kept for them.
  var copied: ByteBuffer { ByteBuffer(bytes: readableBytesView) }
}
