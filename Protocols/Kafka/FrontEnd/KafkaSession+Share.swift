import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: Membership

  /// ShareGroupHeartbeat: a member joins, stays or leaves, and is told what to read.
  func shareGroupHeartbeat(
    _ request: KafkaShareGroupHeartbeat.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    inTurn(of: tenant.shareGroups.byName[request.groupID]?.members.count, call) {
      self.heartbeat(request, call, tenant)
    }
  }

  private func heartbeat(
    _ request: KafkaShareGroupHeartbeat.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    func refuse(_ refusal: KafkaRefusal) {
      call.answer(
        KafkaShareGroupHeartbeat.self,
        .with {
          $0.error = refusal.code
          $0.errorMessage = refusal.message
        })
    }
    guard may(.read, group: request.groupID) else {
      return refuse(KafkaRefusal(.groupAuthorizationFailed, "not permitted"))
    }
    if let refusal = tenant.refusalAsShareGroup(request.groupID) { return refuse(refusal) }
    for name in request.subscribedTopicNames ?? [] {
      guard let topic = KafkaTopicCodec.canonical(Array(name.utf8)), mayRead(topic) else {
        return refuse(KafkaRefusal(.topicAuthorizationFailed, "not permitted to read \(name)"))
      }
    }
    tenant.shareGroups.heartbeat(
      request, clientID: clientID,
      clientHost: clientHost
    ) { result in
      switch result {
      case .failure(let refusal): refuse(refusal)
      case .success(let response): call.answer(KafkaShareGroupHeartbeat.self, response)
      }
    }
  }

  /// ShareGroupDescribe.
  func shareGroupDescribe(
    _ request: KafkaShareGroupDescribe.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    call.answer(
      KafkaShareGroupDescribe.self,
      .with { response in
        response.groups = request.groupIDs.map { name in
          .with {
            $0.groupID = name
            guard may(.describe, group: name) else {
              $0.error = .groupAuthorizationFailed
              return
            }
            guard let group = tenant.shareGroups.byName[name] else {
              $0.error = name.isEmpty ? .invalidGroupID : .groupIDNotFound
              $0.errorMessage = "Group \(name) not found."
              return
            }
            let members = group.members.values
            guard maySee(members.map(\.topics), members.map(\.assigned), tenant) else {
              $0.error = .topicAuthorizationFailed
              $0.errorMessage = Self.unseenTopics
              return
            }
            $0.groupState = group.state
            $0.groupEpoch = group.epoch
            $0.assignmentEpoch = group.epoch
            $0.assignorName = KafkaShareGroup.assignor
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

  private static func describe(
    _ member: KafkaShareGroup.Member, _ tenant: KafkaTenant
  ) -> KafkaShareGroupDescribe.Response.Member {
    .with {
      $0.memberID = member.id
      $0.rackID = member.rackID
      $0.memberEpoch = member.epoch
      $0.clientID = member.clientID
      $0.clientHost = member.clientHost
      $0.subscribedTopicNames = member.topics.sorted()
      $0.assignment.topicPartitions = member.assigned.topics.compactMap { id, partitions in
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

  // MARK: ShareFetch

  /// ShareFetch: takes acknowledgements, then lends records as soon as there are some.
  func shareFetch(
    _ request: KafkaShareFetch.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    do throws(KafkaRefusal) {
      let job = try shareFetchJob(request, call, tenant)
      shareFetch = job
      job.begin()
    } catch {
      call.answer(
        KafkaShareFetch.self,
        .with {
          $0.error = error.code
          $0.errorMessage = error.message
        })
    }
  }

  private func shareFetchJob(
    _ request: KafkaShareFetch.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) throws(KafkaRefusal) -> KafkaShareFetchJob {
    guard may(.read, group: request.groupID ?? "") else {
      throw KafkaRefusal(.groupAuthorizationFailed, "not permitted")
    }
    let epoch = request.shareSessionEpoch
    let key = try Self.sessionKey(request.groupID, request.memberID, epoch)
    let said = request.topics.flatMap { topic in
      topic.partitions.map { partition in
        (
          KafkaPlace(topic: topic.topicID, partition: partition.partitionIndex),
          partition.acknowledgementBatches
        )
      }
    }
    func demand(_ holds: Bool, _ message: String) throws(KafkaRefusal) {
      guard holds else { throw KafkaRefusal(.invalidRequest, message) }
    }
    try demand(
      (0...KafkaShareFetchJob.limitsRecords).contains(request.shareAcquireMode),
      "There is no such acquire mode.")
    try demand(
      !request.isRenewAck
        || request.maxBytes == 0 && request.minBytes == 0 && request.maxRecords == 0
          && request.maxWaitMs == 0,
      "Records cannot be fetched together with renew acknowledgements.")
    try demand(
      epoch != 0 || said.allSatisfy { $0.1.isEmpty },
      "Acknowledgements are not possible with the first request of a session.")
    try demand(
      epoch != -1 || request.forgottenTopicsData.isEmpty,
      "Partitions cannot be forgotten with the last request of a session.")
    let session =
      epoch == 0
      ? try tenant.shareGroups.open(key, connection: connection.id)
      : try tenant.shareGroups.session(key, epoch: epoch)
    let group = tenant.shareGroups.byName[key.group]
    let acknowledged = acknowledge(
      said.filter { !$0.1.isEmpty }, key, isRenewAck: request.isRenewAck, tenant)
    if epoch == -1 {
      tenant.shareGroups.close(key, isHeard: true)
      return KafkaShareFetchJob(
        request, call, tenant, self, group: group, places: [], acknowledged: acknowledged)
    }
    for (place, _) in said { session.add(place) }
    session.remove(
      Set(
        request.forgottenTopicsData.flatMap { topic in
          topic.partitions.map { KafkaPlace(topic: topic.topicID, partition: $0) }
        }))
    try tenant.shareGroups.charge(session)
    return KafkaShareFetchJob(
      request, call, tenant, self, group: group, places: session.turned(),
      acknowledged: acknowledged)
  }

  private static func sessionKey(
    _ group: String?, _ member: String?, _ epoch: Int32
  ) throws(KafkaRefusal) -> KafkaShareSession.Key {
    guard let group, !group.isEmpty else {
      throw KafkaRefusal(.invalidRequest, "GroupId can't be empty.")
    }
    guard let member, (1...KafkaShareSession.memberBytesMax).contains(member.utf8.count) else {
      throw KafkaRefusal(
        .invalidRequest, "MemberId has 1 to \(KafkaShareSession.memberBytesMax) bytes.")
    }
    guard epoch >= -1 else {
      throw KafkaRefusal(.invalidShareSessionEpoch, "The share session epoch is invalid.")
    }
    return KafkaShareSession.Key(group: group, member: member)
  }

  // MARK: ShareAcknowledge

  /// ShareAcknowledge: answered when what it says lasts.
  func shareAcknowledge(
    _ request: KafkaShareAcknowledge.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let groups = tenant.shareGroups
    let key: KafkaShareSession.Key
    do throws(KafkaRefusal) {
      guard may(.read, group: request.groupID ?? "") else {
        throw KafkaRefusal(.groupAuthorizationFailed, "not permitted")
      }
      key = try Self.sessionKey(request.groupID, request.memberID, request.shareSessionEpoch)
      guard request.shareSessionEpoch != 0 else {
        throw KafkaRefusal(.invalidShareSessionEpoch, "The share session epoch is invalid.")
      }
      _ = try groups.session(key, epoch: request.shareSessionEpoch)
    } catch {
      return call.answer(
        KafkaShareAcknowledge.self,
        .with {
          $0.error = error.code
          $0.errorMessage = error.message
        })
    }
    let said = request.topics.flatMap { topic in
      topic.partitions.map { partition in
        (
          KafkaPlace(topic: topic.topicID, partition: partition.partitionIndex),
          partition.acknowledgementBatches
        )
      }
    }
    var acknowledged = acknowledge(said, key, isRenewAck: request.isRenewAck, tenant)
    let lockDuration = groups.rules(of: key.group).lockDuration
    if request.shareSessionEpoch == -1 { groups.close(key, isHeard: true) }
    groups.commit { [nodeID = server.values.nodeID] error in
      if error != nil { acknowledged.fail() }
      let results = Dictionary(grouping: acknowledged.results, by: \.0.topic)
      call.answer(
        KafkaShareAcknowledge.self,
        .with {
          $0.acquisitionLockTimeoutMs = Int32(clamping: lockDuration)
          $0.responses = results.map { topic, results in
            .with {
              $0.topicID = topic
              $0.partitions = results.map { place, refusal in
                .with {
                  $0.partitionIndex = place.partition
                  $0.error = refusal?.code ?? .noError
                  $0.errorMessage = refusal?.message
                  $0.currentLeader.leaderID = nodeID
                }
              }
            }
          }
        })
    }
  }

  /// Takes down acknowledgements. They last when `KafkaShareGroups.commit` says so.
  private func acknowledge(
    _ said: [(KafkaPlace, [KafkaAcknowledgementBatch])], _ key: KafkaShareSession.Key,
    isRenewAck: Bool, _ tenant: KafkaTenant
  ) -> KafkaShareAcknowledged {
    var acknowledged = KafkaShareAcknowledged()
    let group = tenant.shareGroups.byName[key.group]
    for (place, batches) in said {
      acknowledged.add(
        place, acknowledge(batches, at: place, by: key.member, group, isRenewAck, tenant))
    }
    return acknowledged
  }

  private func acknowledge(
    _ batches: [KafkaAcknowledgementBatch], at place: KafkaPlace, by member: String,
    _ group: KafkaShareGroup?, _ isRenewAck: Bool, _ tenant: KafkaTenant
  ) -> KafkaRefusal? {
    guard let topic = tenant.topic(place.topic), topic.partition(place.partition) != nil,
      let group, let partition = group.partitions[place]
    else { return KafkaRefusal(.unknownTopicOrPartition, "the group does not read it") }
    guard mayRead(topic.canonical) else {
      return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
    }
    let mayRenew = isRenewAck && group.rules.renews
    if let fault = KafkaSharePartition.fault(of: batches, mayRenew: mayRenew) {
      return KafkaRefusal(.invalidRequest, fault)
    }
    if let refusal = partition.acknowledge(
      batches, by: member, lockedFor: group.rules.lockDuration)
    {
      return refusal
    }
    tenant.shareGroups.write(partition, of: group)
    return nil
  }
}

extension KafkaTenant {
  /// Why no share group may have that name, if so: it is none, or a group of another protocol has
  /// it.
  func refusalAsShareGroup(_ name: String) -> KafkaRefusal? {
    guard (1...KafkaShareSession.groupBytesMax).contains(name.utf8.count) else {
      return KafkaRefusal(
        .invalidRequest, "GroupId has 1 to \(KafkaShareSession.groupBytesMax) bytes.")
    }
    guard shareGroups.byName[name] == nil else { return nil }
    guard
      groups[name] != nil || consumerGroups.byName[name] != nil
        || !tenant.cursors.positions(of: Self.cursorGroup(name)).isEmpty
    else { return nil }
    return KafkaRefusal(.groupIDNotFound, "Group \(name) is not a share group.")
  }
}
