import KafkaWire
import NIOCore

/// Which groups may go on by the other protocol while they have members (KIP-848): Kafka's
/// `group.consumer.migration.policy`.
enum KafkaGroupMigration: String, CaseIterable {
  case disabled
  case upgrade
  case downgrade
  case bidirectional

  /// Whether a classic group becomes one of the consumer protocol when somebody joins by that.
  var allowsUpgrade: Bool { self == .upgrade || self == .bidirectional }

  /// Whether it becomes a classic one again when the last of these has gone.
  var allowsDowngrade: Bool { self == .downgrade || self == .bidirectional }
}

extension KafkaConsumerGroup {
  /// Takes over the members of a classic group, with what they read. They hear of it when they are
  /// asked to join again: somebody else is about to.
  func takeOver(_ classic: KafkaGroup) throws(KafkaRefusal) {
    guard classic.protocolType == Self.classicType, classic.members.count <= rules.sizeMax else {
      throw KafkaRefusal(.groupIDNotFound, "Group \(name) is not a consumer group.")
    }
    epoch = classic.generation
    targetEpoch = classic.generation
    for member in classic.members { add(try carriedOver(member, of: classic)) }
    guard resume() else { throw Self.memoryIsSpent }
    changes.isChanged = true
    changes.members = Set(members.keys)
  }

  private func carriedOver(
    _ member: KafkaGroupMember, of group: KafkaGroup
  ) throws(KafkaRefusal) -> KafkaConsumerMember {
    let made = KafkaConsumerMember(id: member.id)
    do throws(KafkaWireError) {
      let subscription = try KafkaConsumerProtocol.decode(
        KafkaConsumerProtocol.Subscription.self,
        member.metadata(for: group.protocolName ?? member.protocols.first?.name))
      made.topics = Set(subscription.topics)
      made.rackID = subscription.rackID
      if member.assignment.readableBytes > 0 {
        let assignment = try KafkaConsumerProtocol.decode(
          KafkaConsumerProtocol.Assignment.self, member.assignment)
        made.assigned = KafkaPlaces(places(assignment.assignedPartitions))
      }
    } catch {
      throw KafkaRefusal(
        .groupIDNotFound,
        "Cannot upgrade the classic group \(name): what a member says cannot be read.")
    }
    made.instanceID = member.instanceID
    made.clientID = member.clientID
    made.clientHost = member.clientHost
    made.subscription = made.topics
    made.rebalanceTimeout = max(1, member.rebalanceTimeout)
    made.classic = KafkaConsumerMember.Classic(
      sessionTimeout: member.sessionTimeout, protocols: member.protocols)
    made.epoch = group.generation
    made.previousEpoch = group.generation
    made.target = made.assigned
    return made
  }
}

extension KafkaGroup {
  /// Its members go on in another group. Who waits for an answer is to join again.
  func dissolve() {
    for member in members {
      let (join, sync) = (member.join, member.sync)
      member.join = nil
      member.sync = nil
      join?(
        .with {
          $0.error = .rebalanceInProgress
          $0.memberID = member.id
        })
      sync?(.with { $0.error = .rebalanceInProgress })
    }
    end()
  }

  /// Takes over the members of a consumer group, all of which speak the classic protocol, with what
  /// they read. They agree anew.
  func takeOver(_ group: KafkaConsumerGroup) {
    generation = group.targetEpoch
    protocolType = KafkaConsumerGroup.classicType
    for member in group.members.values.sorted(by: { $0.id < $1.id }) {
      guard let classic = member.classic else { continue }
      let made = KafkaGroupMember(
        id: member.id, instanceID: member.instanceID, clientID: member.clientID,
        clientHost: member.clientHost,
        .with {
          $0.sessionTimeoutMs = Int32(clamping: classic.sessionTimeout)
          $0.rebalanceTimeoutMs = Int32(clamping: member.rebalanceTimeout)
          $0.protocols = classic.protocols
        })
      made.isNew = false
      made.ownGeneration = member.epoch
      made.charge = member.charge
      made.assignment = group.assignment(of: member)
      members.append(made)
      if let instance = member.instanceID { staticIDs[instance] = member.id }
      renew(made)
    }
    leaderID = members.first?.id
    protocolName = vote()
    state = .stable
    prepareRebalance()
  }
}
