/// The kinds of messages that the codec knows.
public enum KafkaAPIs {
  /// All of them, by their numbers.
  public static var all: [any KafkaAPI.Type] {
    [
      KafkaProduce.self,
      KafkaFetch.self,
      KafkaListOffsets.self,
      KafkaMetadata.self,
      KafkaOffsetCommit.self,
      KafkaOffsetFetch.self,
      KafkaFindCoordinator.self,
      KafkaJoinGroup.self,
      KafkaHeartbeat.self,
      KafkaLeaveGroup.self,
      KafkaSyncGroup.self,
      KafkaDescribeGroups.self,
      KafkaListGroups.self,
      KafkaSaslHandshake.self,
      KafkaAPIVersions.self,
      KafkaCreateTopics.self,
      KafkaDeleteTopics.self,
      KafkaDeleteRecords.self,
      KafkaInitProducerID.self,
      KafkaOffsetForLeaderEpoch.self,
      KafkaAddPartitionsToTxn.self,
      KafkaAddOffsetsToTxn.self,
      KafkaEndTxn.self,
      KafkaTxnOffsetCommit.self,
      KafkaDescribeACLs.self,
      KafkaCreateACLs.self,
      KafkaDeleteACLs.self,
      KafkaDescribeConfigs.self,
      KafkaAlterConfigs.self,
      KafkaDescribeLogDirs.self,
      KafkaSaslAuthenticate.self,
      KafkaCreatePartitions.self,
      KafkaDeleteGroups.self,
      KafkaIncrementalAlterConfigs.self,
      KafkaOffsetDelete.self,
      KafkaDescribeClientQuotas.self,
      KafkaAlterClientQuotas.self,
      KafkaDescribeUserScramCredentials.self,
      KafkaAlterUserScramCredentials.self,
      KafkaDescribeCluster.self,
      KafkaDescribeProducers.self,
      KafkaDescribeTransactions.self,
      KafkaListTransactions.self,
      KafkaConsumerGroupHeartbeat.self,
      KafkaConsumerGroupDescribe.self,
      KafkaDescribeTopicPartitions.self,
      KafkaShareGroupHeartbeat.self,
      KafkaShareGroupDescribe.self,
      KafkaShareFetch.self,
      KafkaShareAcknowledge.self,
      KafkaDescribeShareGroupOffsets.self,
      KafkaAlterShareGroupOffsets.self,
      KafkaDeleteShareGroupOffsets.self,
    ]
  }

  /// The kind with a number, or `nil`.
  public static func api(_ key: KafkaAPIKey) -> (any KafkaAPI.Type)? {
    switch key {
    case .produce: KafkaProduce.self
    case .fetch: KafkaFetch.self
    case .listOffsets: KafkaListOffsets.self
    case .metadata: KafkaMetadata.self
    case .offsetCommit: KafkaOffsetCommit.self
    case .offsetFetch: KafkaOffsetFetch.self
    case .findCoordinator: KafkaFindCoordinator.self
    case .joinGroup: KafkaJoinGroup.self
    case .heartbeat: KafkaHeartbeat.self
    case .leaveGroup: KafkaLeaveGroup.self
    case .syncGroup: KafkaSyncGroup.self
    case .describeGroups: KafkaDescribeGroups.self
    case .listGroups: KafkaListGroups.self
    case .saslHandshake: KafkaSaslHandshake.self
    case .apiVersions: KafkaAPIVersions.self
    case .createTopics: KafkaCreateTopics.self
    case .deleteTopics: KafkaDeleteTopics.self
    case .deleteRecords: KafkaDeleteRecords.self
    case .initProducerID: KafkaInitProducerID.self
    case .offsetForLeaderEpoch: KafkaOffsetForLeaderEpoch.self
    case .addPartitionsToTxn: KafkaAddPartitionsToTxn.self
    case .addOffsetsToTxn: KafkaAddOffsetsToTxn.self
    case .endTxn: KafkaEndTxn.self
    case .txnOffsetCommit: KafkaTxnOffsetCommit.self
    case .describeACLs: KafkaDescribeACLs.self
    case .createACLs: KafkaCreateACLs.self
    case .deleteACLs: KafkaDeleteACLs.self
    case .describeConfigs: KafkaDescribeConfigs.self
    case .alterConfigs: KafkaAlterConfigs.self
    case .describeLogDirs: KafkaDescribeLogDirs.self
    case .saslAuthenticate: KafkaSaslAuthenticate.self
    case .createPartitions: KafkaCreatePartitions.self
    case .deleteGroups: KafkaDeleteGroups.self
    case .incrementalAlterConfigs: KafkaIncrementalAlterConfigs.self
    case .offsetDelete: KafkaOffsetDelete.self
    case .describeClientQuotas: KafkaDescribeClientQuotas.self
    case .alterClientQuotas: KafkaAlterClientQuotas.self
    case .describeUserScramCredentials: KafkaDescribeUserScramCredentials.self
    case .alterUserScramCredentials: KafkaAlterUserScramCredentials.self
    case .describeCluster: KafkaDescribeCluster.self
    case .describeProducers: KafkaDescribeProducers.self
    case .describeTransactions: KafkaDescribeTransactions.self
    case .listTransactions: KafkaListTransactions.self
    case .consumerGroupHeartbeat: KafkaConsumerGroupHeartbeat.self
    case .consumerGroupDescribe: KafkaConsumerGroupDescribe.self
    case .describeTopicPartitions: KafkaDescribeTopicPartitions.self
    case .shareGroupHeartbeat: KafkaShareGroupHeartbeat.self
    case .shareGroupDescribe: KafkaShareGroupDescribe.self
    case .shareFetch: KafkaShareFetch.self
    case .shareAcknowledge: KafkaShareAcknowledge.self
    case .describeShareGroupOffsets: KafkaDescribeShareGroupOffsets.self
    case .alterShareGroupOffsets: KafkaAlterShareGroupOffsets.self
    case .deleteShareGroupOffsets: KafkaDeleteShareGroupOffsets.self
    default: nil
    }
  }
}
