import GodwitEngine
import GodwitPrimitives
import NATSWire
import NIOCore

/// What receivers say: acknowledgements, requests for more, answers to flow control.
extension JetStreamAccount {
  /// CONSUMER.MSG.NEXT. Nobody answers for a consumer that is not there.
  func next(_ stream: String, _ name: String, _ request: Request) -> Bool {
    guard let stream = self.tenant.streams[stream], let group = stream.group(named: name) else {
      return false
    }
    let consumer = self.consumer(group, of: stream)
    do throws(JetStreamJSONError) {
      consumer.request(try JetStreamPullRequest(parsing: request.body), reply: request.reply)
    } catch {
      self.send(.badRequest(error.description), to: request.reply)
    }
    return true
  }

  func takeAck(_ operation: borrowing NATSOperation) -> Bool {
    let subject = operation.subject
    if let consumer = self.lastAcknowledged, subject.count > consumer.ackPrefix.count,
      consumer.ackPrefix.withUnsafeBytes({
        UnsafeRawBufferPointer(rebasing: subject[..<$0.count]).sameBytes(as: $0)
      })
    {
      let numbers = JetStreamAckSubject.numbers(subject, behind: consumer.ackPrefix.count)
      guard let numbers else { return false }
      return self.take(operation, numbers, for: consumer)
    }
    guard let address = JetStreamAckSubject(subject),
      let stream = self.tenant.streams[address.stream],
      let group = stream.group(named: address.consumer)
    else { return false }
    let consumer = self.consumer(group, of: stream)
    self.lastAcknowledged = consumer
    let numbers = (address.deliveries, address.streamSequence, address.consumerSequence)
    return self.take(operation, numbers, for: consumer)
  }

  private func take(
    _ operation: borrowing NATSOperation,
    _ numbers: (deliveries: UInt64, stream: UInt64, consumer: UInt64),
    for consumer: JetStreamConsumer
  ) -> Bool {
    let group = consumer.group
    guard numbers.stream > 0 else { return false }
    let offset = numbers.stream - 1
    // Who is not answered asks again, or gets the message again. An answer would be a promise.
    guard group.hasHandedOut(offset) else { return true }
    switch JetStreamAck(operation.payload) {
    case .ack, nil: self.acknowledge(offset, numbers, consumer)
    case .progress: group.extend(offset)
    case .nak(let delay):
      if group.release(offset, delay: delay ?? 0) {
        self.tell(.nak(consumer.delivery(numbers)))
      }
    case .term(let reason):
      if group.terminate(offset, reason: reason) {
        self.tell(.terminated(consumer.delivery(numbers), reason: reason))
      }
    case .next(let request):
      self.acknowledge(offset, numbers, consumer)
      let request = request ?? JetStreamPullRequest(batch: 1)
      consumer.request(request, reply: Array(operation.reply))
      return true
    }
    guard operation.reply.count > 0 else { return true }
    let reply = Array(operation.reply)
    group.whenCommitted { error in
      // Who hears nothing asks again, and the message is delivered again.
      if error == nil { reply.withUnsafeBytes { self.answer($0) { _ in } } }
    }
    return true
  }

  private func acknowledge(
    _ offset: UInt64, _ numbers: (deliveries: UInt64, stream: UInt64, consumer: UInt64),
    _ consumer: JetStreamConsumer
  ) {
    let lentAt = consumer.config.sampleFrequency.isEmpty ? nil : consumer.group.lentAt(offset)
    consumer.group.acknowledge(offset)
    if let lentAt { consumer.sample(numbers, lentAt: lentAt) }
  }

  func takeFlow(_ subject: UnsafeRawBufferPointer) -> Bool {
    guard let (name, consumer, token) = JetStreamFlowSubject.parse(subject),
      let stream = self.tenant.streams[name], let group = stream.group(named: consumer)
    else { return false }
    self.consumer(group, of: stream).flowAnswered(token)
    return true
  }

  // MARK: Publishers

  /// Tells a publisher, when it lasts, that a stream keeps its message at `offset`. A stream that
  /// does not acknowledge says nothing.
  func acknowledge(
    _ offset: UInt64, of stream: GodwitEngine.Stream, reply: UnsafeRawBufferPointer
  ) {
    let publishers = self.publishers(of: stream)
    if !publishers.facts.noAck { publishers.add(offset, isDuplicate: false, reply: reply) }
  }

  /// Tells a publisher what became of its message, when that lasts. A stream that does not
  /// acknowledge says nothing.
  ///
  /// - Parameter headers: the message's header block.
  func acknowledge(
    _ captures: Captures, subject: UnsafeRawBufferPointer, headers: UnsafeRawBufferPointer,
    payloadBytes: Int, reply: UnsafeRawBufferPointer
  ) {
    guard captures.count == 1, let capture = captures.first, let stream = capture.stream else {
      return self.acknowledgeTogether(captures, reply: Array(reply))
    }
    let publishers = self.publishers(of: stream)
    guard !publishers.facts.noAck else { return }
    switch capture.result {
    case .stored(let offset): publishers.add(offset, isDuplicate: false, reply: reply)
    case .duplicate(let offset): publishers.add(offset, isDuplicate: true, reply: reply)
    case .refused(.isHeld): self.answer(reply) { _ in }
    case .refused(let refusal):
      let options = try? JetStreamPublishOptions(parsing: headers)
      let config = JetStreamSettings.config(stream.settings)
      if let options, !options.batchID.isEmpty, let error = publishers.batches.lastError {
        return self.refuse(error, config.name, to: reply)
      }
      let error = options?.refusal(
        by: config, subject: String(decoding: subject, as: UTF8.self),
        payloadBytes: payloadBytes)
      self.refuse(error ?? Self.error(refusal), config.name, to: reply)
    }
  }

  /// Tells a publisher, once, that all have its message, or that somebody has not: where several
  /// streams keep it, or another protocol's topic does, which is as safe. A stream speaks before a
  /// topic.
  private func acknowledgeTogether(_ captures: Captures, reply: [UInt8]) {
    let heard = captures.filter { capture in
      capture.stream.map { !self.publishers(of: $0).facts.noAck } ?? true
    }
    guard let speaker = heard.first(where: { $0.stream != nil }) ?? heard.first else { return }
    let refused = captures.first {
      if case .refused(let refusal) = $0.result { refusal != .isHeld } else { false }
    }
    captures.whenCommitted { error in
      if let error {
        let failure = JetStreamError(.streamStoreFailed, error.message)
        return reply.withUnsafeBytes { self.refuse(failure, speaker.name, to: $0) }
      }
      let said = refused ?? speaker
      reply.withUnsafeBytes { self.tell(said, to: $0) }
    }
  }

  /// Tells a publisher what became of its message, which is committed, or refused.
  private func tell(_ capture: Capture, to reply: UnsafeRawBufferPointer) {
    switch capture.result {
    case .refused(.isHeld): self.answer(reply) { _ in }
    case .refused(let refusal): self.refuse(Self.error(refusal), capture.name, to: reply)
    case .stored(let offset), .duplicate(of: let offset):
      if let stream = capture.stream {
        var isDuplicate = false
        if case .duplicate = capture.result { isDuplicate = true }
        self.publishers(of: stream).add(offset, isDuplicate: isDuplicate, reply: reply)
      } else {
        var answer = JetStreamPublishAck()
        answer.stream = capture.name
        answer.sequence = offset + 1
        self.answer(reply) { $0.writeBytes(answer.encoded) }
      }
    }
  }

  /// Tells a publisher that a stream has not kept its message.
  func refuse(_ error: JetStreamError, _ stream: String, to reply: UnsafeRawBufferPointer) {
    var ack = JetStreamPublishAck()
    ack.error = error
    ack.stream = stream
    self.answer(reply) { $0.writeBytes(ack.encoded) }
  }

  static func error(_ refusal: AppendRefusal) -> JetStreamError {
    switch refusal {
    case .isSealed: JetStreamError(.streamSealed)
    case .otherStream: JetStreamError(.streamNotMatch)
    case .nextOffsetIs(let last), .topicEndIs(let last):
      JetStreamError(.streamWrongLastSequence, String(last))
    case .lastMessageIDIs(let id):
      JetStreamError(.streamWrongLastMsgID, String(decoding: id ?? [], as: UTF8.self))
    case .rollupNotAllowed: JetStreamError(.streamRollupFailed, "rollup not permitted")
    case .timeToLiveInvalid: JetStreamError(.messageTTLInvalid)
    case .expiryNotAllowed: JetStreamError(.messageTTLDisabled)
    case .topicInvalid: JetStreamError(.streamStoreFailed, "invalid subject")
    case .recordTooLarge: JetStreamError(.streamMessageExceedsMaximum)
    case .propertiesTooLarge: JetStreamError(.streamHeaderExceedsMaximum)
    case .recordsMax: JetStreamError(.streamStoreFailed, "maximum messages exceeded")
    case .bytesMax: JetStreamError(.streamStoreFailed, "maximum bytes exceeded")
    case .recordsPerTopicMax:
      JetStreamError(.streamStoreFailed, "maximum messages per subject exceeded")
    case .isDuplicate: JetStreamError(.atomicPublishContainsDuplicateMessage)
    case .expectsOfItself: JetStreamError(.streamWrongLastSequenceConstant)
    case .rollsItselfUp: JetStreamError(.streamRollupFailed, "batch rollup invalid")
    case .isHeld: JetStreamError(.atomicPublishIncompleteBatch)
    case .notPrepared(let code):
      JetStreamError(JetStreamErrorCode(rawValue: code) ?? .streamStoreFailed)
    case .log(let error):
      error.code == .quotaExceeded
        ? JetStreamError(.insufficientResources)
        : JetStreamError(.streamStoreFailed, error.message)
    }
  }
}
