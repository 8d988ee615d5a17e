/// Which kind of message a header announces.
public struct KafkaAPIKey: RawRepresentable, Hashable, Sendable {
  /// The number on the wire.
  public var rawValue: Int16

  /// Any number; whether the codec knows it is asked with `KafkaAPIs`.
  public init(rawValue: Int16) { self.rawValue = rawValue }

  /// `KafkaProduce`.
  public static var produce: Self { Self(rawValue: 0) }
  /// `KafkaFetch`.
  public static var fetch: Self { Self(rawValue: 1) }
  /// `KafkaListOffsets`.
  public static var listOffsets: Self { Self(rawValue: 2) }
  /// `KafkaMetadata`.
  public static var metadata: Self { Self(rawValue: 3) }
  /// `KafkaOffsetCommit`.
  public static var offsetCommit: Self { Self(rawValue: 8) }
  /// `KafkaOffsetFetch`.
  public static var offsetFetch: Self { Self(rawValue: 9) }
  /// `KafkaFindCoordinator`.
  public static var findCoordinator: Self { Self(rawValue: 10) }
  /// `KafkaJoinGroup`.
  public static var joinGroup: Self { Self(rawValue: 11) }
  /// `KafkaHeartbeat`.
  public static var heartbeat: Self { Self(rawValue: 12) }
  /// `KafkaLeaveGroup`.
  public static var leaveGroup: Self { Self(rawValue: 13) }
  /// `KafkaSyncGroup`.
  public static var syncGroup: Self { Self(rawValue: 14) }
  /// `KafkaDescribeGroups`.
  public static var describeGroups: Self { Self(rawValue: 15) }
  /// `KafkaListGroups`.
  public static var listGroups: Self { Self(rawValue: 16) }
  /// `KafkaSaslHandshake`.
  public static var saslHandshake: Self { Self(rawValue: 17) }
  /// `KafkaAPIVersions`.
  public static var apiVersions: Self { Self(rawValue: 18) }
  /// `KafkaCreateTopics`.
  public static var createTopics: Self { Self(rawValue: 19) }
  /// `KafkaDeleteTopics`.
  public static var deleteTopics: Self { Self(rawValue: 20) }
  /// `KafkaDeleteRecords`.
  public static var deleteRecords: Self { Self(rawValue: 21) }
  /// `KafkaInitProducerID`.
  public static var initProducerID: Self { Self(rawValue: 22) }
  /// `KafkaOffsetForLeaderEpoch`.
  public static var offsetForLeaderEpoch: Self { Self(rawValue: 23) }
  /// `KafkaAddPartitionsToTxn`.
  public static var addPartitionsToTxn: Self { Self(rawValue: 24) }
  /// `KafkaAddOffsetsToTxn`.
  public static var addOffsetsToTxn: Self { Self(rawValue: 25) }
  /// `KafkaEndTxn`.
  public static var endTxn: Self { Self(rawValue: 26) }
  /// `KafkaTxnOffsetCommit`.
  public static var txnOffsetCommit: Self { Self(rawValue: 28) }
  /// `KafkaDescribeACLs`.
  public static var describeACLs: Self { Self(rawValue: 29) }
  /// `KafkaCreateACLs`.
  public static var createACLs: Self { Self(rawValue: 30) }
  /// `KafkaDeleteACLs`.
  public static var deleteACLs: Self { Self(rawValue: 31) }
  /// `KafkaDescribeConfigs`.
  public static var describeConfigs: Self { Self(rawValue: 32) }
  /// `KafkaAlterConfigs`.
  public static var alterConfigs: Self { Self(rawValue: 33) }
  /// `KafkaDescribeLogDirs`.
  public static var describeLogDirs: Self { Self(rawValue: 35) }
  /// `KafkaSaslAuthenticate`.
  public static var saslAuthenticate: Self { Self(rawValue: 36) }
  /// `KafkaCreatePartitions`.
  public static var createPartitions: Self { Self(rawValue: 37) }
  /// `KafkaDeleteGroups`.
  public static var deleteGroups: Self { Self(rawValue: 42) }
  /// `KafkaIncrementalAlterConfigs`.
  public static var incrementalAlterConfigs: Self { Self(rawValue: 44) }
  /// `KafkaOffsetDelete`.
  public static var offsetDelete: Self { Self(rawValue: 47) }
  /// `KafkaDescribeClientQuotas`.
  public static var describeClientQuotas: Self { Self(rawValue: 48) }
  /// `KafkaAlterClientQuotas`.
  public static var alterClientQuotas: Self { Self(rawValue: 49) }
  /// `KafkaDescribeUserScramCredentials`.
  public static var describeUserScramCredentials: Self { Self(rawValue: 50) }
  /// `KafkaAlterUserScramCredentials`.
  public static var alterUserScramCredentials: Self { Self(rawValue: 51) }
  /// `KafkaDescribeCluster`.
  public static var describeCluster: Self { Self(rawValue: 60) }
  /// `KafkaDescribeProducers`.
  public static var describeProducers: Self { Self(rawValue: 61) }
  /// `KafkaDescribeTransactions`.
  public static var describeTransactions: Self { Self(rawValue: 65) }
  /// `KafkaListTransactions`.
  public static var listTransactions: Self { Self(rawValue: 66) }
  /// `KafkaConsumerGroupHeartbeat`.
  public static var consumerGroupHeartbeat: Self { Self(rawValue: 68) }
  /// `KafkaConsumerGroupDescribe`.
  public static var consumerGroupDescribe: Self { Self(rawValue: 69) }
  /// `KafkaDescribeTopicPartitions`.
  public static var describeTopicPartitions: Self { Self(rawValue: 75) }
  /// `KafkaShareGroupHeartbeat`.
  public static var shareGroupHeartbeat: Self { Self(rawValue: 76) }
  /// `KafkaShareGroupDescribe`.
  public static var shareGroupDescribe: Self { Self(rawValue: 77) }
  /// `KafkaShareFetch`.
  public static var shareFetch: Self { Self(rawValue: 78) }
  /// `KafkaShareAcknowledge`.
  public static var shareAcknowledge: Self { Self(rawValue: 79) }
  /// `KafkaDescribeShareGroupOffsets`.
  public static var describeShareGroupOffsets: Self { Self(rawValue: 90) }
  /// `KafkaAlterShareGroupOffsets`.
  public static var alterShareGroupOffsets: Self { Self(rawValue: 91) }
  /// `KafkaDeleteShareGroupOffsets`.
  public static var deleteShareGroupOffsets: Self { Self(rawValue: 92) }
}

extension KafkaAPIKey: KafkaField {
  /// `produce`, whose number is 0.
  public init() { self = .produce }

  /// Reads two bytes.
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self.init(rawValue: try reader.integer())
  }

  /// Writes two bytes.
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(rawValue)
  }
}
