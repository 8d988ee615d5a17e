/// The errors of the JetStream API that a single server answers, by the number that clients compare
/// (`err_code`); numbers and texts as in nats-server 2.12.
public enum JetStreamErrorCode: Int, Hashable, Sendable, CaseIterable {
  /// Resource limits exceeded for account.
  case accountResourcesExceeded = 10002
  /// Bad request.
  case badRequest = 10003
  /// JetStream system temporarily unavailable.
  case clusterNotAvailable = 10008
  /// JetStream clustering support required.
  case clusterRequired = 10010
  /// What failed is in the text.
  case consumerCreate = 10012
  /// Consumer name already in use.
  case consumerNameExist = 10013
  /// Consumer not found.
  case consumerNotFound = 10014
  /// Deliver subject not valid.
  case snapshotDeliverSubjectInvalid = 10015
  /// Consumer expected to be durable but no durable name set in subject.
  case consumerDurableNameNotInSubject = 10016
  /// Consumer name in subject does not match durable name in request.
  case consumerDurableNameNotMatchSubject = 10017
  /// Consumer expected to be durable but a durable name was not set.
  case consumerDurableNameNotSet = 10018
  /// Consumer expected to be ephemeral but detected a durable name set in subject.
  case consumerEphemeralWithDurableInSubject = 10019
  /// Consumer expected to be ephemeral but a durable name was set in request.
  case consumerEphemeralWithDurableName = 10020
  /// Stream external api prefix `prefix` must not overlap with `subject`.
  case streamExternalApiOverlap = 10021
  /// Stream external delivery prefix `prefix` overlaps with stream subject `subject`.
  case streamExternalDelPrefixOverlaps = 10022
  /// Insufficient resources.
  case insufficientResources = 10023
  /// Stream external delivery prefix `prefix` must not contain wildcards.
  case streamInvalidExternalDeliverySubject = 10024
  /// Invalid JSON: `err`.
  case invalidJSON = 10025
  /// Maximum consumers limit reached.
  case maximumConsumersLimit = 10026
  /// Maximum number of streams reached.
  case maximumStreamsLimit = 10027
  /// Insufficient memory resources available.
  case memoryResourcesExceeded = 10028
  /// What failed is in the text.
  case mirrorConsumerSetupFailed = 10029
  /// Stream mirror must have max message size >= source.
  case mirrorMaxMessageSizeTooBig = 10030
  /// Stream mirrors can not also contain other sources.
  case mirrorWithSources = 10031
  /// Stream mirrors can not have both start seq and start time configured.
  case mirrorWithStartSeqAndTime = 10032
  /// Stream mirrors can not contain filtered subjects.
  case mirrorWithSubjectFilters = 10033
  /// Stream mirrors can not contain subjects.
  case mirrorWithSubjects = 10034
  /// Account not found.
  case noAccount = 10035
  /// No message found.
  case noMessageFound = 10037
  /// Expected an empty request payload.
  case notEmptyRequest = 10038
  /// JetStream not enabled for account.
  case notEnabledForAccount = 10039
  /// JetStream unable to subscribe to restore snapshot `subject`: `err`.
  case restoreSubscribeFailed = 10042
  /// Sequence `seq` not found.
  case sequenceNotFound = 10043
  /// What failed is in the text.
  case sourceConsumerSetupFailed = 10045
  /// Stream source must have max message size >= target.
  case sourceMaxMessageSizeTooBig = 10046
  /// Insufficient storage resources available.
  case storageResourcesExceeded = 10047
  /// What failed is in the text.
  case streamCreate = 10049
  /// What failed is in the text.
  case streamDelete = 10050
  /// What failed is in the text.
  case streamGeneral = 10051
  /// What failed is in the text.
  case streamInvalidConfig = 10052
  /// What failed is in the text.
  case streamLimits = 10053
  /// Message size exceeds maximum allowed.
  case streamMessageExceedsMaximum = 10054
  /// Stream mirror configuration can not be updated.
  case streamMirrorNotUpdatable = 10055
  /// Stream name in subject does not match request.
  case streamMismatch = 10056
  /// What failed is in the text.
  case streamMsgDeleteFailed = 10057
  /// Stream name already in use with a different configuration.
  case streamNameExist = 10058
  /// Stream not found.
  case streamNotFound = 10059
  /// Expected stream does not match.
  case streamNotMatch = 10060
  /// Replicas configuration can not be updated.
  case streamReplicasNotUpdatable = 10061
  /// Restore failed: `err`.
  case streamRestore = 10062
  /// Expected stream sequence does not match.
  case streamSequenceNotMatch = 10063
  /// Snapshot failed: `err`.
  case streamSnapshot = 10064
  /// Subjects overlap with an existing stream.
  case streamSubjectOverlap = 10065
  /// What failed is in the text.
  case streamUpdate = 10069
  /// Wrong last msg ID: `id`.
  case streamWrongLastMsgID = 10070
  /// Wrong last sequence: `seq`.
  case streamWrongLastSequence = 10071
  /// JetStream unable to open temp storage for restore.
  case tempStorageFailed = 10072
  /// Replicas > 1 not supported in non-clustered mode.
  case streamReplicasNotSupported = 10074
  /// JetStream not enabled.
  case notEnabled = 10076
  /// What failed is in the text.
  case streamStoreFailed = 10077
  /// Consumer config required.
  case consumerConfigRequired = 10078
  /// Consumer deliver subject has wildcards.
  case consumerDeliverToWildcards = 10079
  /// Consumer in push mode can not set max waiting.
  case consumerPushMaxWaiting = 10080
  /// Consumer deliver subject forms a cycle.
  case consumerDeliverCycle = 10081
  /// Consumer requires ack policy for max ack pending.
  case consumerMaxPendingAckPolicyRequired = 10082
  /// Consumer idle heartbeat needs to be >= 100ms.
  case consumerSmallHeartbeat = 10083
  /// Consumer in pull mode requires explicit ack policy on workqueue stream.
  case consumerPullRequiresAck = 10084
  /// Consumer in pull mode requires a durable name.
  case consumerPullNotDurable = 10085
  /// Consumer in pull mode can not have rate limit set.
  case consumerPullWithRateLimit = 10086
  /// Consumer max waiting needs to be positive.
  case consumerMaxWaitingNegative = 10087
  /// Consumer idle heartbeat requires a push based consumer.
  case consumerHBRequiresPush = 10088
  /// Consumer flow control requires a push based consumer.
  case consumerFCRequiresPush = 10089
  /// Consumer direct requires a push based consumer.
  case consumerDirectRequiresPush = 10090
  /// Consumer direct requires an ephemeral consumer.
  case consumerDirectRequiresEphemeral = 10091
  /// Consumer direct on a mapped consumer.
  case consumerOnMapped = 10092
  /// Consumer filter subject is not a valid subset of the interest subjects.
  case consumerFilterNotSubset = 10093
  /// What failed is in the text.
  case consumerInvalidPolicy = 10094
  /// Failed to parse consumer sampling configuration: `err`.
  case consumerInvalidSampling = 10095
  /// Stream not valid.
  case streamInvalid = 10096
  /// Header size exceeds maximum allowed of 64k.
  case streamHeaderExceedsMaximum = 10097
  /// Workqueue stream requires explicit ack.
  case consumerWQRequiresExplicitAck = 10098
  /// Multiple non-filtered consumers not allowed on workqueue stream.
  case consumerWQMultipleUnfiltered = 10099
  /// Filtered consumer not unique on workqueue stream.
  case consumerWQConsumerNotUnique = 10100
  /// Consumer must be deliver all on workqueue stream.
  case consumerWQConsumerNotDeliverAll = 10101
  /// Consumer name is too long, maximum allowed is `max`.
  case consumerNameTooLong = 10102
  /// Durable name can not contain '.', '*', '>'.
  case consumerBadDurableName = 10103
  /// Error creating store for consumer: `err`.
  case consumerStoreFailed = 10104
  /// Consumer already exists and is still active.
  case consumerExistingActive = 10105
  /// Consumer replacement durable config not the same.
  case consumerReplacementWithDifferentName = 10106
  /// Consumer description is too long, maximum allowed is `max`.
  case consumerDescriptionTooLong = 10107
  /// Consumer with flow control also needs heartbeats.
  case consumerWithFlowControlNeedsHeartbeats = 10108
  /// Invalid operation on sealed stream.
  case streamSealed = 10109
  /// What failed is in the text.
  case streamPurgeFailed = 10110
  /// What failed is in the text.
  case streamRollupFailed = 10111
  /// Invalid push consumer deliver subject.
  case consumerInvalidDeliverSubject = 10112
  /// Account requires a stream config to have max bytes set.
  case streamMaxBytesRequired = 10113
  /// Consumer max request batch needs to be > 0.
  case consumerMaxRequestBatchNegative = 10114
  /// Consumer max request expires needs to be >= 1ms.
  case consumerMaxRequestExpiresTooSmall = 10115
  /// Max deliver is required to be > length of backoff values.
  case consumerMaxDeliverBackoff = 10116
  /// Subject details would exceed maximum allowed.
  case streamInfoMaxSubjects = 10117
  /// Stream is offline.
  case streamOffline = 10118
  /// Consumer is offline.
  case consumerOffline = 10119
  /// No JetStream default or applicable tiered limit present.
  case noLimits = 10120
  /// Consumer max ack pending exceeds system limit of `limit`.
  case consumerMaxPendingAckExcess = 10121
  /// Stream max bytes exceeds account limit max stream bytes.
  case streamMaxStreamBytesExceeded = 10122
  /// Consumer max request batch exceeds server limit of `limit`.
  case consumerMaxRequestBatchExceeded = 10125
  /// Consumer config replica count exceeds parent stream.
  case consumerReplicasExceedsStream = 10126
  /// Consumer name can not contain path separators.
  case consumerNameContainsPathSeparators = 10127
  /// Stream name can not contain path separators.
  case streamNameContainsPathSeparators = 10128
  /// Stream name already in use, cannot restore.
  case streamNameExistRestoreFailed = 10130
  /// Consumer create request did not match filtered subject from create subject.
  case consumerCreateFilterSubjectMismatch = 10131
  /// Consumer Durable and Name have to be equal if both are provided.
  case consumerCreateDurableAndNameMismatch = 10132
  /// Replicas count cannot be negative.
  case replicasCountCannotBeNegative = 10133
  /// Consumer config replicas must match interest retention stream's replicas.
  case consumerReplicasShouldMatchStream = 10134
  /// Consumer metadata exceeds maximum size of `limit`.
  case consumerMetadataLength = 10135
  /// Consumer cannot have both FilterSubject and FilterSubjects specified.
  case consumerDuplicateFilterSubjects = 10136
  /// Consumer with multiple subject filters cannot use subject based API.
  case consumerMultipleFiltersNotAllowed = 10137
  /// Consumer subject filters cannot overlap.
  case consumerOverlappingSubjectFilters = 10138
  /// Consumer filter in FilterSubjects cannot be empty.
  case consumerEmptyFilter = 10139
  /// Duplicate source configuration detected.
  case sourceDuplicateDetected = 10140
  /// Sourced stream name is invalid.
  case sourceInvalidStreamName = 10141
  /// Mirrored stream name is invalid.
  case mirrorInvalidStreamName = 10142
  /// Stream mirrors can not have first sequence configured.
  case mirrorWithFirstSeq = 10143
  /// Source with multiple subject transforms cannot also have a single subject filter.
  case sourceMultipleFiltersNotAllowed = 10144
  /// Source transform source: `err`.
  case sourceInvalidSubjectFilter = 10145
  /// Source transform: `err`.
  case sourceInvalidTransformDestination = 10146
  /// Source filters can not overlap.
  case sourceOverlappingSubjectFilters = 10147
  /// Consumer already exists.
  case consumerAlreadyExists = 10148
  /// Consumer does not exist.
  case consumerDoesNotExist = 10149
  /// Mirror with multiple subject transforms cannot also have a single subject filter.
  case mirrorMultipleFiltersNotAllowed = 10150
  /// Mirror transform source: `err`.
  case mirrorInvalidSubjectFilter = 10151
  /// Mirror subject filters can not overlap.
  case mirrorOverlappingSubjectFilters = 10152
  /// Consumer inactive threshold exceeds system limit of `limit`.
  case consumerInactiveThresholdExcess = 10153
  /// Mirror transform: `err`.
  case mirrorInvalidTransformDestination = 10154
  /// Stream transform source: `err`.
  case streamTransformInvalidSource = 10155
  /// Stream transform: `err`.
  case streamTransformInvalidDestination = 10156
  /// Pedantic mode: `err`.
  case pedantic = 10157
  /// Duplicate message id is in process.
  case streamDuplicateMessageConflict = 10158
  /// Setting PriorityPolicy requires at least one PriorityGroup to be set.
  case consumerPriorityPolicyWithoutGroup = 10159
  /// Provided priority group does not exist for this consumer.
  case consumerInvalidPriorityGroup = 10160
  /// Group name cannot be an empty string.
  case consumerEmptyGroupName = 10161
  /// Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16…
  case consumerInvalidGroupName = 10162
  /// Expected last sequence per subject temporarily unavailable.
  case streamExpectedLastSeqPerSubjectNotReady = 10163
  /// Wrong last sequence.
  case streamWrongLastSequenceConstant = 10164
  /// Invalid per-message TTL.
  case messageTTLInvalid = 10165
  /// Per-message TTL is disabled.
  case messageTTLDisabled = 10166
  /// Too many requests.
  case streamTooManyRequests = 10167
  /// Message counters is disabled.
  case messageIncrDisabled = 10168
  /// Message counter increment is missing.
  case messageIncrMissing = 10169
  /// Message counter has payload.
  case messageIncrPayload = 10170
  /// Message counter increment is invalid.
  case messageIncrInvalid = 10171
  /// Message counter is broken.
  case messageCounterBroken = 10172
  /// Stream mirrors can not also calculate counters.
  case mirrorWithCounters = 10173
  /// Atomic publish is disabled.
  case atomicPublishDisabled = 10174
  /// Atomic publish sequence is missing.
  case atomicPublishMissingSeq = 10175
  /// Atomic publish batch is incomplete.
  case atomicPublishIncompleteBatch = 10176
  /// Atomic publish unsupported header used: `header`.
  case atomicPublishUnsupportedHeaderBatch = 10177
  /// Priority groups can not be used with push consumers.
  case consumerPushWithPriorityGroup = 10178
  /// Atomic publish batch ID is invalid.
  case atomicPublishInvalidBatchID = 10179
  /// Min last sequence.
  case streamMinLastSeq = 10180
  /// Consumer ack policy invalid.
  case consumerAckPolicyInvalid = 10181
  /// Consumer replay policy invalid.
  case consumerReplayPolicyInvalid = 10182
  /// Consumer ack wait needs to be positive.
  case consumerAckWaitNegative = 10183
  /// Consumer backoff needs to be positive.
  case consumerBackOffNegative = 10184
  /// JetStream minimum api level required.
  case requiredApiLevel = 10185
  /// Stream mirrors can not also schedule messages.
  case mirrorWithMsgSchedules = 10186
  /// Stream source can not also schedule messages.
  case sourceWithMsgSchedules = 10187
  /// Message schedules is disabled.
  case messageSchedulesDisabled = 10188
  /// Message schedules pattern is invalid.
  case messageSchedulesPatternInvalid = 10189
  /// Message schedules target is invalid.
  case messageSchedulesTargetInvalid = 10190
  /// Message schedules invalid per-message TTL.
  case messageSchedulesTTLInvalid = 10191
  /// Message schedules invalid rollup.
  case messageSchedulesRollupInvalid = 10192
  /// Missing sequence for expected last sequence per subject.
  case streamExpectedLastSeqPerSubjectInvalid = 10193
  /// Stream is offline: `err`.
  case streamOfflineReason = 10194
  /// Consumer is offline: `err`.
  case consumerOfflineReason = 10195
  /// Consumer can not have priority groups when policy is none.
  case consumerPriorityGroupWithPolicyNone = 10196
  /// PinnedTTL cannot be set when PriorityPolicy is none.
  case consumerPinnedTTLWithoutPriorityPolicyNone = 10197
  /// Stream mirrors can not also use atomic publishing.
  case mirrorWithAtomicPublish = 10198
  /// Atomic publish batch is too large: `size`.
  case atomicPublishTooLargeBatch = 10199
  /// Atomic publish batch commit is invalid.
  case atomicPublishInvalidBatchCommit = 10200
  /// Atomic publish batch contains duplicate message id.
  case atomicPublishContainsDuplicateMessage = 10201
  /// Message schedules source is invalid.
  case messageSchedulesSourceInvalid = 10203
  /// Atomic publish too many inflight.
  case atomicPublishTooManyInflight = 10210
  /// Message schedules invalid scheduler.
  case messageSchedulesSchedulerInvalid = 10212
  /// Message schedules time zone is invalid.
  case messageSchedulesTimeZoneInvalid = 10223
}
