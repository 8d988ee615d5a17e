import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: FindCoordinator

  /// FindCoordinator: this broker, for everything.
  func findCoordinator(_ request: KafkaFindCoordinator.Request, _ call: KafkaCall) {
    let (host, port) = advertised
    var response = KafkaFindCoordinator.Response()
    // Groups and transactions; from version 6 on, share-partitions as well, which are called
    // `group:topic:partition`.
    func error(_ key: String) -> KafkaErrorCode {
      switch request.keyType {
      case 0: may(.describe, group: key) ? .noError : .groupAuthorizationFailed
      case 2 where call.header.version >= 6:
        may(.describe, group: Self.group(ofSharePartition: key))
          ? .noError : .groupAuthorizationFailed
      case 1: may(.describe, transaction: key) ? .noError : .transactionalIDAuthorizationFailed
      default: .invalidRequest
      }
    }
    if call.header.version < 4 {
      let error = error(request.key)
      response.error = error
      response.nodeID = error == .noError ? server.values.nodeID : -1
      response.host = error == .noError ? host : ""
      response.port = error == .noError ? port : -1
    } else {
      response.coordinators = request.coordinatorKeys.map { key in
        let error = error(key)
        return .with {
          $0.key = key
          $0.error = error
          $0.nodeID = error == .noError ? server.values.nodeID : -1
          $0.host = error == .noError ? host : ""
          $0.port = error == .noError ? port : -1
        }
      }
    }
    call.answer(KafkaFindCoordinator.self, response)
  }

  /// The group in the name of a share-partition, which may have colons of its own.
  private static func group(ofSharePartition key: String) -> String {
    key.split(separator: ":", omittingEmptySubsequences: false).dropLast(2).joined(separator: ":")
  }

  // MARK: Membership

  /// JoinGroup.
  func joinGroup(_ request: KafkaJoinGroup.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    inTurn(of: tenant.consumerGroups.byName[request.groupID]?.members.count, call) {
      self.join(request, call, tenant)
    }
  }

  private func join(_ request: KafkaJoinGroup.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    func refuse(_ error: KafkaErrorCode) {
      call.answer(
        KafkaJoinGroup.self,
        .with {
          $0.error = error
          $0.memberID = request.memberID
        })
    }
    guard !request.groupID.isEmpty else { return refuse(.invalidGroupID) }
    guard may(.read, group: request.groupID) else { return refuse(.groupAuthorizationFailed) }
    guard tenant.shareGroups.byName[request.groupID] == nil else {
      return refuse(.inconsistentGroupProtocol)
    }
    let joiner = KafkaJoiner(
      clientID: clientID,
      clientHost: clientHost, takesIDFirst: call.header.version >= 4,
      maySkipAssignment: call.header.version >= 9)
    if let group = tenant.consumerGroups.byName[request.groupID] {
      let response = group.join(request, as: joiner) { KafkaUUID.random().description }
      return tenant.consumerGroups.write(group) { error in
        guard error == nil else { return refuse(.coordinatorNotAvailable) }
        call.answer(KafkaJoinGroup.self, response)
      }
    }
    let known = tenant.groups[request.groupID]
    guard known != nil || request.memberID.isEmpty else { return refuse(.unknownMemberID) }
    guard let group = known ?? tenant.makeGroup(request.groupID) else {
      return refuse(.groupMaxSizeReached)
    }
    group.join(request, as: joiner) { call.answerInTurn(KafkaJoinGroup.self, $0) }
    if group.members.isEmpty, group.pending.isEmpty { tenant.drop(request.groupID) }
  }

  /// SyncGroup.
  func syncGroup(_ request: KafkaSyncGroup.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    guard may(.read, group: request.groupID) else {
      return call.answer(KafkaSyncGroup.self, .with { $0.error = .groupAuthorizationFailed })
    }
    if let group = tenant.consumerGroups.byName[request.groupID] {
      return call.answer(KafkaSyncGroup.self, group.sync(request))
    }
    guard let group = tenant.groups[request.groupID] else {
      return call.answer(
        KafkaSyncGroup.self,
        .with { $0.error = request.groupID.isEmpty ? .invalidGroupID : .unknownMemberID })
    }
    group.sync(request) { call.answerInTurn(KafkaSyncGroup.self, $0) }
  }

  /// Heartbeat.
  func heartbeat(_ request: KafkaHeartbeat.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    guard may(.read, group: request.groupID) else {
      return call.answer(KafkaHeartbeat.self, .with { $0.error = .groupAuthorizationFailed })
    }
    let error =
      tenant.groups[request.groupID]?.heartbeat(request)
      ?? tenant.consumerGroups.byName[request.groupID]?.heartbeat(request)
      ?? (request.groupID.isEmpty ? .invalidGroupID : .unknownMemberID)
    call.answer(KafkaHeartbeat.self, .with { $0.error = error })
  }

  /// LeaveGroup: one member, or several from version 3 on.
  func leaveGroup(_ request: KafkaLeaveGroup.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    var response = KafkaLeaveGroup.Response()
    guard !request.groupID.isEmpty else {
      response.error = .invalidGroupID
      return call.answer(KafkaLeaveGroup.self, response)
    }
    guard may(.read, group: request.groupID) else {
      response.error = .groupAuthorizationFailed
      return call.answer(KafkaLeaveGroup.self, response)
    }
    let modern = tenant.consumerGroups.byName[request.groupID]
    let classic = tenant.groups[request.groupID]
    func leave(_ id: String, _ instanceID: String?) -> KafkaErrorCode {
      modern?.leave(id, instanceID: instanceID) ?? classic?.leave(id, instanceID: instanceID)
        ?? .unknownMemberID
    }
    if call.header.version < 3 {
      response.error = leave(request.memberID, nil)
    } else {
      response.members = request.members.map { said in
        .with {
          $0.memberID = said.memberID
          $0.groupInstanceID = said.groupInstanceID
          $0.error = leave(said.memberID, said.groupInstanceID)
        }
      }
    }
    guard let modern else { return call.answer(KafkaLeaveGroup.self, response) }
    tenant.consumerGroups.write(modern) { error in
      if error != nil { response.error = .coordinatorNotAvailable }
      call.answer(KafkaLeaveGroup.self, response)
    }
  }

  // MARK: Looking and removing

  /// ListGroups.
  func listGroups(_ request: KafkaListGroups.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    func group(
      _ name: String, _ type: String, _ state: String, protocolType: String
    ) -> KafkaListGroups.Response.Group {
      .with {
        $0.groupID = name
        $0.protocolType = protocolType
        $0.groupState = state
        $0.groupType = type
      }
    }
    var groups = tenant.groups.values.map {
      group($0.name, "classic", $0.state.rawValue, protocolType: $0.protocolType ?? "")
    }
    groups += tenant.consumerGroups.byName.values.map {
      group($0.name, "consumer", $0.state.rawValue, protocolType: "consumer")
    }
    groups += tenant.shareGroups.byName.values.map {
      group($0.name, "share", $0.state, protocolType: "share")
    }
    groups += tenant.restingGroups.map {
      group($0, "classic", KafkaGroup.State.empty.rawValue, protocolType: "")
    }
    let states = Set(request.statesFilter.map { $0.lowercased() })
    let types = Set(request.typesFilter.map { $0.lowercased() })
    groups.removeAll {
      (!states.isEmpty && !states.contains($0.groupState.lowercased()))
        || (!types.isEmpty && !types.contains($0.groupType))
    }
    if !maySeeAllGroups { groups.removeAll { !may(.describe, group: $0.groupID) } }
    groups.sort { $0.groupID < $1.groupID }
    call.answer(KafkaListGroups.self, .with { $0.groups = groups })
  }

  /// DescribeGroups.
  func describeGroups(
    _ request: KafkaDescribeGroups.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDescribeGroups.Response()
    for name in request.groups {
      var answer = KafkaDescribeGroups.Response.Group()
      answer.groupID = name
      if !may(.describe, group: name) {
        answer.error = .groupAuthorizationFailed
      } else if let group = tenant.groups[name] {
        describe(group, &answer)
      } else if tenant.consumerGroups.byName[name] != nil || tenant.shareGroups.byName[name] != nil
      {
        answer.groupState = KafkaGroup.State.dead.rawValue
        if call.header.version >= 6 {
          answer.error = .groupIDNotFound
          answer.errorMessage = "Group \(name) is not a classic group."
        }
      } else if !tenant.tenant.cursors.positions(of: KafkaTenant.cursorGroup(name)).isEmpty {
        answer.groupState = KafkaGroup.State.empty.rawValue
      } else {
        answer.groupState = KafkaGroup.State.dead.rawValue
        if call.header.version >= 6 {
          answer.error = .groupIDNotFound
          answer.errorMessage = "no such group"
        }
      }
      if request.includeAuthorizedOperations {
        answer.authorizedOperations = operations(onGroup: name)
      }
      response.groups.append(answer)
    }
    call.answer(KafkaDescribeGroups.self, response)
  }

  private func describe(
    _ group: KafkaGroup, _ answer: inout KafkaDescribeGroups.Response.Group
  ) {
    answer.groupState = group.state.rawValue
    answer.protocolType = group.protocolType ?? ""
    let isStable = group.state == .stable
    answer.protocolData = isStable ? group.protocolName ?? "" : ""
    answer.members = group.members.map { member in
      .with {
        $0.memberID = member.id
        $0.groupInstanceID = member.instanceID
        $0.clientID = member.clientID
        $0.clientHost = member.clientHost
        guard isStable else { return }
        $0.memberMetadata = member.metadata(for: group.protocolName)
        $0.memberAssignment = member.assignment
      }
    }
  }

  /// DeleteGroups: those without members, with their positions.
  func deleteGroups(
    _ request: KafkaDeleteGroups.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDeleteGroups.Response()
    response.results = request.groupsNames.map { name in .with { $0.groupID = name } }
    var left = 1
    let done = { (index: Int?, error: KafkaErrorCode) in
      if let index { response.results[index].error = error }
      left -= 1
      if left == 0 { call.answer(KafkaDeleteGroups.self, response) }
    }
    for (index, name) in request.groupsNames.enumerated() {
      left += 1
      delete(name, tenant) { done(index, $0) }
    }
    done(nil, .noError)
  }

  private func delete(
    _ name: String, _ tenant: KafkaTenant, _ done: @escaping (KafkaErrorCode) -> Void
  ) {
    guard mayDelete(group: name, tenant) else { return done(.groupAuthorizationFailed) }
    guard tenant.groups[name]?.members.isEmpty != false,
      tenant.consumerGroups.byName[name] == nil,
      tenant.shareGroups.byName[name]?.members.isEmpty != false
    else {
      return done(.nonEmptyGroup)
    }
    if let group = tenant.shareGroups.byName[name] {
      return tenant.shareGroups.delete(group) { done($0) }
    }
    let cursors = tenant.tenant.cursors
    let group = KafkaTenant.cursorGroup(name)
    guard tenant.groups[name] != nil || !cursors.positions(of: group).isEmpty else {
      return done(.groupIDNotFound)
    }
    tenant.drop(name)
    cursors.removeAll(of: group) { done($0 == nil ? .noError : .coordinatorNotAvailable) }
  }

  /// Whether the client may delete a group with its positions: what it may not read, by the
  /// settings, it shall not forget for others either.
  private func mayDelete(group: String, _ tenant: KafkaTenant) -> Bool {
    guard may(.delete, group: group) else { return false }
    guard principal?.permissions != nil else { return true }
    let positions = tenant.tenant.cursors.positions(of: KafkaTenant.cursorGroup(group))
    return tenant.allTopics.allSatisfy { topic in
      !topic.partitions.contains { positions[$0.partition.name] != nil }
        || mayRead(topic.canonical)
    }
  }
}
