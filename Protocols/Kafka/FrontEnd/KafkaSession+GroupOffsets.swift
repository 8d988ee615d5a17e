import GodwitEngine
import KafkaWire
import NIOCore

/// What is written beside a position: the epoch and the client's own note.
struct KafkaOffsetNote {
  var epoch: Int32
  var metadata: String

  init(epoch: Int32, metadata: String) {
    self.epoch = epoch
    self.metadata = metadata
  }

  init(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    epoch = parts.first.flatMap { Int32($0) } ?? -1
    metadata = parts.count > 1 ? String(parts[1]) : ""
  }

  var text: String { "\(epoch) \(metadata)" }
}

extension KafkaSession {
  // MARK: OffsetCommit

  /// OffsetCommit: answered when the positions last.
  func offsetCommit(
    _ request: KafkaOffsetCommit.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let refusal: KafkaErrorCode?
    if request.groupID.isEmpty {
      refusal = .invalidGroupID
    } else if !may(.read, group: request.groupID) {
      refusal = .groupAuthorizationFailed
    } else if let group = tenant.consumerGroups.byName[request.groupID] {
      // Older clients do not know the error for an epoch that has passed.
      let code = group.mayUsePositions(
        memberID: request.memberID, epoch: request.generationIDOrMemberEpoch)
      refusal =
        code == .staleMemberEpoch && call.header.version < 9 ? .unsupportedVersion : code
    } else if let group = tenant.groups[request.groupID] {
      refusal = group.mayCommit(
        generation: request.generationIDOrMemberEpoch, memberID: request.memberID,
        instanceID: request.groupInstanceID)
    } else if tenant.shareGroups.byName[request.groupID] != nil {
      refusal = .groupIDNotFound
    } else {
      refusal = request.generationIDOrMemberEpoch < 0 ? nil : .illegalGeneration
    }
    var marks: [String: Cursors.Mark] = [:]
    var response = KafkaOffsetCommit.Response()
    for topic in request.topics {
      var answer = KafkaOffsetCommit.Response.Topic()
      answer.name = topic.name
      for said in topic.partitions {
        var partition = KafkaOffsetCommit.Response.Partition()
        partition.partitionIndex = said.partitionIndex
        partition.error = refusal ?? take(said, topic.name, tenant, into: &marks) ?? .noError
        answer.partitions.append(partition)
      }
      response.topics.append(answer)
    }
    tenant.tenant.cursors.commit(marks, of: KafkaTenant.cursorGroup(request.groupID)) { error in
      if let error {
        let isSpent = error.code == .quotaExceeded
        response.topics.fail(
          isSpent ? .throttlingQuotaExceeded : .coordinatorNotAvailable, in: \.partitions, \.error)
      }
      call.answer(KafkaOffsetCommit.self, response)
    }
  }

  private func take(
    _ said: KafkaOffsetCommit.Request.Partition, _ name: String, _ tenant: KafkaTenant,
    into marks: inout [String: Cursors.Mark]
  ) -> KafkaErrorCode? {
    guard let topic = tenant.topic(name), let partition = topic.partition(said.partitionIndex)
    else {
      return unknown(name, .read)
    }
    guard mayRead(topic.canonical) else { return .topicAuthorizationFailed }
    let metadata = said.committedMetadata ?? ""
    guard metadata.utf8.count <= server.values.offsetNoteBytesMax else {
      return .offsetMetadataTooLarge
    }
    guard said.committedOffset >= 0 else { return .invalidCommitOffsetSize }
    marks[partition.partition.name] = (
      UInt64(said.committedOffset),
      KafkaOffsetNote(epoch: said.committedLeaderEpoch, metadata: metadata).text
    )
    return nil
  }

  // MARK: OffsetFetch

  /// One partition of an answer, in whichever form.
  private struct Position {
    var index: Int32
    var offset: Int64 = -1
    var epoch: Int32 = -1
    var metadata = ""
    var error: KafkaErrorCode = .noError
  }

  /// OffsetFetch: of one group, or of several from version 8 on.
  func offsetFetch(_ request: KafkaOffsetFetch.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    var response = KafkaOffsetFetch.Response()
    if call.header.version < 8 {
      let wanted = request.topics?.map { ($0.name, $0.partitionIndexes) }
      guard may(.describe, group: request.groupID) else {
        return call.answer(KafkaOffsetFetch.self, Self.denied(request))
      }
      response.topics = positions(
        of: request.groupID, wanted, isStable: request.requireStable, tenant
      ).map { name, positions in
        .with {
          $0.name = name
          $0.partitions = positions.map { position in
            .with {
              $0.partitionIndex = position.index
              $0.committedOffset = position.offset
              $0.committedLeaderEpoch = position.epoch
              $0.metadata = position.metadata
              $0.error = position.error
            }
          }
        }
      }
    } else {
      response.groups = request.groups.map { group in
        let wanted = group.topics?.map { ($0.name, $0.partitionIndexes) }
        return .with {
          $0.groupID = group.groupID
          guard may(.describe, group: group.groupID) else {
            $0.error = .groupAuthorizationFailed
            return
          }
          if let memberID = group.memberID, group.memberEpoch >= 0,
            let error = tenant.consumerGroups.byName[group.groupID]?.mayUsePositions(
              memberID: memberID, epoch: group.memberEpoch)
          {
            $0.error = error
            return
          }
          $0.topics = positions(
            of: group.groupID, wanted, isStable: request.requireStable, tenant
          ).map { name, positions in
            .with {
              $0.name = name
              $0.partitions = positions.map { position in
                .with {
                  $0.partitionIndex = position.index
                  $0.committedOffset = position.offset
                  $0.committedLeaderEpoch = position.epoch
                  $0.metadata = position.metadata
                  $0.error = position.error
                }
              }
            }
          }
        }
      }
    }
    call.answer(KafkaOffsetFetch.self, response)
  }

  /// The answer, before version 8, to who may not see the group.
  private static func denied(_ request: KafkaOffsetFetch.Request) -> KafkaOffsetFetch.Response {
    .with {
      $0.error = .groupAuthorizationFailed
      $0.topics = (request.topics ?? []).map { topic in
        .with {
          $0.name = topic.name
          $0.partitions = topic.partitionIndexes.map { index in
            .with {
              $0.partitionIndex = index
              $0.committedOffset = -1
              $0.error = .groupAuthorizationFailed
            }
          }
        }
      }
    }
  }

  /// - Parameters:
  ///   - wanted: topics and partitions; `nil` for all that have a position.
  ///   - isStable: whether to wait for transactions that are about to commit a position.
  private func positions(
    of group: String, _ wanted: [(String, [Int32])]?, isStable: Bool, _ tenant: KafkaTenant
  ) -> [(String, [Position])] {
    let held = isStable ? tenant.transactions.places(heldFor: group) : []
    let known = tenant.tenant.cursors.positions(of: KafkaTenant.cursorGroup(group))
    func position(_ topic: KafkaTopic, _ partition: KafkaPartition) -> Position? {
      if held.contains(KafkaPlace(topic: topic.id, partition: partition.index)) {
        return Position(index: partition.index, error: .unstableOffsetCommit)
      }
      guard let found = known[partition.partition.name] else { return nil }
      let note = KafkaOffsetNote(found.note)
      return Position(
        index: partition.index, offset: Int64(clamping: found.offset), epoch: note.epoch,
        metadata: note.metadata)
    }
    guard let wanted else {
      return tenant.allTopics.filter { may(.describe, $0.canonical) }.compactMap { topic in
        let found = topic.partitions.compactMap { position(topic, $0) }
        return found.isEmpty ? nil : (topic.name, found)
      }
    }
    return wanted.map { name, indexes in
      let topic = tenant.topic(name)
      let isDenied = topic.map { !may(.describe, $0.canonical) } ?? false
      return (
        name,
        indexes.map { index in
          if isDenied { return Position(index: index, error: .topicAuthorizationFailed) }
          guard let topic, let partition = topic.partition(index) else {
            return Position(index: index)
          }
          return position(topic, partition) ?? Position(index: index)
        }
      )
    }
  }

  // MARK: OffsetDelete

  /// OffsetDelete: of topics that the group does not read now.
  func offsetDelete(
    _ request: KafkaOffsetDelete.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaOffsetDelete.Response()
    let cursors = tenant.tenant.cursors
    let group = tenant.groups[request.groupID]
    let name = KafkaTenant.cursorGroup(request.groupID)
    var logs: Set<String> = []
    if !may(.delete, group: request.groupID) {
      response.error = .groupAuthorizationFailed
    } else if group == nil, cursors.positions(of: name).isEmpty {
      response.error = .groupIDNotFound
    } else if let group, !group.members.isEmpty, group.protocolType != "consumer" {
      response.error = .nonEmptyGroup
    } else {
      let read: Set<String>?
      if let group {
        read = group.subscribedTopics
      } else {
        read = tenant.consumerGroups.byName[request.groupID]?.subscribedTopics ?? []
      }
      for topic in request.topics {
        let isRead = read?.contains(topic.name) ?? true
        response.topics.append(
          .with {
            $0.name = topic.name
            $0.partitions = topic.partitions.map { said in
              .with {
                $0.partitionIndex = said.partitionIndex
                guard !isRead else {
                  $0.error = .groupSubscribedToTopic
                  return
                }
                guard let found = tenant.topic(topic.name),
                  let partition = found.partition(said.partitionIndex)
                else {
                  $0.error = unknown(topic.name, .read)
                  return
                }
                guard mayRead(found.canonical) else {
                  $0.error = .topicAuthorizationFailed
                  return
                }
                logs.insert(partition.partition.name)
              }
            }
          })
      }
    }
    cursors.remove(logs, of: name) { error in
      if error != nil { response.error = .coordinatorNotAvailable }
      call.answer(KafkaOffsetDelete.self, response)
    }
  }
}

extension MutableCollection {
  /// Refuses what of an answer about topics was not refused before.
  mutating func fail<Partition>(
    _ code: KafkaErrorCode, in partitions: WritableKeyPath<Element, [Partition]>,
    _ error: WritableKeyPath<Partition, KafkaErrorCode>
  ) {
    for topic in indices {
      for index in self[topic][keyPath: partitions].indices
      where self[topic][keyPath: partitions][index][keyPath: error] == .noError {
        self[topic][keyPath: partitions][index][keyPath: error] = code
      }
    }
  }
}
