import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  /// A partition with which a client may do something, or why not.
  private func partition(
    _ topic: String, _ index: Int32, _ tenant: KafkaTenant, _ operation: KafkaOperation
  ) -> Result<KafkaPartition, KafkaRefusal> {
    guard let known = tenant.topic(topic) else {
      return .failure(unknownTopic(topic, operation))
    }
    guard may(operation, known.canonical) else {
      return .failure(KafkaRefusal(.topicAuthorizationFailed, "not permitted"))
    }
    guard let partition = known.partition(index) else {
      return .failure(KafkaRefusal(.unknownTopicOrPartition, "no such partition"))
    }
    return .success(partition)
  }

  // MARK: ListOffsets

  /// ListOffsets: where a partition begins, ends, or was at a time.
  func listOffsets(_ request: KafkaListOffsets.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    KafkaOffsetsJob(request, call, engine) { [unowned self] topic, index in
      self.partition(topic, index, tenant, .describe)
    }.goOn()
  }

  // MARK: OffsetForLeaderEpoch

  /// OffsetForLeaderEpoch: where an epoch ends. There is one.
  func offsetForLeaderEpoch(
    _ request: KafkaOffsetForLeaderEpoch.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaOffsetForLeaderEpoch.Response()
    for topic in request.topics {
      var answer = KafkaOffsetForLeaderEpoch.Response.Topic()
      answer.topic = topic.topic
      for said in topic.partitions {
        var partition = KafkaOffsetForLeaderEpoch.Response.Partition()
        partition.partition = said.partition
        switch self.partition(topic.topic, said.partition, tenant, .describe) {
        case .failure(let refusal): partition.error = refusal.code
        case .success(let found):
          let found = found.partition
          if said.currentLeaderEpoch > found.leaderEpoch {
            partition.error = .unknownLeaderEpoch
          } else if said.leaderEpoch == found.leaderEpoch {
            partition.leaderEpoch = found.leaderEpoch
            partition.endOffset = Int64(clamping: found.committedOffset)
          }
        }
        answer.partitions.append(partition)
      }
      response.topics.append(answer)
    }
    call.answer(KafkaOffsetForLeaderEpoch.self, response)
  }

  // MARK: DeleteRecords

  /// DeleteRecords: the oldest go.
  func deleteRecords(
    _ request: KafkaDeleteRecords.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDeleteRecords.Response()
    for topic in request.topics {
      var answer = KafkaDeleteRecords.Response.Topic()
      answer.name = topic.name
      for said in topic.partitions {
        var partition = KafkaDeleteRecords.Response.Partition()
        partition.partitionIndex = said.partitionIndex
        partition.lowWatermark = -1
        switch self.partition(topic.name, said.partitionIndex, tenant, .delete) {
        case .failure(let refusal): partition.error = refusal.code
        case .success(let found):
          delete(said.offset, of: found.partition, &partition)
        }
        answer.partitions.append(partition)
      }
      response.topics.append(answer)
    }
    call.answer(KafkaDeleteRecords.self, response)
  }

  private func delete(
    _ offset: Int64, of partition: Partition,
    _ answer: inout KafkaDeleteRecords.Response.Partition
  ) {
    let end = offset == -1 ? Int64(clamping: partition.committedOffset) : offset
    guard end >= 0, end <= Int64(clamping: partition.committedOffset) else {
      answer.error = .offsetOutOfRange
      return
    }
    partition.trim(before: UInt64(end))
    answer.lowWatermark = Int64(clamping: partition.startOffset)
  }
}
