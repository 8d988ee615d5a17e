import GodwitEngine
import GodwitPrimitives
import NATSWire
import NIOCore

/// Messages that a stream sends on by a schedule (ADR-51).
extension JetStreamAccount {
  /// Keeps a message of a stream with schedules or batches, if what it asks for holds.
  func keepAsked(
    _ publication: inout Publication, _ publishers: JetStreamPublishers,
    _ config: JetStreamStreamConfig, _ keep: (inout Publication) -> Capture.Result
  ) -> Capture.Result {
    guard publication.origin == self.frontEnd.envelope.origin,
      publication.nativeForm & NATSReceiver.Form.headers != 0
    else { return keep(&publication) }
    let tail = NATSEnvelope.Tail(publication)
    guard let options = try? JetStreamPublishOptions(parsing: tail.headers) else {
      return keep(&publication)
    }
    if !options.batchID.isEmpty, config.allowAtomicPublish {
      return publishers.batches.take(publication, options, config)
    }
    let refusal = options.refusal(
      by: config, subject: String(decoding: publication.topic, as: UTF8.self),
      payloadBytes: publication.payload.count)
    if let error = refusal { return .refused(.notPrepared(error.code)) }
    if let error = self.scheduleError(options, in: publishers.stream) {
      return .refused(.notPrepared(error.code))
    }
    guard !options.schedule.isEmpty, options.rollup == nil else { return keep(&publication) }
    // The schedule takes the place of the one before, and says so.
    var message = JetStreamMessage(
      headers: ByteBuffer(bytes: tail.headers), payload: ByteBuffer(bytes: publication.payload))
    message.add([.init("Nats-Rollup", "sub")])
    let expiresAt = publication.expiresAt
    return message.withPublication(to: Array(publication.topic), self) {
      $0.expiresAt = expiresAt
      return keep(&$0)
    }
  }

  /// Why what a message says about schedules cannot be, as its stream or the calendar knows.
  func scheduleError(
    _ options: JetStreamPublishOptions, in stream: GodwitEngine.Stream
  ) -> JetStreamError? {
    if !options.scheduler.isEmpty, stream.isScheduled(Array(options.scheduler.utf8)) == false {
      return JetStreamError(.messageSchedulesSchedulerInvalid)
    }
    if !options.schedule.isEmpty, options.sendingTime == nil {
      return JetStreamError(.messageSchedulesPatternInvalid)
    }
    return nil
  }

  /// Sends on what a schedule holds, or the last message of the subject that it takes samples of.
  func send(_ due: DueRecord, in stream: GodwitEngine.Stream) -> Capture.Result {
    var message = JetStreamMessage(due.record, self)
    let scheduler = message.subject
    let block = message.headers.withUnsafeReadableBytes {
      try? JetStreamPublishOptions(parsing: $0)
    }
    guard let options = block,
      Array(options.scheduleTarget.utf8).withUnsafeBytes({ NATSSubject.isLiteral($0) })
    else {
      return .refused(.notPrepared(JetStreamErrorCode.messageSchedulesTargetInvalid.rawValue))
    }
    if !options.scheduleSource.isEmpty,
      let last = stream.lastOffset(TopicPattern(canonical: Array(options.scheduleSource.utf8))),
      let sample = stream.committedRecord(at: last)
    {
      message = JetStreamMessage(sample, self)
    }
    message.strip { name in
      name.hasPrefix("Nats-Schedule") || name.hasPrefix("Nats-Expected-")
        || name.hasPrefix("Nats-Batch-")
        || ["Nats-Msg-Id", "Nats-TTL", "Nats-Rollup"].contains(name)
    }
    let next = due.next.map { JetStreamTimestamp(nanosecondsSince1970: $0).description }
    var fields: [NATSHeaders.Field] = [
      .init("Nats-Scheduler", String(decoding: scheduler, as: UTF8.self)),
      .init("Nats-Schedule-Next", next ?? "purge"),
    ]
    if !options.scheduleTTL.isEmpty { fields.append(.init("Nats-TTL", options.scheduleTTL)) }
    if !options.scheduleRollup.isEmpty {
      fields.append(.init("Nats-Rollup", options.scheduleRollup))
    }
    message.add(fields)
    message.subject = []
    return message.withPublication(to: Array(options.scheduleTarget.utf8), self) {
      stream.append(&$0, sentOnFrom: scheduler, next: due.next)
    }
  }
}

extension JetStreamPublishOptions {
  /// When the message is to be sent on; `nil` where it says nothing that can be understood.
  var sendingTime: SendingTime? {
    switch JetStreamSchedule(self.schedule) {
    case .at(let time): .once(time.nanosecondsSince1970)
    case .every(let interval): .again(.every(interval))
    case .cron(let text):
      CronSchedule(text).map { .again(.cron($0, offsetSeconds: 0)) }
    case nil: nil
    }
  }

  /// What the message has to do with schedules.
  var scheduleNote: ScheduleNote? {
    guard !self.schedule.isEmpty || !self.scheduler.isEmpty else { return nil }
    let begins = self.schedule.isEmpty ? nil : self.sendingTime
    guard !self.scheduler.isEmpty, !self.scheduleNext.isEmpty else {
      return .note(begins: begins, from: nil, next: nil)
    }
    let next = JetStreamTimestamp(self.scheduleNext)?.nanosecondsSince1970
    return .note(begins: begins, from: Array(self.scheduler.utf8), next: next)
  }
}
