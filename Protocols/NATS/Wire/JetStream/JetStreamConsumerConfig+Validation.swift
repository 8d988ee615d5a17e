/// The rules of nats-server 2.12 (`setConsumerConfigDefaults`, `checkConsumerCfg`), in its order.
extension JetStreamConsumerConfig {
  /// The configuration with defaults filled in.
  ///
  /// - Parameters:
  ///   - stream: the stream's configuration.
  ///   - limits: what the server and the account allow.
  ///   - isPedantic: whether to refuse where a value would be replaced.
  /// - Throws: the error to answer.
  public func validated(
    stream: JetStreamStreamConfig, limits: JetStreamLimits = JetStreamLimits(),
    isPedantic: Bool = false
  ) throws(JetStreamError) -> Self {
    var config = self
    try config.liftNegatives(isPedantic)
    try config.fillIn(stream, limits, isPedantic)
    try config.checkNamesAndCopies(stream)
    try config.checkWaits()
    try config.checkDelivery(stream, limits)
    try config.checkLimits(stream, limits)
    try config.checkFilters()
    try config.checkStart()
    try config.checkRest()
    try config.checkPriority()
    if config.isDurable, config.durableName.utf8.count > JetStreamLimits.nameBytesMax {
      throw JetStreamError(.consumerNameTooLong, String(JetStreamLimits.nameBytesMax))
    }
    return config
  }

  private mutating func liftNegatives(_ isPedantic: Bool) throws(JetStreamError) {
    func lifted<Number: SignedInteger>(
      _ number: Number, _ name: String
    ) throws(JetStreamError) -> Number {
      if number < 0, isPedantic { throw JetStreamError(.pedantic, "\(name) must not be negative") }
      return max(number, 0)
    }
    if self.maxDeliver < -1, isPedantic {
      throw JetStreamError(.pedantic, "max_deliver must be set to -1")
    }
    if self.maxDeliver <= 0 { self.maxDeliver = -1 }
    self.maxWaiting = try lifted(self.maxWaiting, "max_waiting")
    if self.maxAckPending < -1 {
      if isPedantic { throw JetStreamError(.pedantic, "max_ack_pending must be set to -1") }
      self.maxAckPending = -1
    }
    self.maxRequestBatch = try lifted(self.maxRequestBatch, "max_batch")
    self.maxRequestExpires = try lifted(self.maxRequestExpires, "max_expires")
    self.maxRequestMaxBytes = try lifted(self.maxRequestMaxBytes, "max_bytes")
    self.heartbeat = try lifted(self.heartbeat, "idle_heartbeat")
    self.inactiveThreshold = try lifted(self.inactiveThreshold, "inactive_threshold")
    self.pinnedTTL = try lifted(self.pinnedTTL, "priority_timeout")
  }

  private mutating func fillIn(
    _ stream: JetStreamStreamConfig, _ limits: JetStreamLimits, _ isPedantic: Bool
  ) throws(JetStreamError) {
    func check(_ isWrong: Bool, _ text: String) throws(JetStreamError) {
      if isPedantic, isWrong { throw JetStreamError(.pedantic, text) }
    }
    if !self.isPush, self.maxWaiting == 0 { self.maxWaiting = JetStreamLimits.maxWaitingDefault }
    if self.ackWait == 0, self.ackPolicy != .none { self.ackWait = JetStreamLimits.ackWaitDefault }
    if let first = self.backOff.first {
      try check(self.ackWait != first, "first backoff value has to equal batch AckWait")
      self.ackWait = first
    }
    if self.maxAckPending == 0 {
      try check(
        stream.consumerLimits.maxAckPending > 0,
        "max_ack_pending must be set if it's configured in stream limits")
      self.maxAckPending = stream.consumerLimits.maxAckPending
    }
    if self.inactiveThreshold == 0 {
      try check(
        stream.consumerLimits.inactiveThreshold > 0,
        "inactive_threshold must be set if it's configured in stream limits")
      self.inactiveThreshold = stream.consumerLimits.inactiveThreshold
    }
    if self.maxAckPending == 0, self.ackPolicy != .none {
      var pending = JetStreamLimits.maxAckPendingDefault
      for bound in [limits.maxAckPending, limits.account.maxAckPending] where bound > 0 {
        pending = min(pending, bound)
      }
      self.maxAckPending = pending
    }
    if !self.isPush, self.maxRequestBatch == 0, limits.maxRequestBatch > 0 {
      try check(true, "max_request_batch must be set if it's JetStream limits are set")
      self.maxRequestBatch = limits.maxRequestBatch
    }
    if self.priorityPolicy == .pinnedClient, self.pinnedTTL == 0 {
      self.pinnedTTL = JetStreamLimits.pinnedTTLDefault
    }
  }

  private func checkNamesAndCopies(_ stream: JetStreamStreamConfig) throws(JetStreamError) {
    if !self.name.isEmpty, !JetStreamText.isName(self.name) {
      throw JetStreamStreamConfig.invalid(
        #"consumer name can not contain '.', '*', '>', '\', '/'"#)
    }
    if !self.durableName.isEmpty, !JetStreamText.isName(self.durableName) {
      throw JetStreamStreamConfig.invalid(
        #"consumer durable name can not contain '.', '*', '>', '\', '/'"#)
    }
    if self.replicas > 0, self.replicas > stream.replicas {
      throw JetStreamError(.consumerReplicasExceedsStream)
    }
    if self.replicas < 0 { throw JetStreamError(.replicasCountCannotBeNegative) }
    if stream.retention != .limits, self.replicas != 0, self.replicas != stream.replicas {
      throw JetStreamError(.consumerReplicasShouldMatchStream)
    }
  }

  private func checkWaits() throws(JetStreamError) {
    if self.backOff.contains(where: { $0 < 0 }) { throw JetStreamError(.consumerBackOffNegative) }
    if self.ackWait < 0 { throw JetStreamError(.consumerAckWaitNegative) }
    if self.maxDeliver != -1, self.backOff.count > self.maxDeliver {
      throw JetStreamError(.consumerMaxDeliverBackoff)
    }
    if self.summary.utf8.count > JetStreamLimits.descriptionBytesMax {
      throw JetStreamError(
        .consumerDescriptionTooLong, String(JetStreamLimits.descriptionBytesMax))
    }
  }

  private func checkDelivery(
    _ stream: JetStreamStreamConfig, _ limits: JetStreamLimits
  ) throws(JetStreamError) {
    guard self.isPush else {
      if self.ackPolicy == .none, stream.retention == .workQueue {
        throw JetStreamError(.consumerPullRequiresAck)
      }
      if self.rateLimit > 0 { throw JetStreamError(.consumerPullWithRateLimit) }
      if self.heartbeat > 0 { throw JetStreamError(.consumerHBRequiresPush) }
      if self.flowControl { throw JetStreamError(.consumerFCRequiresPush) }
      if self.maxRequestExpires > 0, self.maxRequestExpires < 1_000_000 {
        throw JetStreamError(.consumerMaxRequestExpiresTooSmall)
      }
      if limits.maxRequestBatch > 0, self.maxRequestBatch > limits.maxRequestBatch {
        throw JetStreamError(.consumerMaxRequestBatchExceeded, String(limits.maxRequestBatch))
      }
      return
    }
    guard JetStreamPattern.isLiteral(self.deliverSubject) else {
      throw JetStreamError(.consumerDeliverToWildcards)
    }
    guard JetStreamPattern.isValid(self.deliverSubject) else {
      throw JetStreamError(.consumerInvalidDeliverSubject)
    }
    if stream.subjects.contains(where: { JetStreamPattern.matches(self.deliverSubject, $0) }) {
      throw JetStreamError(.consumerDeliverCycle)
    }
    if self.maxWaiting != 0 { throw JetStreamError(.consumerPushMaxWaiting) }
    if self.maxAckPending > 0, self.ackPolicy == .none {
      throw JetStreamError(.consumerMaxPendingAckPolicyRequired)
    }
    if self.heartbeat > 0, self.heartbeat < 100_000_000 {
      throw JetStreamError(.consumerSmallHeartbeat)
    }
  }

  private func checkLimits(
    _ stream: JetStreamStreamConfig, _ limits: JetStreamLimits
  ) throws(JetStreamError) {
    let bounds = [
      limits.maxAckPending, limits.account.maxAckPending, stream.consumerLimits.maxAckPending,
    ]
    for bound in bounds where bound > 0 && self.maxAckPending > bound {
      throw JetStreamError(.consumerMaxPendingAckExcess, String(bound))
    }
    let threshold = stream.consumerLimits.inactiveThreshold
    if threshold > 0, self.inactiveThreshold > threshold {
      throw JetStreamError(.consumerInactiveThresholdExcess, NATSDuration.full(threshold))
    }
    if self.isDirect {
      guard self.isPush else { throw JetStreamError(.consumerDirectRequiresPush) }
      if self.isDurable { throw JetStreamError(.consumerDirectRequiresEphemeral) }
    }
  }

  private func checkFilters() throws(JetStreamError) {
    if !self.filterSubject.isEmpty, !self.filterSubjects.isEmpty {
      throw JetStreamError(.consumerDuplicateFilterSubjects)
    }
    if !self.filterSubject.isEmpty, !JetStreamPattern.isValid(self.filterSubject) {
      throw JetStreamStreamConfig.invalid("invalid subject")
    }
    if self.filterSubjects.contains("") { throw JetStreamError(.consumerEmptyFilter) }
    for (index, filter) in self.filterSubjects.enumerated() {
      guard JetStreamPattern.isValid(filter) else {
        throw JetStreamStreamConfig.invalid("invalid subject")
      }
      for (other, second) in self.filterSubjects.enumerated()
      where other != index && JetStreamPattern.matches(filter, second) {
        throw JetStreamError(.consumerOverlappingSubjectFilters)
      }
    }
  }

  private func checkStart() throws(JetStreamError) {
    let hasSequence = self.startSequence > 0
    let hasTime = self.startTime != nil
    func alsoSet(_ policy: String, _ what: String) -> JetStreamError {
      JetStreamError(
        .consumerInvalidPolicy,
        "consumer delivery policy is deliver \(policy), but optional start \(what) is also set")
    }
    func notSet(_ policy: String, _ what: String) -> JetStreamError {
      JetStreamError(
        .consumerInvalidPolicy,
        "consumer delivery policy is deliver \(policy), but optional \(what) is not set")
    }
    func checkNeither(_ policy: String) throws(JetStreamError) {
      if hasSequence { throw alsoSet(policy, "sequence") }
      if hasTime { throw alsoSet(policy, "time") }
    }
    switch self.deliverPolicy {
    case .all: try checkNeither("all")
    case .last: try checkNeither("last")
    case .new: try checkNeither("new")
    case .lastPerSubject:
      try checkNeither("last per subject")
      if self.filters.isEmpty { throw notSet("last per subject", "filter subject") }
    case .byStartSequence:
      if !hasSequence { throw notSet("by start sequence", "start sequence") }
      if hasTime { throw alsoSet("by start sequence", "time") }
    case .byStartTime:
      if !hasTime { throw notSet("by start time", "start time") }
      if hasSequence { throw alsoSet("by start time", "start sequence") }
    }
  }

  private func checkRest() throws(JetStreamError) {
    if !self.sampleFrequency.isEmpty {
      let text =
        self.sampleFrequency.hasSuffix("%")
        ? String(self.sampleFrequency.dropLast()) : self.sampleFrequency
      guard let percent = Int(text) else {
        throw JetStreamError(
          .consumerInvalidSampling, "strconv.Atoi: parsing \"\(text)\": invalid syntax")
      }
      if percent < 0 { throw JetStreamError(.consumerInvalidSampling, "<nil>") }
    }
    if self.flowControl, self.heartbeat == 0 {
      throw JetStreamError(.consumerWithFlowControlNeedsHeartbeats)
    }
    if !self.durableName.isEmpty, !self.name.isEmpty, self.name != self.durableName {
      throw JetStreamError(.consumerCreateDurableAndNameMismatch)
    }
    let size = self.metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    if size > JetStreamLimits.metadataBytesMax {
      throw JetStreamError(
        .consumerMetadataLength, "\(JetStreamLimits.metadataBytesMax / 1024)KB")
    }
  }

  private func checkPriority() throws(JetStreamError) {
    guard self.priorityPolicy != .none else {
      if !self.priorityGroups.isEmpty {
        throw JetStreamError(.consumerPriorityGroupWithPolicyNone)
      }
      if self.pinnedTTL > 0 { throw JetStreamError(.consumerPinnedTTLWithoutPriorityPolicyNone) }
      return
    }
    if self.isPush { throw JetStreamError(.consumerPushWithPriorityGroup) }
    if self.priorityGroups.isEmpty { throw JetStreamError(.consumerPriorityPolicyWithoutGroup) }
    for group in self.priorityGroups {
      if group.isEmpty { throw JetStreamError(.consumerEmptyGroupName) }
      let isValid =
        group.utf8.count <= 16
        && group.utf8.allSatisfy {
          switch $0 {
          case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2F, 0x5F, 0x3D, 0x2D: true
          default: false
          }
        }
      if !isValid { throw JetStreamError(.consumerInvalidGroupName) }
    }
  }
}
