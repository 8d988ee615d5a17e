import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  /// ConsumerGroupHeartbeat: a member joins, stays or leaves, and is told what to read.
  func consumerGroupHeartbeat(
    _ request: KafkaConsumerGroupHeartbeat.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    inTurn(of: tenant.consumerGroups.byName[request.groupID]?.members.count, call) {
      self.heartbeat(request, call, tenant)
    }
  }

  private func heartbeat(
    _ request: KafkaConsumerGroupHeartbeat.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    func refuse(_ refusal: KafkaRefusal) {
      call.answer(
        KafkaConsumerGroupHeartbeat.self,
        .with {
          $0.error = refusal.code
          $0.errorMessage = refusal.message
        })
    }
    guard !request.groupID.isEmpty else {
      return refuse(KafkaRefusal(.invalidRequest, "GroupId can't be empty."))
    }
    guard may(.read, group: request.groupID) else {
      return refuse(KafkaRefusal(.groupAuthorizationFailed, "not permitted"))
    }
    let classic = tenant.groups[request.groupID]
    guard classic == nil || request.memberEpoch == 0,
      tenant.shareGroups.byName[request.groupID] == nil
    else {
      return refuse(
        KafkaRefusal(
          .groupIDNotFound, "Group \(request.groupID) is not a consumer group."))
    }
    for name in request.subscribedTopicNames ?? [] {
      guard let topic = KafkaTopicCodec.canonical(Array(name.utf8)), mayRead(topic) else {
        return refuse(KafkaRefusal(.topicAuthorizationFailed, "not permitted to read \(name)"))
      }
    }
    var request = request
    if request.memberID.isEmpty, request.memberEpoch == 0 {
      request.memberID = KafkaUUID.random().description
    }
    let group: KafkaConsumerGroup
    do throws(KafkaRefusal) {
      group = try consumerGroup(request.groupID, insteadOf: classic, tenant)
    } catch {
      return refuse(error)
    }
    let result = group.heartbeat(
      request, clientID: clientID,
      clientHost: clientHost, principal: principal?.name ?? ""
    ) { [weak self] in self?.may(.describe, topicNamed: $0) }
    if let classic {
      guard case .success = result else {
        // Nobody has come, so it stays what it was.
        group.end()
        if case .failure(let refusal) = result { refuse(refusal) }
        return
      }
      tenant.replace(classic, by: group)
    }
    tenant.consumerGroups.write(group) { error in
      switch result {
      case .failure(let refusal): refuse(refusal)
      case .success where error != nil:
        refuse(KafkaRefusal(.coordinatorNotAvailable, "the group cannot be written down"))
      case .success(let response): call.answer(KafkaConsumerGroupHeartbeat.self, response)
      }
    }
  }

  /// The group that somebody speaks to by the consumer protocol.
  private func consumerGroup(
    _ name: String, insteadOf classic: KafkaGroup?, _ tenant: KafkaTenant
  ) throws(KafkaRefusal) -> KafkaConsumerGroup {
    if let classic, !classic.members.isEmpty { return try tenant.upgraded(classic) }
    let found =
      classic == nil ? tenant.consumerGroups.group(name) : tenant.consumerGroups.candidate(name)
    guard let found else { throw KafkaRefusal(.groupMaxSizeReached, "too many groups") }
    return found
  }

  /// ConsumerGroupDescribe.
  func consumerGroupDescribe(
    _ request: KafkaConsumerGroupDescribe.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    call.answer(
      KafkaConsumerGroupDescribe.self,
      .with { response in
        response.groups = request.groupIDs.map { name in
          .with {
            $0.groupID = name
            guard may(.describe, group: name) else {
              $0.error = .groupAuthorizationFailed
              return
            }
            guard let group = tenant.consumerGroups.byName[name] else {
              $0.error = name.isEmpty ? .invalidGroupID : .groupIDNotFound
              $0.errorMessage = "Group \(name) not found."
              return
            }
            let members = group.members.values
            guard
              maySee(
                members.map(\.subscription), members.flatMap { [$0.assigned, $0.target] }, tenant)
            else {
              $0.error = .topicAuthorizationFailed
              $0.errorMessage = Self.unseenTopics
              return
            }
            $0.groupState = group.state.rawValue
            $0.groupEpoch = group.epoch
            $0.assignmentEpoch = group.targetEpoch
            $0.assignorName = group.assignor.rawValue
            if request.includeAuthorizedOperations {
              $0.authorizedOperations = operations(onGroup: name)
            }
            $0.members = group.members.values.sorted { $0.id < $1.id }.map {
              Self.describe($0, tenant)
            }
          }
        }
      })
  }

  /// What is said of a group that reads what the client may not know of.
  static let unseenTopics =
    "The group has described topic(s) that the client is not authorized to describe."

  /// Whether the client may know of all topics that a group's members name and read.
  func maySee(
    _ topics: [Set<String>], _ places: [KafkaPlaces], _ tenant: KafkaTenant
  ) -> Bool {
    var names: Set<String> = []
    for topics in topics { names.formUnion(topics) }
    for places in places {
      names.formUnion(places.topics.compactMap { tenant.topic($0.id)?.name })
    }
    return names.allSatisfy { may(.describe, topicNamed: $0) }
  }

  private static func describe(
    _ member: KafkaConsumerMember, _ tenant: KafkaTenant
  ) -> KafkaConsumerGroupDescribe.Response.Member {
    func assignment(
      _ places: KafkaPlaces
    ) -> KafkaConsumerGroupDescribe.Response.Assignment {
      .with {
        $0.topicPartitions = places.topics.compactMap { id, partitions in
          tenant.topic(id).map { topic in
            .with {
              $0.topicID = id
              $0.topicName = topic.name
              $0.partitions = partitions
            }
          }
        }
      }
    }
    return .with {
      $0.memberID = member.id
      $0.instanceID = member.instanceID
      $0.rackID = member.rackID
      $0.memberEpoch = member.epoch
      $0.clientID = member.clientID
      $0.clientHost = member.clientHost
      $0.subscribedTopicNames = member.subscription.sorted()
      $0.subscribedTopicRegex = member.expression
      $0.assignment = assignment(member.assigned)
      $0.targetAssignment = assignment(member.target)
      $0.memberType = member.classic == nil ? 1 : 0
    }
  }
}
