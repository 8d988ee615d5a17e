/// The rules of nats-server 2.12 (`checkStreamCfg`), in its order, so that of two faults the same
/// one is told.
extension JetStreamStreamConfig {
  /// The configuration with defaults filled in.
  ///
  /// - Parameters:
  ///   - limits: what the server and the account allow.
  ///   - isPedantic: whether to refuse where a value would be replaced.
  ///   - others: the account's other streams by name.
  /// - Throws: the error to answer.
  public func validated(
    limits: JetStreamLimits = JetStreamLimits(), isPedantic: Bool = false,
    others: (String) -> JetStreamStreamConfig? = { _ in nil }
  ) throws(JetStreamError) -> Self {
    var config = self
    try config.checkNames()
    try config.fillInCounts(isPedantic)
    try config.fillInDuplicateWindow(limits, isPedantic)
    try config.checkCounter()
    try config.checkDiscard()
    try config.fillInMarkers(isPedantic)
    try config.checkPersistence()
    var upstream = Upstream()
    try config.checkMirror(isPedantic, others, &upstream)
    try config.checkSources(others, &upstream)
    try upstream.check()
    try config.checkCycles(others)
    try config.checkSubjects()
    try config.checkBytes(limits)
    try config.checkTransforms(isPedantic)
    if config.placement == Placement() { config.placement = nil }
    if let placement = config.placement, !placement.preferred.isEmpty {
      throw Self.invalid("preferred server not permitted in placement")
    }
    return config
  }

  /// What is checked when a stream is made, before anything else.
  ///
  /// - Parameter name: the stream's name in the subject.
  public func creationError(name: String) -> JetStreamError? {
    guard name == self.name else { return JetStreamError(.streamMismatch) }
    if name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
      return JetStreamError(.streamNameContainsPathSeparators)
    }
    if self.isSealed {
      return Self.invalid("stream configuration for create can not be sealed")
    }
    if self.mirrorDirect, self.mirror == nil {
      return Self.invalid("stream has no mirror but does have mirror direct")
    }
    return self.replicas > 1 && self.replicas <= JetStreamLimits.replicasMax
      ? JetStreamError(.streamReplicasNotSupported) : nil
  }

  /// Whether a subject of this stream may be one of the other as well.
  public func overlaps(_ other: JetStreamStreamConfig) -> Bool {
    self.subjects.contains { mine in
      other.subjects.contains { JetStreamPattern.collide(mine, $0) }
    }
  }

  static func invalid(_ text: String) -> JetStreamError {
    JetStreamError(.streamInvalidConfig, text)
  }

  private static func pedantic(_ text: String) -> JetStreamError { JetStreamError(.pedantic, text) }

  private func checkNames() throws(JetStreamError) {
    guard JetStreamText.isName(self.name) else {
      throw Self.invalid(#"stream name is required and can not contain '.', '*', '>', '\', '/'"#)
    }
    if self.name.utf8.count > JetStreamLimits.nameBytesMax {
      throw Self.invalid(
        "stream name is too long, maximum allowed is \(JetStreamLimits.nameBytesMax)")
    }
    if self.summary.utf8.count > JetStreamLimits.descriptionBytesMax {
      throw Self.invalid(
        "stream description is too long, maximum allowed is \(JetStreamLimits.descriptionBytesMax)")
    }
    let size = self.metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    if size > JetStreamLimits.metadataBytesMax {
      throw Self.invalid(
        "stream metadata exceeds maximum size of \(JetStreamLimits.metadataBytesMax) bytes")
    }
  }

  private mutating func fillInCounts(_ isPedantic: Bool) throws(JetStreamError) {
    if self.replicas == 0 { self.replicas = 1 }
    if self.replicas > JetStreamLimits.replicasMax {
      throw Self.invalid("maximum replicas is \(JetStreamLimits.replicasMax)")
    }
    if self.replicas < 0 { throw JetStreamError(.replicasCountCannotBeNegative) }
    func bounded<Number: SignedInteger>(
      _ number: Number, _ name: String
    ) throws(JetStreamError) -> Number {
      if number < -1, isPedantic { throw Self.pedantic("\(name) must be set to -1") }
      return number > 0 ? number : -1
    }
    self.maxMessages = try bounded(self.maxMessages, "max_msgs")
    self.maxMessagesPerSubject = try bounded(self.maxMessagesPerSubject, "max_msgs_per_subject")
    self.maxBytes = try bounded(self.maxBytes, "max_bytes")
    self.maxMessageBytes = try bounded(self.maxMessageBytes, "max_msg_size")
    self.maxConsumers = try bounded(self.maxConsumers, "max_consumers")
    if self.maxAge < 0 { throw Self.invalid("max age can not be negative") }
    if self.maxAge > 0, self.maxAge < 100_000_000 {
      throw Self.invalid("max age needs to be >= 100ms")
    }
  }

  private mutating func fillInDuplicateWindow(
    _ limits: JetStreamLimits, _ isPedantic: Bool
  ) throws(JetStreamError) {
    let max = limits.duplicateWindowMax
    if self.duplicateWindow == 0, self.mirror == nil, self.sources.isEmpty {
      var window = JetStreamLimits.duplicateWindowDefault
      if max > 0, window > max {
        if isPedantic {
          throw Self.pedantic("duplicate window limits are higher than current limits")
        }
        window = max
      }
      if self.maxAge > 0, self.maxAge < window {
        if isPedantic { throw Self.pedantic("duplicate window cannot be bigger than max age") }
        window = self.maxAge
      }
      self.duplicateWindow = window
    }
    if self.duplicateWindow < 0 { throw Self.invalid("duplicates window can not be negative") }
    if self.maxAge > 0, self.duplicateWindow > self.maxAge {
      throw Self.invalid("duplicates window can not be larger then max age")
    }
    if max > 0, self.duplicateWindow > max {
      let text = NATSDuration.full(max)
      throw Self.invalid("duplicates window can not be larger then server limit of \(text)")
    }
    if self.duplicateWindow > 0, self.duplicateWindow < 100_000_000 {
      throw Self.invalid("duplicates window needs to be >= 100ms")
    }
    if self.denyPurge, self.allowRollup {
      throw Self.invalid("roll-ups require the purge permission")
    }
  }

  private func checkCounter() throws(JetStreamError) {
    guard self.allowMessageCounter else { return }
    if self.discard == .new { throw Self.invalid("counter stream cannot use discard new") }
    if self.allowMessageTTL { throw Self.invalid("counter stream cannot use message TTLs") }
    if self.allowMessageSchedules {
      throw Self.invalid("counter stream cannot use message schedules")
    }
    if self.retention != .limits {
      throw Self.invalid("counter stream can only use limits retention")
    }
  }

  private func checkDiscard() throws(JetStreamError) {
    guard self.discardNewPerSubject else { return }
    if self.discard != .new {
      throw Self.invalid("discard new per subject requires discard new policy to be set")
    }
    if self.maxMessagesPerSubject <= 0 {
      throw Self.invalid("discard new per subject requires max msgs per subject > 0")
    }
  }

  private mutating func fillInMarkers(_ isPedantic: Bool) throws(JetStreamError) {
    if self.subjectDeleteMarkerTTL < 0 {
      throw Self.invalid("subject delete marker TTL must not be negative")
    }
    if self.subjectDeleteMarkerTTL > 0 {
      if self.subjectDeleteMarkerTTL < 1_000_000_000 {
        throw Self.invalid("subject delete marker TTL must be at least 1 second")
      }
      if !self.allowMessageTTL {
        if isPedantic {
          throw Self.invalid("subject delete marker cannot be set if message TTLs are disabled")
        }
        self.allowMessageTTL = true
      }
      if !self.allowRollup {
        if isPedantic {
          throw Self.invalid("subject delete marker cannot be set if roll-ups are disabled")
        }
        self.allowRollup = true
        self.denyPurge = false
      }
    }
    if self.allowMessageSchedules {
      if self.discard == .new { throw Self.invalid("message scheduling cannot use discard new") }
      if !self.allowRollup {
        if isPedantic {
          throw Self.invalid("message scheduling cannot be set if roll-ups are disabled")
        }
        self.allowRollup = true
        self.denyPurge = false
      }
    }
  }

  private func checkPersistence() throws(JetStreamError) {
    guard self.persistMode == .asynchronous else { return }
    if self.storage != .file {
      throw Self.invalid("async persist mode is only supported on file storage")
    }
    if self.replicas > 1 {
      throw Self.invalid("async persist mode is not supported on replicated streams")
    }
    if self.allowAtomicPublish {
      throw Self.invalid("async persist mode is not supported with atomic batch publish")
    }
  }

  private func checkBytes(_ limits: JetStreamLimits) throws(JetStreamError) {
    if limits.account.maxBytesRequired, self.maxBytes <= 0 {
      throw JetStreamError(.streamMaxBytesRequired)
    }
    let max =
      self.storage == .memory
      ? limits.account.memoryMaxStreamBytes : limits.account.storageMaxStreamBytes
    if max > 0, self.maxBytes > max { throw JetStreamError(.streamMaxStreamBytesExceeded) }
  }

  private mutating func checkTransforms(_ isPedantic: Bool) throws(JetStreamError) {
    if let mapping = self.subjectTransform {
      if !mapping.source.isEmpty, !JetStreamPattern.isValid(mapping.source) {
        throw JetStreamError(.streamTransformInvalidSource, "invalid subject \(mapping.source)")
      }
      if let failure = JetStreamSubjectTransform.failure(of: mapping) {
        throw JetStreamError(.streamTransformInvalidDestination, failure.description)
      }
    }
    guard var republish = self.republish else { return }
    if republish.source.isEmpty {
      if isPedantic { throw Self.pedantic("republish source can not be empty") }
      republish.source = ">"
    }
    if republish.source == ">", republish.destination == ">", let mapping = self.subjectTransform,
      self.subjects == [mapping.source]
    {
      if isPedantic { throw Self.pedantic("implicit republish based on subject transform") }
      republish.source = mapping.destination
      republish.destination = mapping.destination
    }
    if self.subjects.contains(where: { JetStreamPattern.collide(republish.destination, $0) }) {
      throw Self.invalid("stream configuration for republish destination forms a cycle")
    }
    if !republish.destination.isEmpty,
      (try? JetStreamSubjectTransform(
        source: republish.source, destination: republish.destination)) == nil
    {
      throw Self.invalid(
        "stream configuration for republish with transform from '\(republish.source)' to "
          + "'\(republish.destination)' not valid")
    }
    self.republish = republish
  }
}
