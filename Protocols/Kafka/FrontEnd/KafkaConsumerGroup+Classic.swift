import KafkaWire
import NIOCore

/// What members of a consumer group ask who speak the classic protocol (KIP-848, migration): each
/// is answered at once, and its epoch is its generation. It joins when it is asked to, says then
/// what it has, and is told what it may read when it asks for its assignment. It never leads.
extension KafkaConsumerGroup {
  /// The protocol type of members that can be carried over.
  static let classicType = "consumer"

  /// Whether there are members, and all of them speak the classic protocol.
  var hasOnlyClassicMembers: Bool {
    !members.isEmpty && members.values.allSatisfy { $0.classic != nil }
  }

  // MARK: JoinGroup

  /// JoinGroup: a member joins, or joins again, and makes a step towards what it is to read.
  ///
  /// - Parameter makeID: makes a part of a member id that nobody has.
  func join(
    _ request: KafkaJoinGroup.Request, as joiner: KafkaJoiner, makeID: () -> String
  ) -> KafkaJoinGroup.Response {
    do throws(KafkaRefusal) {
      let subscription = try check(request)
      if request.memberID.isEmpty, request.groupInstanceID == nil, joiner.takesIDFirst {
        return .with {
          $0.error = .memberIDRequired
          $0.memberID = joiner.newID(request, unique: makeID())
        }
      }
      let member = try speaker(request) { joiner.newID(request, unique: makeID()) }
      let isNew = members[member.id] == nil
      member.clientID = joiner.clientID
      member.clientHost = joiner.clientHost
      try take(request.owned, subscription, into: member)
      if isNew {
        add(member)
        changeEpoch()
      }
      lookAtTopics()
      // Others stay with what they have until there is memory again.
      if epoch > targetEpoch, !assign(), isNew {
        remove(member)
        throw KafkaRefusal(.groupMaxSizeReached)
      }
      _ = advance(member, having: places(subscription.ownedPartitions))
      member.revocation?.cancel()
      member.revocation = nil
      hurry(member)
      return .with {
        $0.memberID = member.id
        $0.generationID = member.epoch
        $0.protocolType = Self.classicType
        $0.protocolName = member.classic?.protocols.first?.name
      }
    } catch {
      return .with {
        $0.error = error.code
        $0.memberID = request.memberID
      }
    }
  }

  /// Whether it could be a member of this group.
  private func check(
    _ request: KafkaJoinGroup.Request
  ) throws(KafkaRefusal) -> KafkaConsumerProtocol.Subscription {
    guard rules.classicTimeouts.contains(Int(request.sessionTimeoutMs)) else {
      throw KafkaRefusal(.invalidSessionTimeout)
    }
    let isKnown =
      members[request.memberID] != nil
      || request.groupInstanceID.map { staticIDs[$0] != nil } ?? false
    guard isKnown || members.count < rules.sizeMax else {
      throw KafkaRefusal(.groupMaxSizeReached)
    }
    var common = Set(request.protocols.map(\.name))
    for other in members.values where other.id != request.memberID && !common.isEmpty {
      guard let classic = other.classic else { continue }
      common.formIntersection(classic.protocols.map(\.name))
    }
    guard request.protocolType == Self.classicType, !common.isEmpty,
      let first = request.protocols.first,
      let subscription = try? KafkaConsumerProtocol.decode(
        KafkaConsumerProtocol.Subscription.self, first.metadata)
    else {
      throw KafkaRefusal(.inconsistentGroupProtocol)
    }
    return subscription
  }

  /// Who joins: somebody known, or somebody new, who is no member yet.
  private func speaker(
    _ request: KafkaJoinGroup.Request, makeID: () -> String
  ) throws(KafkaRefusal) -> KafkaConsumerMember {
    let old = request.groupInstanceID.flatMap { staticIDs[$0] }.flatMap { members[$0] }
    if let old {
      if request.memberID == old.id { return old }
      guard request.memberID.isEmpty else { throw KafkaRefusal(.fencedInstanceID) }
      return replace(old, by: makeID())
    }
    if let member = members[request.memberID] { return member }
    guard request.groupInstanceID == nil || request.memberID.isEmpty else {
      throw KafkaRefusal(.unknownMemberID)
    }
    let made = KafkaConsumerMember(id: request.memberID.isEmpty ? makeID() : request.memberID)
    made.instanceID = request.groupInstanceID
    return made
  }

  private func take(
    _ request: KafkaJoinGroup.Request, _ subscription: KafkaConsumerProtocol.Subscription,
    into member: KafkaConsumerMember
  ) throws(KafkaRefusal) {
    let before = (classic: member.classic, charge: member.charge)
    member.classic = KafkaConsumerMember.Classic(
      sessionTimeout: Int(request.sessionTimeoutMs), protocols: request.protocols)
    let names = Set(subscription.topics)
    member.charge = rules.reserve(member.byteCount(names, "", subscription.rackID))
    guard member.charge != nil else {
      (member.classic, member.charge) = before
      throw KafkaRefusal(.groupMaxSizeReached)
    }
    member.rebalanceTimeout = max(1, KafkaGroupMember.rebalanceTimeout(of: request))
    member.rackID = subscription.rackID
    member.assignor = nil
    if member.topics != names || member.expression != nil { generation = nil }
    member.topics = names
    member.expression = nil
    changes.members.insert(member.id)
  }

  /// Those of what a member names that there are.
  func places(_ topics: [KafkaConsumerProtocol.Topic]) -> Set<KafkaPlace> {
    var found: Set<KafkaPlace> = []
    for said in topics {
      guard let topic = known.find(said.topic) else { continue }
      for index in said.partitions where index >= 0 && index < topic.partitions {
        found.insert(KafkaPlace(topic: topic.id, partition: index))
      }
    }
    return found
  }

  // MARK: SyncGroup

  /// SyncGroup: says what a member may read now.
  func sync(_ request: KafkaSyncGroup.Request) -> KafkaSyncGroup.Response {
    do throws(KafkaRefusal) {
      let member = try find(request.memberID, instanceID: request.groupInstanceID)
      guard request.generationID == member.epoch else {
        throw KafkaRefusal(.illegalGeneration)
      }
      let name = member.classic?.protocols.first?.name
      guard request.protocolType ?? Self.classicType == Self.classicType,
        request.protocolName == nil || request.protocolName == name
      else {
        throw KafkaRefusal(.inconsistentGroupProtocol)
      }
      // Who has to give something up hears first what it may keep.
      guard epoch == member.epoch || member.state == .revoking else {
        hurry(member)
        throw KafkaRefusal(.rebalanceInProgress)
      }
      member.revocation?.cancel()
      member.revocation = nil
      renew(member)
      return .with {
        $0.protocolType = Self.classicType
        $0.protocolName = name
        $0.assignment = assignment(of: member)
      }
    } catch {
      return .with { $0.error = error.code }
    }
  }

  /// What a member may read, in the form in which the leader of a classic group would say it.
  func assignment(of member: KafkaConsumerMember) -> ByteBuffer {
    let names = Dictionary(topics.map { ($0.value.id, $0.key) }, uniquingKeysWith: { $1 })
    let assignment = KafkaConsumerProtocol.Assignment.with {
      $0.assignedPartitions = member.assigned.topics.compactMap { id, partitions in
        names[id].map { name in
          .with {
            $0.topic = name
            $0.partitions = partitions
          }
        }
      }
    }
    // In the version that the member spoke.
    let said = member.classic?.protocols.first?.metadata
    let version = said.flatMap { $0.getInteger(at: $0.readerIndex, as: Int16.self) } ?? 0
    let known = min(max(version, 0), KafkaConsumerProtocol.versionMax)
    return (try? KafkaConsumerProtocol.encode(assignment, version: known)) ?? ByteBuffer()
  }

  // MARK: Heartbeat and LeaveGroup

  /// Heartbeat: says whether the member is to join again.
  func heartbeat(_ request: KafkaHeartbeat.Request) -> KafkaErrorCode {
    do throws(KafkaRefusal) {
      let member = try find(request.memberID, instanceID: request.groupInstanceID)
      guard request.generationID == member.epoch else {
        throw KafkaRefusal(.illegalGeneration)
      }
      renew(member)
      let isBehind =
        switch member.state {
        case .stable: epoch != member.epoch
        case .revoking: true
        // As soon as it can have all.
        case .waiting:
          epoch != member.epoch
            || member.target.subtracting(member.assigned).intersection(owned).isEmpty
        }
      guard isBehind else { return .noError }
      hurry(member)
      return .rebalanceInProgress
    } catch {
      return error.code
    }
  }

  /// LeaveGroup, for one of those who leave.
  func leave(_ id: String, instanceID: String?) -> KafkaErrorCode {
    do throws(KafkaRefusal) {
      // An administrator names the instance only.
      let known = id.isEmpty ? instanceID.flatMap { staticIDs[$0] } ?? "" : id
      remove(try find(known, instanceID: instanceID))
      return .noError
    } catch {
      return error.code
    }
  }

  /// A member that speaks the classic protocol.
  private func find(
    _ id: String, instanceID: String?
  ) throws(KafkaRefusal) -> KafkaConsumerMember {
    if let instanceID {
      guard let known = staticIDs[instanceID] else { throw KafkaRefusal(.unknownMemberID) }
      guard known == id else { throw KafkaRefusal(.fencedInstanceID) }
    }
    guard let member = members[id], member.classic != nil else {
      throw KafkaRefusal(.unknownMemberID)
    }
    return member
  }
}
