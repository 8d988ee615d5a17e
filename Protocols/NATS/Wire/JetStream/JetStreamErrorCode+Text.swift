extension JetStreamErrorCode {
  /// The status, in the manner of HTTP (`code`).
  public var status: Int {
    switch self {
    case .consumerNotFound, .noMessageFound, .streamNotFound: 404
    case .streamDuplicateMessageConflict: 409
    case .streamMinLastSeq, .requiredApiLevel: 412
    case .streamTooManyRequests, .atomicPublishTooManyInflight: 429
    case .consumerCreate, .memoryResourcesExceeded, .mirrorConsumerSetupFailed,
      .restoreSubscribeFailed, .sourceConsumerSetupFailed, .storageResourcesExceeded,
      .streamCreate, .streamDelete, .streamGeneral, .streamInvalidConfig, .streamLimits,
      .streamMsgDeleteFailed, .streamRestore, .streamSnapshot, .streamUpdate, .tempStorageFailed,
      .streamReplicasNotSupported, .streamInvalid, .consumerStoreFailed, .streamPurgeFailed,
      .streamRollupFailed, .streamInfoMaxSubjects, .streamOffline, .consumerOffline,
      .streamOfflineReason, .consumerOfflineReason:
      500
    case .clusterNotAvailable, .clusterRequired, .insufficientResources, .noAccount,
      .notEnabledForAccount, .streamSequenceNotMatch, .notEnabled, .streamStoreFailed,
      .streamExpectedLastSeqPerSubjectNotReady:
      503
    default: 400
    }
  }

  /// The text (`description`); `{}` stands where a detail belongs.
  public var text: String { Self.texts[self] ?? "{}" }

  private static let texts: [Self: String] = [
    .accountResourcesExceeded: "resource limits exceeded for account",
    .badRequest: "bad request",
    .clusterNotAvailable: "JetStream system temporarily unavailable",
    .clusterRequired: "JetStream clustering support required",
    .consumerNameExist: "consumer name already in use",
    .consumerNotFound: "consumer not found",
    .snapshotDeliverSubjectInvalid: "deliver subject not valid",
    .consumerDurableNameNotInSubject:
      "consumer expected to be durable but no durable name set in subject",
    .consumerDurableNameNotMatchSubject:
      "consumer name in subject does not match durable name in request",
    .consumerDurableNameNotSet: "consumer expected to be durable but a durable name was not set",
    .consumerEphemeralWithDurableInSubject:
      "consumer expected to be ephemeral but detected a durable name set in subject",
    .consumerEphemeralWithDurableName:
      "consumer expected to be ephemeral but a durable name was set in request",
    .streamExternalApiOverlap: "stream external api prefix {} must not overlap with {}",
    .streamExternalDelPrefixOverlaps:
      "stream external delivery prefix {} overlaps with stream subject {}",
    .insufficientResources: "insufficient resources",
    .streamInvalidExternalDeliverySubject:
      "stream external delivery prefix {} must not contain wildcards",
    .invalidJSON: "invalid JSON: {}",
    .maximumConsumersLimit: "maximum consumers limit reached",
    .maximumStreamsLimit: "maximum number of streams reached",
    .memoryResourcesExceeded: "insufficient memory resources available",
    .mirrorMaxMessageSizeTooBig: "stream mirror must have max message size >= source",
    .mirrorWithSources: "stream mirrors can not also contain other sources",
    .mirrorWithStartSeqAndTime:
      "stream mirrors can not have both start seq and start time configured",
    .mirrorWithSubjectFilters: "stream mirrors can not contain filtered subjects",
    .mirrorWithSubjects: "stream mirrors can not contain subjects",
    .noAccount: "account not found",
    .noMessageFound: "no message found",
    .notEmptyRequest: "expected an empty request payload",
    .notEnabledForAccount: "JetStream not enabled for account",
    .restoreSubscribeFailed: "JetStream unable to subscribe to restore snapshot {}: {}",
    .sequenceNotFound: "sequence {} not found",
    .sourceMaxMessageSizeTooBig: "stream source must have max message size >= target",
    .storageResourcesExceeded: "insufficient storage resources available",
    .streamMessageExceedsMaximum: "message size exceeds maximum allowed",
    .streamMirrorNotUpdatable: "stream mirror configuration can not be updated",
    .streamMismatch: "stream name in subject does not match request",
    .streamNameExist: "stream name already in use with a different configuration",
    .streamNotFound: "stream not found",
    .streamNotMatch: "expected stream does not match",
    .streamReplicasNotUpdatable: "Replicas configuration can not be updated",
    .streamRestore: "restore failed: {}",
    .streamSequenceNotMatch: "expected stream sequence does not match",
    .streamSnapshot: "snapshot failed: {}",
    .streamSubjectOverlap: "subjects overlap with an existing stream",
    .streamWrongLastMsgID: "wrong last msg ID: {}",
    .streamWrongLastSequence: "wrong last sequence: {}",
    .tempStorageFailed: "JetStream unable to open temp storage for restore",
    .streamReplicasNotSupported: "replicas > 1 not supported in non-clustered mode",
    .notEnabled: "JetStream not enabled",
    .consumerConfigRequired: "consumer config required",
    .consumerDeliverToWildcards: "consumer deliver subject has wildcards",
    .consumerPushMaxWaiting: "consumer in push mode can not set max waiting",
    .consumerDeliverCycle: "consumer deliver subject forms a cycle",
    .consumerMaxPendingAckPolicyRequired: "consumer requires ack policy for max ack pending",
    .consumerSmallHeartbeat: "consumer idle heartbeat needs to be >= 100ms",
    .consumerPullRequiresAck:
      "consumer in pull mode requires explicit ack policy on workqueue stream",
    .consumerPullNotDurable: "consumer in pull mode requires a durable name",
    .consumerPullWithRateLimit: "consumer in pull mode can not have rate limit set",
    .consumerMaxWaitingNegative: "consumer max waiting needs to be positive",
    .consumerHBRequiresPush: "consumer idle heartbeat requires a push based consumer",
    .consumerFCRequiresPush: "consumer flow control requires a push based consumer",
    .consumerDirectRequiresPush: "consumer direct requires a push based consumer",
    .consumerDirectRequiresEphemeral: "consumer direct requires an ephemeral consumer",
    .consumerOnMapped: "consumer direct on a mapped consumer",
    .consumerFilterNotSubset:
      "consumer filter subject is not a valid subset of the interest subjects",
    .consumerInvalidSampling: "failed to parse consumer sampling configuration: {}",
    .streamInvalid: "stream not valid",
    .streamHeaderExceedsMaximum: "header size exceeds maximum allowed of 64k",
    .consumerWQRequiresExplicitAck: "workqueue stream requires explicit ack",
    .consumerWQMultipleUnfiltered:
      "multiple non-filtered consumers not allowed on workqueue stream",
    .consumerWQConsumerNotUnique: "filtered consumer not unique on workqueue stream",
    .consumerWQConsumerNotDeliverAll: "consumer must be deliver all on workqueue stream",
    .consumerNameTooLong: "consumer name is too long, maximum allowed is {}",
    .consumerBadDurableName: "durable name can not contain '.', '*', '>'",
    .consumerStoreFailed: "error creating store for consumer: {}",
    .consumerExistingActive: "consumer already exists and is still active",
    .consumerReplacementWithDifferentName: "consumer replacement durable config not the same",
    .consumerDescriptionTooLong: "consumer description is too long, maximum allowed is {}",
    .consumerWithFlowControlNeedsHeartbeats: "consumer with flow control also needs heartbeats",
    .streamSealed: "invalid operation on sealed stream",
    .consumerInvalidDeliverSubject: "invalid push consumer deliver subject",
    .streamMaxBytesRequired: "account requires a stream config to have max bytes set",
    .consumerMaxRequestBatchNegative: "consumer max request batch needs to be > 0",
    .consumerMaxRequestExpiresTooSmall: "consumer max request expires needs to be >= 1ms",
    .consumerMaxDeliverBackoff: "max deliver is required to be > length of backoff values",
    .streamInfoMaxSubjects: "subject details would exceed maximum allowed",
    .streamOffline: "stream is offline",
    .consumerOffline: "consumer is offline",
    .noLimits: "no JetStream default or applicable tiered limit present",
    .consumerMaxPendingAckExcess: "consumer max ack pending exceeds system limit of {}",
    .streamMaxStreamBytesExceeded: "stream max bytes exceeds account limit max stream bytes",
    .consumerMaxRequestBatchExceeded: "consumer max request batch exceeds server limit of {}",
    .consumerReplicasExceedsStream: "consumer config replica count exceeds parent stream",
    .consumerNameContainsPathSeparators: "Consumer name can not contain path separators",
    .streamNameContainsPathSeparators: "Stream name can not contain path separators",
    .streamNameExistRestoreFailed: "stream name already in use, cannot restore",
    .consumerCreateFilterSubjectMismatch:
      "Consumer create request did not match filtered subject from create subject",
    .consumerCreateDurableAndNameMismatch:
      "Consumer Durable and Name have to be equal if both are provided",
    .replicasCountCannotBeNegative: "replicas count cannot be negative",
    .consumerReplicasShouldMatchStream:
      "consumer config replicas must match interest retention stream's replicas",
    .consumerMetadataLength: "consumer metadata exceeds maximum size of {}",
    .consumerDuplicateFilterSubjects:
      "consumer cannot have both FilterSubject and FilterSubjects specified",
    .consumerMultipleFiltersNotAllowed:
      "consumer with multiple subject filters cannot use subject based API",
    .consumerOverlappingSubjectFilters: "consumer subject filters cannot overlap",
    .consumerEmptyFilter: "consumer filter in FilterSubjects cannot be empty",
    .sourceDuplicateDetected: "duplicate source configuration detected",
    .sourceInvalidStreamName: "sourced stream name is invalid",
    .mirrorInvalidStreamName: "mirrored stream name is invalid",
    .mirrorWithFirstSeq: "stream mirrors can not have first sequence configured",
    .sourceMultipleFiltersNotAllowed:
      "source with multiple subject transforms cannot also have a single subject filter",
    .sourceInvalidSubjectFilter: "source transform source: {}",
    .sourceInvalidTransformDestination: "source transform: {}",
    .sourceOverlappingSubjectFilters: "source filters can not overlap",
    .consumerAlreadyExists: "consumer already exists",
    .consumerDoesNotExist: "consumer does not exist",
    .mirrorMultipleFiltersNotAllowed:
      "mirror with multiple subject transforms cannot also have a single subject filter",
    .mirrorInvalidSubjectFilter: "mirror transform source: {}",
    .mirrorOverlappingSubjectFilters: "mirror subject filters can not overlap",
    .consumerInactiveThresholdExcess: "consumer inactive threshold exceeds system limit of {}",
    .mirrorInvalidTransformDestination: "mirror transform: {}",
    .streamTransformInvalidSource: "stream transform source: {}",
    .streamTransformInvalidDestination: "stream transform: {}",
    .pedantic: "pedantic mode: {}",
    .streamDuplicateMessageConflict: "duplicate message id is in process",
    .consumerPriorityPolicyWithoutGroup:
      "Setting PriorityPolicy requires at least one PriorityGroup to be set",
    .consumerInvalidPriorityGroup: "Provided priority group does not exist for this consumer",
    .consumerEmptyGroupName: "Group name cannot be an empty string",
    .consumerInvalidGroupName:
      "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters",
    .streamExpectedLastSeqPerSubjectNotReady:
      "expected last sequence per subject temporarily unavailable",
    .streamWrongLastSequenceConstant: "wrong last sequence",
    .messageTTLInvalid: "invalid per-message TTL",
    .messageTTLDisabled: "per-message TTL is disabled",
    .streamTooManyRequests: "too many requests",
    .messageIncrDisabled: "message counters is disabled",
    .messageIncrMissing: "message counter increment is missing",
    .messageIncrPayload: "message counter has payload",
    .messageIncrInvalid: "message counter increment is invalid",
    .messageCounterBroken: "message counter is broken",
    .mirrorWithCounters: "stream mirrors can not also calculate counters",
    .atomicPublishDisabled: "atomic publish is disabled",
    .atomicPublishMissingSeq: "atomic publish sequence is missing",
    .atomicPublishIncompleteBatch: "atomic publish batch is incomplete",
    .atomicPublishUnsupportedHeaderBatch: "atomic publish unsupported header used: {}",
    .consumerPushWithPriorityGroup: "priority groups can not be used with push consumers",
    .atomicPublishInvalidBatchID: "atomic publish batch ID is invalid",
    .streamMinLastSeq: "min last sequence",
    .consumerAckPolicyInvalid: "consumer ack policy invalid",
    .consumerReplayPolicyInvalid: "consumer replay policy invalid",
    .consumerAckWaitNegative: "consumer ack wait needs to be positive",
    .consumerBackOffNegative: "consumer backoff needs to be positive",
    .requiredApiLevel: "JetStream minimum api level required",
    .mirrorWithMsgSchedules: "stream mirrors can not also schedule messages",
    .sourceWithMsgSchedules: "stream source can not also schedule messages",
    .messageSchedulesDisabled: "message schedules is disabled",
    .messageSchedulesPatternInvalid: "message schedules pattern is invalid",
    .messageSchedulesTargetInvalid: "message schedules target is invalid",
    .messageSchedulesTTLInvalid: "message schedules invalid per-message TTL",
    .messageSchedulesRollupInvalid: "message schedules invalid rollup",
    .streamExpectedLastSeqPerSubjectInvalid:
      "missing sequence for expected last sequence per subject",
    .streamOfflineReason: "stream is offline: {}",
    .consumerOfflineReason: "consumer is offline: {}",
    .consumerPriorityGroupWithPolicyNone:
      "consumer can not have priority groups when policy is none",
    .consumerPinnedTTLWithoutPriorityPolicyNone:
      "PinnedTTL cannot be set when PriorityPolicy is none",
    .mirrorWithAtomicPublish: "stream mirrors can not also use atomic publishing",
    .atomicPublishTooLargeBatch: "atomic publish batch is too large: {}",
    .atomicPublishInvalidBatchCommit: "atomic publish batch commit is invalid",
    .atomicPublishContainsDuplicateMessage: "atomic publish batch contains duplicate message id",
    .messageSchedulesSourceInvalid: "message schedules source is invalid",
    .atomicPublishTooManyInflight: "atomic publish too many inflight",
    .messageSchedulesSchedulerInvalid: "message schedules invalid scheduler",
    .messageSchedulesTimeZoneInvalid: "message schedules time zone is invalid",
  ]
}
