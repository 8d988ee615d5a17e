import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  /// The most partitions of one page.
  private static var pageMax: Int { 2_000 }

  /// DescribeTopicPartitions: topics with their partitions, page by page (KIP-966).
  func describeTopicPartitions(
    _ request: KafkaDescribeTopicPartitions.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDescribeTopicPartitions.Response()
    var names = Set(request.topics.map(\.name))
    let wantsAll = names.isEmpty
    if wantsAll { names = Set(tenant.allTopics.map(\.name)) }
    var left = max(1, min(Int(request.responsePartitionLimit), Self.pageMax))
    for name in names.sorted() where name >= request.cursor?.topicName ?? "" {
      guard let topic = tenant.topic(name), may(.describe, topic.canonical) else {
        // Of all topics, those are left out that the client may not see.
        guard !wantsAll else { continue }
        response.topics.append(
          .with {
            $0.error =
              tenant.topic(name) != nil
              ? .topicAuthorizationFailed
              : KafkaTopicCodec.canonical(Array(name.utf8)) == nil ? .invalidTopic : unknown(name)
            $0.name = name
          })
        continue
      }
      let first = request.cursor.map { $0.topicName == name ? Int($0.partitionIndex) : 0 } ?? 0
      let partitions = topic.partitions.dropFirst(max(0, first))
      guard left > 0 else {
        response.nextCursor = Self.cursor(name, 0)
        break
      }
      response.topics.append(page(of: topic, partitions.prefix(left)))
      if partitions.count > left {
        response.nextCursor = Self.cursor(name, max(0, first) + left)
        break
      }
      left -= partitions.count
    }
    call.answer(KafkaDescribeTopicPartitions.self, response)
  }

  private static func cursor(
    _ name: String, _ index: Int
  ) -> KafkaDescribeTopicPartitions.Response.Cursor {
    .with {
      $0.topicName = name
      $0.partitionIndex = Int32(clamping: index)
    }
  }

  private func page(
    of topic: KafkaTopic, _ partitions: ArraySlice<KafkaPartition>
  ) -> KafkaDescribeTopicPartitions.Response.Topic {
    let node = server.values.nodeID
    return .with {
      $0.name = topic.name
      $0.topicID = topic.id
      $0.topicAuthorizedOperations = operations(on: topic.canonical)
      $0.partitions = partitions.map { partition in
        .with {
          $0.partitionIndex = partition.index
          $0.leaderID = node
          $0.leaderEpoch = partition.partition.leaderEpoch
          $0.replicaNodes = [node]
          $0.isrNodes = [node]
          $0.eligibleLeaderReplicas = []
          $0.lastKnownElr = []
        }
      }
    }
  }
}
