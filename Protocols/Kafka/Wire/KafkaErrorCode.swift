/// What went wrong with a request, or with a part of it. Numbers and names are Kafka's.
public struct KafkaErrorCode: RawRepresentable, Hashable, Sendable, Error {
  /// The number on the wire.
  public var rawValue: Int16

  /// Any number.
  public init(rawValue: Int16) { self.rawValue = rawValue }

  @inline(__always)
  init(_ rawValue: Int16) { self.rawValue = rawValue }

  /// Whether the same request may succeed later.
  public var isRetriable: Bool { Self.retriable.contains(rawValue) }

  /// UNKNOWN_SERVER_ERROR, -1.
  public static var unknownServerError: Self { Self(-1) }
  /// NONE, 0: all is well.
  public static var noError: Self { Self(0) }
  /// OFFSET_OUT_OF_RANGE, 1.
  public static var offsetOutOfRange: Self { Self(1) }
  /// CORRUPT_MESSAGE, retriable, 2.
  public static var corruptMessage: Self { Self(2) }
  /// UNKNOWN_TOPIC_OR_PARTITION, retriable, 3.
  public static var unknownTopicOrPartition: Self { Self(3) }
  /// INVALID_FETCH_SIZE, 4.
  public static var invalidFetchSize: Self { Self(4) }
  /// LEADER_NOT_AVAILABLE, retriable, 5.
  public static var leaderNotAvailable: Self { Self(5) }
  /// NOT_LEADER_OR_FOLLOWER, retriable, 6.
  public static var notLeaderOrFollower: Self { Self(6) }
  /// REQUEST_TIMED_OUT, retriable, 7.
  public static var requestTimedOut: Self { Self(7) }
  /// BROKER_NOT_AVAILABLE, 8.
  public static var brokerNotAvailable: Self { Self(8) }
  /// REPLICA_NOT_AVAILABLE, retriable, 9.
  public static var replicaNotAvailable: Self { Self(9) }
  /// MESSAGE_TOO_LARGE, 10.
  public static var messageTooLarge: Self { Self(10) }
  /// STALE_CONTROLLER_EPOCH, 11.
  public static var staleControllerEpoch: Self { Self(11) }
  /// OFFSET_METADATA_TOO_LARGE, 12.
  public static var offsetMetadataTooLarge: Self { Self(12) }
  /// NETWORK_EXCEPTION, retriable, 13.
  public static var networkException: Self { Self(13) }
  /// COORDINATOR_LOAD_IN_PROGRESS, retriable, 14.
  public static var coordinatorLoadInProgress: Self { Self(14) }
  /// COORDINATOR_NOT_AVAILABLE, retriable, 15.
  public static var coordinatorNotAvailable: Self { Self(15) }
  /// NOT_COORDINATOR, retriable, 16.
  public static var notCoordinator: Self { Self(16) }
  /// INVALID_TOPIC_EXCEPTION, 17.
  public static var invalidTopic: Self { Self(17) }
  /// RECORD_LIST_TOO_LARGE, 18.
  public static var recordListTooLarge: Self { Self(18) }
  /// NOT_ENOUGH_REPLICAS, retriable, 19.
  public static var notEnoughReplicas: Self { Self(19) }
  /// NOT_ENOUGH_REPLICAS_AFTER_APPEND, retriable, 20.
  public static var notEnoughReplicasAfterAppend: Self { Self(20) }
  /// INVALID_REQUIRED_ACKS, 21.
  public static var invalidRequiredAcks: Self { Self(21) }
  /// ILLEGAL_GENERATION, 22.
  public static var illegalGeneration: Self { Self(22) }
  /// INCONSISTENT_GROUP_PROTOCOL, 23.
  public static var inconsistentGroupProtocol: Self { Self(23) }
  /// INVALID_GROUP_ID, 24.
  public static var invalidGroupID: Self { Self(24) }
  /// UNKNOWN_MEMBER_ID, 25.
  public static var unknownMemberID: Self { Self(25) }
  /// INVALID_SESSION_TIMEOUT, 26.
  public static var invalidSessionTimeout: Self { Self(26) }
  /// REBALANCE_IN_PROGRESS, 27.
  public static var rebalanceInProgress: Self { Self(27) }
  /// INVALID_COMMIT_OFFSET_SIZE, 28.
  public static var invalidCommitOffsetSize: Self { Self(28) }
  /// TOPIC_AUTHORIZATION_FAILED, 29.
  public static var topicAuthorizationFailed: Self { Self(29) }
  /// GROUP_AUTHORIZATION_FAILED, 30.
  public static var groupAuthorizationFailed: Self { Self(30) }
  /// CLUSTER_AUTHORIZATION_FAILED, 31.
  public static var clusterAuthorizationFailed: Self { Self(31) }
  /// INVALID_TIMESTAMP, 32.
  public static var invalidTimestamp: Self { Self(32) }
  /// UNSUPPORTED_SASL_MECHANISM, 33.
  public static var unsupportedSASLMechanism: Self { Self(33) }
  /// ILLEGAL_SASL_STATE, 34.
  public static var illegalSASLState: Self { Self(34) }
  /// UNSUPPORTED_VERSION, 35.
  public static var unsupportedVersion: Self { Self(35) }
  /// TOPIC_ALREADY_EXISTS, 36.
  public static var topicAlreadyExists: Self { Self(36) }
  /// INVALID_PARTITIONS, 37.
  public static var invalidPartitions: Self { Self(37) }
  /// INVALID_REPLICATION_FACTOR, 38.
  public static var invalidReplicationFactor: Self { Self(38) }
  /// INVALID_REPLICA_ASSIGNMENT, 39.
  public static var invalidReplicaAssignment: Self { Self(39) }
  /// INVALID_CONFIG, 40.
  public static var invalidConfig: Self { Self(40) }
  /// NOT_CONTROLLER, retriable, 41.
  public static var notController: Self { Self(41) }
  /// INVALID_REQUEST, 42.
  public static var invalidRequest: Self { Self(42) }
  /// UNSUPPORTED_FOR_MESSAGE_FORMAT, 43.
  public static var unsupportedForMessageFormat: Self { Self(43) }
  /// POLICY_VIOLATION, 44.
  public static var policyViolation: Self { Self(44) }
  /// OUT_OF_ORDER_SEQUENCE_NUMBER, 45.
  public static var outOfOrderSequenceNumber: Self { Self(45) }
  /// DUPLICATE_SEQUENCE_NUMBER, 46.
  public static var duplicateSequenceNumber: Self { Self(46) }
  /// INVALID_PRODUCER_EPOCH, 47.
  public static var invalidProducerEpoch: Self { Self(47) }
  /// INVALID_TXN_STATE, 48.
  public static var invalidTxnState: Self { Self(48) }
  /// INVALID_PRODUCER_ID_MAPPING, 49.
  public static var invalidProducerIDMapping: Self { Self(49) }
  /// INVALID_TRANSACTION_TIMEOUT, 50.
  public static var invalidTransactionTimeout: Self { Self(50) }
  /// CONCURRENT_TRANSACTIONS, retriable, 51.
  public static var concurrentTransactions: Self { Self(51) }
  /// TRANSACTION_COORDINATOR_FENCED, 52.
  public static var transactionCoordinatorFenced: Self { Self(52) }
  /// TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53.
  public static var transactionalIDAuthorizationFailed: Self { Self(53) }
  /// SECURITY_DISABLED, 54.
  public static var securityDisabled: Self { Self(54) }
  /// OPERATION_NOT_ATTEMPTED, 55.
  public static var operationNotAttempted: Self { Self(55) }
  /// KAFKA_STORAGE_ERROR, retriable, 56.
  public static var kafkaStorageError: Self { Self(56) }
  /// LOG_DIR_NOT_FOUND, 57.
  public static var logDirNotFound: Self { Self(57) }
  /// SASL_AUTHENTICATION_FAILED, 58.
  public static var saslAuthenticationFailed: Self { Self(58) }
  /// UNKNOWN_PRODUCER_ID, 59.
  public static var unknownProducerID: Self { Self(59) }
  /// REASSIGNMENT_IN_PROGRESS, 60.
  public static var reassignmentInProgress: Self { Self(60) }
  /// DELEGATION_TOKEN_AUTH_DISABLED, 61.
  public static var delegationTokenAuthDisabled: Self { Self(61) }
  /// DELEGATION_TOKEN_NOT_FOUND, 62.
  public static var delegationTokenNotFound: Self { Self(62) }
  /// DELEGATION_TOKEN_OWNER_MISMATCH, 63.
  public static var delegationTokenOwnerMismatch: Self { Self(63) }
  /// DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64.
  public static var delegationTokenRequestNotAllowed: Self { Self(64) }
  /// DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65.
  public static var delegationTokenAuthorizationFailed: Self { Self(65) }
  /// DELEGATION_TOKEN_EXPIRED, 66.
  public static var delegationTokenExpired: Self { Self(66) }
  /// INVALID_PRINCIPAL_TYPE, 67.
  public static var invalidPrincipalType: Self { Self(67) }
  /// NON_EMPTY_GROUP, 68.
  public static var nonEmptyGroup: Self { Self(68) }
  /// GROUP_ID_NOT_FOUND, 69.
  public static var groupIDNotFound: Self { Self(69) }
  /// FETCH_SESSION_ID_NOT_FOUND, retriable, 70.
  public static var fetchSessionIDNotFound: Self { Self(70) }
  /// INVALID_FETCH_SESSION_EPOCH, retriable, 71.
  public static var invalidFetchSessionEpoch: Self { Self(71) }
  /// LISTENER_NOT_FOUND, retriable, 72.
  public static var listenerNotFound: Self { Self(72) }
  /// TOPIC_DELETION_DISABLED, 73.
  public static var topicDeletionDisabled: Self { Self(73) }
  /// FENCED_LEADER_EPOCH, retriable, 74.
  public static var fencedLeaderEpoch: Self { Self(74) }
  /// UNKNOWN_LEADER_EPOCH, retriable, 75.
  public static var unknownLeaderEpoch: Self { Self(75) }
  /// UNSUPPORTED_COMPRESSION_TYPE, 76.
  public static var unsupportedCompressionType: Self { Self(76) }
  /// STALE_BROKER_EPOCH, 77.
  public static var staleBrokerEpoch: Self { Self(77) }
  /// OFFSET_NOT_AVAILABLE, retriable, 78.
  public static var offsetNotAvailable: Self { Self(78) }
  /// MEMBER_ID_REQUIRED, 79.
  public static var memberIDRequired: Self { Self(79) }
  /// PREFERRED_LEADER_NOT_AVAILABLE, retriable, 80.
  public static var preferredLeaderNotAvailable: Self { Self(80) }
  /// GROUP_MAX_SIZE_REACHED, 81.
  public static var groupMaxSizeReached: Self { Self(81) }
  /// FENCED_INSTANCE_ID, 82.
  public static var fencedInstanceID: Self { Self(82) }
  /// ELIGIBLE_LEADERS_NOT_AVAILABLE, retriable, 83.
  public static var eligibleLeadersNotAvailable: Self { Self(83) }
  /// ELECTION_NOT_NEEDED, retriable, 84.
  public static var electionNotNeeded: Self { Self(84) }
  /// NO_REASSIGNMENT_IN_PROGRESS, 85.
  public static var noReassignmentInProgress: Self { Self(85) }
  /// GROUP_SUBSCRIBED_TO_TOPIC, 86.
  public static var groupSubscribedToTopic: Self { Self(86) }
  /// INVALID_RECORD, 87.
  public static var invalidRecord: Self { Self(87) }
  /// UNSTABLE_OFFSET_COMMIT, retriable, 88.
  public static var unstableOffsetCommit: Self { Self(88) }
  /// THROTTLING_QUOTA_EXCEEDED, retriable, 89.
  public static var throttlingQuotaExceeded: Self { Self(89) }
  /// PRODUCER_FENCED, 90.
  public static var producerFenced: Self { Self(90) }
  /// RESOURCE_NOT_FOUND, 91.
  public static var resourceNotFound: Self { Self(91) }
  /// DUPLICATE_RESOURCE, 92.
  public static var duplicateResource: Self { Self(92) }
  /// UNACCEPTABLE_CREDENTIAL, 93.
  public static var unacceptableCredential: Self { Self(93) }
  /// INCONSISTENT_VOTER_SET, 94.
  public static var inconsistentVoterSet: Self { Self(94) }
  /// INVALID_UPDATE_VERSION, 95.
  public static var invalidUpdateVersion: Self { Self(95) }
  /// FEATURE_UPDATE_FAILED, 96.
  public static var featureUpdateFailed: Self { Self(96) }
  /// PRINCIPAL_DESERIALIZATION_FAILURE, 97.
  public static var principalDeserializationFailure: Self { Self(97) }
  /// SNAPSHOT_NOT_FOUND, 98.
  public static var snapshotNotFound: Self { Self(98) }
  /// POSITION_OUT_OF_RANGE, 99.
  public static var positionOutOfRange: Self { Self(99) }
  /// UNKNOWN_TOPIC_ID, retriable, 100.
  public static var unknownTopicID: Self { Self(100) }
  /// DUPLICATE_BROKER_REGISTRATION, 101.
  public static var duplicateBrokerRegistration: Self { Self(101) }
  /// BROKER_ID_NOT_REGISTERED, 102.
  public static var brokerIDNotRegistered: Self { Self(102) }
  /// INCONSISTENT_TOPIC_ID, retriable, 103.
  public static var inconsistentTopicID: Self { Self(103) }
  /// INCONSISTENT_CLUSTER_ID, 104.
  public static var inconsistentClusterID: Self { Self(104) }
  /// TRANSACTIONAL_ID_NOT_FOUND, 105.
  public static var transactionalIDNotFound: Self { Self(105) }
  /// FETCH_SESSION_TOPIC_ID_ERROR, retriable, 106.
  public static var fetchSessionTopicIDError: Self { Self(106) }
  /// INELIGIBLE_REPLICA, 107.
  public static var ineligibleReplica: Self { Self(107) }
  /// NEW_LEADER_ELECTED, 108.
  public static var newLeaderElected: Self { Self(108) }
  /// OFFSET_MOVED_TO_TIERED_STORAGE, 109.
  public static var offsetMovedToTieredStorage: Self { Self(109) }
  /// FENCED_MEMBER_EPOCH, 110.
  public static var fencedMemberEpoch: Self { Self(110) }
  /// UNRELEASED_INSTANCE_ID, 111.
  public static var unreleasedInstanceID: Self { Self(111) }
  /// UNSUPPORTED_ASSIGNOR, 112.
  public static var unsupportedAssignor: Self { Self(112) }
  /// STALE_MEMBER_EPOCH, 113.
  public static var staleMemberEpoch: Self { Self(113) }
  /// MISMATCHED_ENDPOINT_TYPE, 114.
  public static var mismatchedEndpointType: Self { Self(114) }
  /// UNSUPPORTED_ENDPOINT_TYPE, 115.
  public static var unsupportedEndpointType: Self { Self(115) }
  /// UNKNOWN_CONTROLLER_ID, 116.
  public static var unknownControllerID: Self { Self(116) }
  /// UNKNOWN_SUBSCRIPTION_ID, 117.
  public static var unknownSubscriptionID: Self { Self(117) }
  /// TELEMETRY_TOO_LARGE, 118.
  public static var telemetryTooLarge: Self { Self(118) }
  /// INVALID_REGISTRATION, 119.
  public static var invalidRegistration: Self { Self(119) }
  /// TRANSACTION_ABORTABLE, 120.
  public static var transactionAbortable: Self { Self(120) }
  /// INVALID_RECORD_STATE, 121.
  public static var invalidRecordState: Self { Self(121) }
  /// SHARE_SESSION_NOT_FOUND, retriable, 122.
  public static var shareSessionNotFound: Self { Self(122) }
  /// INVALID_SHARE_SESSION_EPOCH, retriable, 123.
  public static var invalidShareSessionEpoch: Self { Self(123) }
  /// FENCED_STATE_EPOCH, 124.
  public static var fencedStateEpoch: Self { Self(124) }
  /// INVALID_VOTER_KEY, 125.
  public static var invalidVoterKey: Self { Self(125) }
  /// DUPLICATE_VOTER, 126.
  public static var duplicateVoter: Self { Self(126) }
  /// VOTER_NOT_FOUND, 127.
  public static var voterNotFound: Self { Self(127) }
  /// INVALID_REGULAR_EXPRESSION, 128.
  public static var invalidRegularExpression: Self { Self(128) }
  /// REBOOTSTRAP_REQUIRED, 129.
  public static var rebootstrapRequired: Self { Self(129) }
  /// SHARE_SESSION_LIMIT_REACHED, retriable, 133.
  public static var shareSessionLimitReached: Self { Self(133) }
}

extension KafkaErrorCode: CustomStringConvertible {
  /// Kafka's name of the error, or its number when it has none here.
  public var description: String { Self.names[rawValue] ?? "\(rawValue)" }

  private static let retriable: Set<Int16> = [
    2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88,
    89, 100, 103, 106, 122, 123, 133,
  ]

  private static let names: [Int16: String] = [
    -1: "UNKNOWN_SERVER_ERROR",
    0: "NONE",
    1: "OFFSET_OUT_OF_RANGE",
    2: "CORRUPT_MESSAGE",
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    4: "INVALID_FETCH_SIZE",
    5: "LEADER_NOT_AVAILABLE",
    6: "NOT_LEADER_OR_FOLLOWER",
    7: "REQUEST_TIMED_OUT",
    8: "BROKER_NOT_AVAILABLE",
    9: "REPLICA_NOT_AVAILABLE",
    10: "MESSAGE_TOO_LARGE",
    11: "STALE_CONTROLLER_EPOCH",
    12: "OFFSET_METADATA_TOO_LARGE",
    13: "NETWORK_EXCEPTION",
    14: "COORDINATOR_LOAD_IN_PROGRESS",
    15: "COORDINATOR_NOT_AVAILABLE",
    16: "NOT_COORDINATOR",
    17: "INVALID_TOPIC_EXCEPTION",
    18: "RECORD_LIST_TOO_LARGE",
    19: "NOT_ENOUGH_REPLICAS",
    20: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    21: "INVALID_REQUIRED_ACKS",
    22: "ILLEGAL_GENERATION",
    23: "INCONSISTENT_GROUP_PROTOCOL",
    24: "INVALID_GROUP_ID",
    25: "UNKNOWN_MEMBER_ID",
    26: "INVALID_SESSION_TIMEOUT",
    27: "REBALANCE_IN_PROGRESS",
    28: "INVALID_COMMIT_OFFSET_SIZE",
    29: "TOPIC_AUTHORIZATION_FAILED",
    30: "GROUP_AUTHORIZATION_FAILED",
    31: "CLUSTER_AUTHORIZATION_FAILED",
    32: "INVALID_TIMESTAMP",
    33: "UNSUPPORTED_SASL_MECHANISM",
    34: "ILLEGAL_SASL_STATE",
    35: "UNSUPPORTED_VERSION",
    36: "TOPIC_ALREADY_EXISTS",
    37: "INVALID_PARTITIONS",
    38: "INVALID_REPLICATION_FACTOR",
    39: "INVALID_REPLICA_ASSIGNMENT",
    40: "INVALID_CONFIG",
    41: "NOT_CONTROLLER",
    42: "INVALID_REQUEST",
    43: "UNSUPPORTED_FOR_MESSAGE_FORMAT",
    44: "POLICY_VIOLATION",
    45: "OUT_OF_ORDER_SEQUENCE_NUMBER",
    46: "DUPLICATE_SEQUENCE_NUMBER",
    47: "INVALID_PRODUCER_EPOCH",
    48: "INVALID_TXN_STATE",
    49: "INVALID_PRODUCER_ID_MAPPING",
    50: "INVALID_TRANSACTION_TIMEOUT",
    51: "CONCURRENT_TRANSACTIONS",
    52: "TRANSACTION_COORDINATOR_FENCED",
    53: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    54: "SECURITY_DISABLED",
    55: "OPERATION_NOT_ATTEMPTED",
    56: "KAFKA_STORAGE_ERROR",
    57: "LOG_DIR_NOT_FOUND",
    58: "SASL_AUTHENTICATION_FAILED",
    59: "UNKNOWN_PRODUCER_ID",
    60: "REASSIGNMENT_IN_PROGRESS",
    61: "DELEGATION_TOKEN_AUTH_DISABLED",
    62: "DELEGATION_TOKEN_NOT_FOUND",
    63: "DELEGATION_TOKEN_OWNER_MISMATCH",
    64: "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
    65: "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
    66: "DELEGATION_TOKEN_EXPIRED",
    67: "INVALID_PRINCIPAL_TYPE",
    68: "NON_EMPTY_GROUP",
    69: "GROUP_ID_NOT_FOUND",
    70: "FETCH_SESSION_ID_NOT_FOUND",
    71: "INVALID_FETCH_SESSION_EPOCH",
    72: "LISTENER_NOT_FOUND",
    73: "TOPIC_DELETION_DISABLED",
    74: "FENCED_LEADER_EPOCH",
    75: "UNKNOWN_LEADER_EPOCH",
    76: "UNSUPPORTED_COMPRESSION_TYPE",
    77: "STALE_BROKER_EPOCH",
    78: "OFFSET_NOT_AVAILABLE",
    79: "MEMBER_ID_REQUIRED",
    80: "PREFERRED_LEADER_NOT_AVAILABLE",
    81: "GROUP_MAX_SIZE_REACHED",
    82: "FENCED_INSTANCE_ID",
    83: "ELIGIBLE_LEADERS_NOT_AVAILABLE",
    84: "ELECTION_NOT_NEEDED",
    85: "NO_REASSIGNMENT_IN_PROGRESS",
    86: "GROUP_SUBSCRIBED_TO_TOPIC",
    87: "INVALID_RECORD",
    88: "UNSTABLE_OFFSET_COMMIT",
    89: "THROTTLING_QUOTA_EXCEEDED",
    90: "PRODUCER_FENCED",
    91: "RESOURCE_NOT_FOUND",
    92: "DUPLICATE_RESOURCE",
    93: "UNACCEPTABLE_CREDENTIAL",
    94: "INCONSISTENT_VOTER_SET",
    95: "INVALID_UPDATE_VERSION",
    96: "FEATURE_UPDATE_FAILED",
    97: "PRINCIPAL_DESERIALIZATION_FAILURE",
    98: "SNAPSHOT_NOT_FOUND",
    99: "POSITION_OUT_OF_RANGE",
    100: "UNKNOWN_TOPIC_ID",
    101: "DUPLICATE_BROKER_REGISTRATION",
    102: "BROKER_ID_NOT_REGISTERED",
    103: "INCONSISTENT_TOPIC_ID",
    104: "INCONSISTENT_CLUSTER_ID",
    105: "TRANSACTIONAL_ID_NOT_FOUND",
    106: "FETCH_SESSION_TOPIC_ID_ERROR",
    107: "INELIGIBLE_REPLICA",
    108: "NEW_LEADER_ELECTED",
    109: "OFFSET_MOVED_TO_TIERED_STORAGE",
    110: "FENCED_MEMBER_EPOCH",
    111: "UNRELEASED_INSTANCE_ID",
    112: "UNSUPPORTED_ASSIGNOR",
    113: "STALE_MEMBER_EPOCH",
    114: "MISMATCHED_ENDPOINT_TYPE",
    115: "UNSUPPORTED_ENDPOINT_TYPE",
    116: "UNKNOWN_CONTROLLER_ID",
    117: "UNKNOWN_SUBSCRIPTION_ID",
    118: "TELEMETRY_TOO_LARGE",
    119: "INVALID_REGISTRATION",
    120: "TRANSACTION_ABORTABLE",
    121: "INVALID_RECORD_STATE",
    122: "SHARE_SESSION_NOT_FOUND",
    123: "INVALID_SHARE_SESSION_EPOCH",
    124: "FENCED_STATE_EPOCH",
    125: "INVALID_VOTER_KEY",
    126: "DUPLICATE_VOTER",
    127: "VOTER_NOT_FOUND",
    128: "INVALID_REGULAR_EXPRESSION",
    129: "REBOOTSTRAP_REQUIRED",
    133: "SHARE_SESSION_LIMIT_REACHED",
  ]
}

extension KafkaErrorCode: KafkaField {
  /// No error.
  public init() { self = .noError }

  /// Reads two bytes.
  @inline(__always)
  public init(from reader: inout KafkaReader) throws(KafkaWireError) {
    self.init(try reader.integer())
  }

  /// Writes two bytes.
  @inline(__always)
  public func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    writer.integer(rawValue)
  }
}
