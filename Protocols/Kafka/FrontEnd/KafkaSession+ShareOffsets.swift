import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: DescribeShareGroupOffsets

  /// DescribeShareGroupOffsets.
  func describeShareGroupOffsets(
    _ request: KafkaDescribeShareGroupOffsets.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    call.answer(
      KafkaDescribeShareGroupOffsets.self,
      .with { response in
        response.groups = request.groups.map { said in
          .with {
            $0.groupID = said.groupID
            guard may(.describe, group: said.groupID) else {
              $0.error = .groupAuthorizationFailed
              return
            }
            guard let group = tenant.shareGroups.byName[said.groupID] else {
              $0.error = .groupIDNotFound
              $0.errorMessage = "Group \(said.groupID) not found."
              return
            }
            $0.topics = describe(said.topics, of: group, tenant)
          }
        }
      })
  }

  private func describe(
    _ said: [KafkaDescribeShareGroupOffsets.Request.Topic]?, of group: KafkaShareGroup,
    _ tenant: KafkaTenant
  ) -> [KafkaDescribeShareGroupOffsets.Response.Topic] {
    let wanted: [(name: String, partitions: [Int32])]
    if let said {
      wanted = said.map { ($0.topicName, $0.partitions) }
    } else {
      wanted = Dictionary(grouping: group.partitions.keys, by: \.topic).compactMap { id, places in
        guard let topic = tenant.topic(id), mayRead(topic.canonical) else { return nil }
        return (topic.name, places.map(\.partition).sorted())
      }.sorted { $0.name < $1.name }
    }
    return wanted.map { name, partitions in
      .with {
        $0.topicName = name
        let topic = tenant.topic(name)
        $0.topicID = topic?.id ?? KafkaUUID()
        $0.partitions = partitions.map { describe($0, of: topic, name, group) }
      }
    }
  }

  private func describe(
    _ index: Int32, of topic: KafkaTopic?, _ name: String, _ group: KafkaShareGroup
  ) -> KafkaDescribeShareGroupOffsets.Response.Partition {
    .with {
      $0.partitionIndex = index
      $0.startOffset = -1
      let canonical = KafkaTopicCodec.canonical(Array(name.utf8))
      guard let canonical, mayRead(canonical) else {
        $0.error = .topicAuthorizationFailed
        return
      }
      guard let topic, let partition = topic.partition(index)?.partition else {
        $0.error = .unknownTopicOrPartition
        return
      }
      let place = KafkaPlace(topic: topic.id, partition: index)
      guard let window = group.partitions[place]?.window else { return }
      let start = max(window.start, partition.startOffset)
      $0.startOffset = Int64(clamping: start)
      $0.leaderEpoch = Int32(partition.leaderEpoch)
      let end = max(window.end, partition.committedOffset, start)
      $0.lag = Int64(clamping: end - start) - Int64(window.doneCount)
    }
  }

  // MARK: AlterShareGroupOffsets

  /// AlterShareGroupOffsets: of a group without members. One that is not there is made.
  func alterShareGroupOffsets(
    _ request: KafkaAlterShareGroupOffsets.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaAlterShareGroupOffsets.Response()
    do throws(KafkaRefusal) {
      guard may(.read, group: request.groupID) else {
        throw KafkaRefusal(.groupAuthorizationFailed, "not permitted")
      }
      if let refusal = tenant.refusalAsShareGroup(request.groupID) { throw refusal }
      guard let group = tenant.shareGroups.group(request.groupID) else {
        throw KafkaRefusal(.groupMaxSizeReached, "too many groups")
      }
      guard group.members.isEmpty else {
        throw KafkaRefusal(.nonEmptyGroup, "The group \(group.name) has members.")
      }
      response.responses = request.topics.map { said in
        .with {
          $0.topicName = said.topicName
          $0.topicID = tenant.topic(said.topicName)?.id ?? KafkaUUID()
          $0.partitions = said.partitions.map { partition in
            let refusal = alter(partition, of: said.topicName, group, tenant)
            return .with {
              $0.partitionIndex = partition.partitionIndex
              $0.error = refusal?.code ?? .noError
              $0.errorMessage = refusal?.message
            }
          }
        }
      }
      tenant.shareGroups.dropIfVoid(group)
    } catch {
      response.error = error.code
      response.errorMessage = error.message
      return call.answer(KafkaAlterShareGroupOffsets.self, response)
    }
    tenant.shareGroups.commit { error in
      if error != nil { response.error = .coordinatorNotAvailable }
      call.answer(KafkaAlterShareGroupOffsets.self, response)
    }
  }

  private func alter(
    _ said: KafkaAlterShareGroupOffsets.Request.Partition, of name: String,
    _ group: KafkaShareGroup, _ tenant: KafkaTenant
  ) -> KafkaRefusal? {
    guard let topic = tenant.topic(name),
      let partition = topic.partition(said.partitionIndex)?.partition
    else { return KafkaRefusal(.unknownTopicOrPartition, "no such partition") }
    guard mayRead(topic.canonical) else {
      return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
    }
    guard said.startOffset >= 0 else {
      return KafkaRefusal(.invalidRequest, "an offset is not negative")
    }
    // What is not written yet cannot be done with.
    let offset = min(UInt64(said.startOffset), partition.committedOffset)
    let place = KafkaPlace(topic: topic.id, partition: said.partitionIndex)
    guard tenant.shareGroups.reset(group, place, to: offset) else {
      return KafkaRefusal(.coordinatorNotAvailable, "memory is spent")
    }
    return nil
  }

  // MARK: DeleteShareGroupOffsets

  /// DeleteShareGroupOffsets: of a group without members.
  func deleteShareGroupOffsets(
    _ request: KafkaDeleteShareGroupOffsets.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDeleteShareGroupOffsets.Response()
    guard may(.delete, group: request.groupID) else {
      response.error = .groupAuthorizationFailed
      return call.answer(KafkaDeleteShareGroupOffsets.self, response)
    }
    guard let group = tenant.shareGroups.byName[request.groupID] else {
      response.error = .groupIDNotFound
      response.errorMessage = "Group \(request.groupID) not found."
      return call.answer(KafkaDeleteShareGroupOffsets.self, response)
    }
    guard group.members.isEmpty else {
      response.error = .nonEmptyGroup
      response.errorMessage = "The group \(group.name) has members."
      return call.answer(KafkaDeleteShareGroupOffsets.self, response)
    }
    response.responses = request.topics.map { said in
      .with {
        $0.topicName = said.topicName
        guard let topic = tenant.topic(said.topicName) else {
          $0.error = .unknownTopicOrPartition
          return
        }
        $0.topicID = topic.id
        guard mayRead(topic.canonical) else {
          $0.error = .topicAuthorizationFailed
          return
        }
        if !tenant.shareGroups.forget(topic.id, of: group) {
          $0.error = .unknownTopicOrPartition
          $0.errorMessage = "The group knows nothing of it."
        }
      }
    }
    tenant.shareGroups.commit { error in
      if error != nil { response.error = .coordinatorNotAvailable }
      call.answer(KafkaDeleteShareGroupOffsets.self, response)
    }
  }
}
