extension JetStreamPublishOptions {
  /// Why a stream does not take the message, as far as its configuration alone decides. What
  /// depends on the messages it has (expected sequences and ids, duplicates) is the stream's to
  /// check.
  ///
  /// - Parameters:
  ///   - config: the stream's configuration.
  ///   - subject: the message's subject.
  ///   - payloadBytes: the payload's size.
  public func refusal(
    by config: JetStreamStreamConfig, subject: String, payloadBytes: Int
  ) -> JetStreamError? {
    if config.isSealed { return JetStreamError(.streamSealed) }
    if !self.batchID.isEmpty, !config.allowAtomicPublish {
      return JetStreamError(.atomicPublishDisabled)
    }
    if let error = self.counterError(config, payloadBytes) { return error }
    if !self.expectedStream.isEmpty, self.expectedStream != config.name {
      return JetStreamError(.streamNotMatch)
    }
    switch self.timeToLive {
    case nil, .seconds(0): break
    case .invalid: return JetStreamError(.messageTTLInvalid)
    case .seconds, .never:
      if !config.allowMessageTTL { return JetStreamError(.messageTTLDisabled) }
    }
    if self.expectedLastSubjectSequence == nil, !self.expectedLastSubject.isEmpty {
      return JetStreamError(.streamExpectedLastSeqPerSubjectInvalid)
    }
    if let error = self.scheduleError(config, subject) { return error }
    if let rollup = self.rollup {
      guard config.allowRollup, !config.denyPurge else {
        return JetStreamError(.streamRollupFailed, "rollup not permitted")
      }
      if case .other(let word) = rollup {
        return JetStreamError(
          .streamRollupFailed, "rollup value invalid: \(String(reflecting: word))")
      }
    }
    if config.allowMessageCounter, self.increment == nil {
      return JetStreamError(.messageIncrMissing)
    }
    return nil
  }

  private func counterError(
    _ config: JetStreamStreamConfig, _ payloadBytes: Int
  ) -> JetStreamError? {
    guard let increment = self.increment else { return nil }
    let digits = increment.utf8.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    guard increment.utf8.count - digits.count <= 1, !digits.isEmpty,
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return JetStreamError(.messageIncrInvalid) }
    guard config.allowMessageCounter else { return JetStreamError(.messageIncrDisabled) }
    guard payloadBytes == 0 else { return JetStreamError(.messageIncrPayload) }
    let isAlone =
      self.rollup == nil && self.expectedStream.isEmpty && self.expectedLastMessageID.isEmpty
      && self.expectedLastSubject.isEmpty && self.expectedLastSequence == nil
      && self.expectedLastSubjectSequence == nil
    return isAlone ? nil : JetStreamError(.messageIncrInvalid)
  }

  private func scheduleError(
    _ config: JetStreamStreamConfig, _ subject: String
  ) -> JetStreamError? {
    guard !self.schedule.isEmpty else { return self.schedulerError(config, subject) }
    guard config.allowMessageSchedules else { return JetStreamError(.messageSchedulesDisabled) }
    if let zone = self.scheduleTimeZone, zone != "UTC" {
      return JetStreamError(.messageSchedulesTimeZoneInvalid)
    }
    guard let schedule = JetStreamSchedule(self.schedule) else {
      return JetStreamError(.messageSchedulesPatternInvalid)
    }
    if self.scheduleTimeZone != nil {
      guard case .cron = schedule else { return JetStreamError(.messageSchedulesPatternInvalid) }
    }
    if !self.scheduleTTL.isEmpty {
      var text = self.scheduleTTL
      let isInvalid = text.withUTF8 { TimeToLive(UnsafeRawBufferPointer($0)) } == .invalid
      if isInvalid { return JetStreamError(.messageSchedulesTTLInvalid) }
    }
    if !self.scheduleRollup.isEmpty, self.scheduleRollup != "sub" {
      return JetStreamError(.messageSchedulesRollupInvalid)
    }
    if !self.scheduleTTL.isEmpty {
      if !config.allowMessageTTL { return JetStreamError(.messageTTLDisabled) }
    }
    func isKept(_ name: String) -> Bool {
      config.subjects.contains { JetStreamPattern.matches(name, $0) }
    }
    let target = self.scheduleTarget
    guard JetStreamPattern.isPublishable(target), target != subject, isKept(target) else {
      return JetStreamError(.messageSchedulesTargetInvalid)
    }
    let source = self.scheduleSource
    if !source.isEmpty {
      guard JetStreamPattern.isPublishable(source), source != subject, source != target,
        isKept(source)
      else { return JetStreamError(.messageSchedulesSourceInvalid) }
    }
    if let rollup = self.rollup, rollup != .subject {
      return JetStreamError(.messageSchedulesRollupInvalid)
    }
    return nil
  }

  /// A client may name a scheduler only to take its schedule away.
  private func schedulerError(
    _ config: JetStreamStreamConfig, _ subject: String
  ) -> JetStreamError? {
    guard !self.scheduleNext.isEmpty || !self.scheduler.isEmpty else { return nil }
    guard self.scheduleNext == "purge", self.scheduler != subject,
      JetStreamPattern.isPublishable(self.scheduler)
    else { return JetStreamError(.messageSchedulesSchedulerInvalid) }
    return config.allowMessageSchedules ? nil : JetStreamError(.messageSchedulesDisabled)
  }
}
