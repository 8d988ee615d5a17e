import KafkaWire
import NIOCore

/// Who joins, and on whose behalf.
struct KafkaJoiner {
  var clientID: String
  var clientHost: String
  /// Whether it understands that it is given an id first (JoinGroup 4 and later).
  var takesIDFirst: Bool
  /// Whether it can be told that its group's assignment stands (JoinGroup 9 and later).
  var maySkipAssignment: Bool

  /// An id for it.
  func newID(_ request: KafkaJoinGroup.Request, unique: String) -> String {
    "\((request.groupInstanceID ?? clientID).prefix(200))-\(unique)"
  }
}

extension KafkaGroup {
  /// JoinGroup: lets a member in, or in again; the answer comes when all have joined.
  func join(
    _ request: KafkaJoinGroup.Request, as joiner: KafkaJoiner,
    _ answer: @escaping (KafkaJoinGroup.Response) -> Void
  ) {
    func refuse(_ error: KafkaErrorCode) {
      answer(
        .with {
          $0.error = error
          $0.memberID = request.memberID
        })
    }
    guard state != .dead else { return refuse(.coordinatorNotAvailable) }
    guard rules.sessionTimeout.contains(Int(request.sessionTimeoutMs)) else {
      return refuse(.invalidSessionTimeout)
    }
    guard agrees(request) else { return refuse(.inconsistentGroupProtocol) }
    guard let charge = rules.reserve(request.byteCount) else { return refuse(.groupMaxSizeReached) }
    // Who is let in takes it over; for all others it ends here.
    newcomer = charge
    defer { newcomer = nil }
    if request.memberID.isEmpty {
      guard members.count + pending.count < rules.sizeMax || knows(request.groupInstanceID) else {
        return refuse(.groupMaxSizeReached)
      }
      joinWithoutID(request, joiner, answer)
    } else {
      joinAgain(request, joiner, answer, refuse)
    }
  }

  private func knows(_ instanceID: String?) -> Bool {
    instanceID.map { staticIDs[$0] != nil } ?? false
  }

  /// Whether there is a protocol that it and all others know.
  private func agrees(_ request: KafkaJoinGroup.Request) -> Bool {
    guard !request.protocolType.isEmpty, !request.protocols.isEmpty else { return false }
    let isAlone = members.isEmpty || (members.count == 1 && members[request.memberID] != nil)
    guard isAlone || protocolType == nil || protocolType == request.protocolType else {
      return false
    }
    return members.agree(on: request.protocols.lazy.map(\.name), besides: request.memberID)
  }

  private func newID(_ joiner: KafkaJoiner, _ request: KafkaJoinGroup.Request) -> String {
    joiner.newID(request, unique: makeID())
  }

  private func joinWithoutID(
    _ request: KafkaJoinGroup.Request, _ joiner: KafkaJoiner,
    _ answer: @escaping (KafkaJoinGroup.Response) -> Void
  ) {
    let id = newID(joiner, request)
    if let instanceID = request.groupInstanceID {
      if let old = staticIDs[instanceID].flatMap({ member($0) }) {
        replace(old, by: id, request, joiner, answer)
      } else {
        add(id, request, joiner, answer)
      }
    } else if joiner.takesIDFirst {
      guard let charge = rules.reserve(512) else {
        return answer(.with { $0.error = .groupMaxSizeReached })
      }
      let alarm = clock.alarm(after: Int(request.sessionTimeoutMs)) { [weak self] in
        guard let self, self.pending.removeValue(forKey: id) != nil else { return }
        self.memberHasGone()
      }
      pending[id] = Pending(alarm: alarm, charge: charge)
      answer(
        .with {
          $0.error = .memberIDRequired
          $0.memberID = id
        })
    } else {
      add(id, request, joiner, answer)
    }
  }

  private func joinAgain(
    _ request: KafkaJoinGroup.Request, _ joiner: KafkaJoiner,
    _ answer: @escaping (KafkaJoinGroup.Response) -> Void, _ refuse: (KafkaErrorCode) -> Void
  ) {
    if request.groupInstanceID == nil, let known = pending.removeValue(forKey: request.memberID) {
      known.alarm.cancel()
      return add(request.memberID, request, joiner, answer)
    }
    if let error = check(request.memberID, instanceID: request.groupInstanceID) {
      return refuse(error)
    }
    guard let member = member(request.memberID) else { return refuse(.unknownMemberID) }
    let isSame = member.protocols.elementsEqual(request.protocols) {
      $0.name == $1.name && $0.metadata == $1.metadata
    }
    switch state {
    case .preparingRebalance: update(member, request, answer)
    case .completingRebalance where isSame:
      // It has missed the answer.
      answer(joined(member))
      renew(member)
    case .stable where isSame && member.id != leaderID:
      answer(joined(member))
      renew(member)
    case .completingRebalance, .stable: update(member, request, answer)
    case .empty, .dead: refuse(.unknownMemberID)
    }
  }

  private func add(
    _ id: String, _ request: KafkaJoinGroup.Request, _ joiner: KafkaJoiner,
    _ answer: @escaping (KafkaJoinGroup.Response) -> Void
  ) {
    let member = KafkaGroupMember(
      id: id, instanceID: request.groupInstanceID, clientID: joiner.clientID,
      clientHost: joiner.clientHost, request.owned)
    member.charge = newcomer
    if members.isEmpty { protocolType = request.protocolType }
    if leaderID == nil { leaderID = id }
    members.append(member)
    if let instanceID = request.groupInstanceID { staticIDs[instanceID] = id }
    member.join = answer
    hasNewcomers = true
    renew(member)
    prepareRebalance()
  }

  private func update(
    _ member: KafkaGroupMember, _ request: KafkaJoinGroup.Request,
    _ answer: @escaping (KafkaJoinGroup.Response) -> Void
  ) {
    members.update(member) { $0.update(request.owned) }
    member.charge = newcomer
    member.join?(
      .with {
        $0.error = .rebalanceInProgress
        $0.memberID = member.id
      })
    member.join = answer
    renew(member)
    prepareRebalance()
  }

  /// A static member has come back under a new id: the old one is fenced. When it wants what it
  /// wanted before, the agreement stands and nobody else notices.
  private func replace(
    _ old: KafkaGroupMember, by id: String, _ request: KafkaJoinGroup.Request,
    _ joiner: KafkaJoiner, _ answer: @escaping (KafkaJoinGroup.Response) -> Void
  ) {
    old.session?.cancel()
    old.join?(
      .with {
        $0.error = .fencedInstanceID
        $0.memberID = old.id
      })
    old.sync?(.with { $0.error = .fencedInstanceID })
    let member = KafkaGroupMember(
      id: id, instanceID: old.instanceID, clientID: joiner.clientID,
      clientHost: joiner.clientHost, request.owned)
    member.isNew = old.isNew
    member.charge = newcomer
    member.assignment = old.assignment
    members.replace(old, by: member)
    if let instanceID = old.instanceID { staticIDs[instanceID] = id }
    let wasLeader = leaderID == old.id
    if wasLeader { leaderID = id }
    renew(member)
    let wantsTheSame =
      old.metadata(for: protocolName) == member.metadata(for: protocolName)
      && member.protocols.contains { $0.name == protocolName }
    guard state == .stable, wantsTheSame else {
      member.join = answer
      return prepareRebalance()
    }
    guard wasLeader else { return answer(joined(member)) }
    // It would assign anew, and the others not know; so it is told to leave things as they are, or,
    // where it cannot be told, that it is not the leader.
    var response = joined(member)
    if joiner.maySkipAssignment {
      response.skipAssignment = true
    } else {
      response.leader = old.id
      response.members = []
    }
    answer(response)
  }

  /// What a member is told at the end of a rebalance. Only the leader sees the others.
  func joined(_ member: KafkaGroupMember) -> KafkaJoinGroup.Response {
    .with { response in
      response.generationID = generation
      response.protocolType = protocolType
      response.protocolName = protocolName
      response.leader = leaderID ?? ""
      response.memberID = member.id
      guard member.id == leaderID else { return }
      response.members = members.map { each in
        .with {
          $0.memberID = each.id
          $0.groupInstanceID = each.instanceID
          $0.metadata = each.metadata(for: protocolName)
        }
      }
    }
  }
}

extension KafkaJoinGroup.Request {
  /// About how much of it is kept, in bytes.
  fileprivate var byteCount: Int {
    protocols.reduce(1_024) { $0 + 96 + $1.name.utf8.count + $1.metadata.readableBytes }
  }

  /// The same, without the frame it came in.
  var owned: Self {
    var copy = self
    for index in copy.protocols.indices {
      copy.protocols[index].metadata = copy.protocols[index].metadata.copied
    }
    return copy
  }
}
