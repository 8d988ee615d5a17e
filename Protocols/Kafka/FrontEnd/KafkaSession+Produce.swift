import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import Logging
import NIOCore

/// A Produce request whose batches are on their way into their logs.
private final class KafkaProducing {
  var response = KafkaProduce.Response()
  /// How many commits are waited for, and one for the request itself.
  var left = 1
}

extension KafkaSession {
  /// Produce: appends each batch to its partition, and answers when all are committed.
  func produce(_ request: KafkaProduce.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    let job = KafkaProducing()
    let done = {
      job.left -= 1
      guard job.left == 0 else { return }
      if request.acks == 0 {
        call.answerNothing()
      } else {
        call.answer(KafkaProduce.self, job.response)
      }
    }
    var waits: [(topic: Int, partition: Int, wait: Outcome.Wait)] = []
    for topic in request.topicData {
      var answer = KafkaProduce.Response.Topic()
      answer.name = topic.name
      answer.topicID = topic.topicID
      let place = job.response.responses.count
      for part in topic.partitionData {
        let index = answer.partitionResponses.count
        let outcome = append(part, of: topic, request, call.header.version, tenant)
        var partition = outcome.answer
        partition.index = part.index
        answer.partitionResponses.append(partition)
        if let wait = outcome.wait { waits.append((place, index, wait)) }
      }
      job.response.responses.append(answer)
    }
    job.left += waits.count
    for (topic, partition, wait) in waits {
      wait { error in
        if let error {
          job.response.set(KafkaRefusal(error), topic: topic, partition: partition)
        }
        done()
      }
    }
    done()
    if request.acks == 0 { endAfterFailure(job.response) }
  }

  /// Who asks for no answer notices a failure only by the end of the connection, as at Kafka.
  private func endAfterFailure(_ response: KafkaProduce.Response) {
    let hasFailed = response.responses.contains { topic in
      topic.partitionResponses.contains { $0.error != .noError }
    }
    if hasFailed { end(CloseReason("Produce Failed")) }
  }

  private struct Outcome {
    /// Calls its argument when what was appended is committed, or never will be.
    typealias Wait = (@escaping (EngineError?) -> Void) -> Void

    var answer = KafkaProduce.Response.Partition()
    var wait: Wait?

    static func refused(_ code: KafkaErrorCode, _ message: String? = nil) -> Outcome {
      var outcome = Outcome()
      outcome.answer.error = code
      outcome.answer.errorMessage = message
      outcome.answer.baseOffset = -1
      return outcome
    }
  }

  private func append(
    _ part: KafkaProduce.Request.Partition, of said: KafkaProduce.Request.Topic,
    _ request: KafkaProduce.Request, _ version: Int16, _ tenant: KafkaTenant
  ) -> Outcome {
    guard (-1...1).contains(request.acks) else { return .refused(.invalidRequiredAcks) }
    guard let topic = version >= 13 ? tenant.topic(said.topicID) : tenant.topic(said.name) else {
      return .refused(version >= 13 ? .unknownTopicID : .unknownTopicOrPartition)
    }
    guard mayWrite(topic.canonical) else { return .refused(.topicAuthorizationFailed) }
    guard let partition = topic.partition(part.index) else {
      return .refused(.unknownTopicOrPartition)
    }
    guard request.transactionalID == nil else { return .refused(.invalidTxnState) }
    guard var batch = part.records?.copied, batch.readableBytes > 0 else {
      return .refused(.invalidRecord, "no batch")
    }
    var validator = KafkaBatchValidator()
    validator.sizeMax = topic.config.messageBytesMax ?? server.values.messageBytesMax
    validator.requiresKeys = topic.config.isCompacted
    validator.allowsZstandard = version >= 7
    let judged: Result<KafkaBatchValidator.Verdict, KafkaBatchError> =
      batch.withUnsafeReadableBytes { bytes in
        do throws(KafkaBatchError) {
          return .success(try validator.validate(bytes))
        } catch {
          return .failure(error)
        }
      }
    switch judged {
    case .failure(let error):
      server.statistics.batchesRefused &+= 1
      var outcome = Outcome.refused(error.code, error.message)
      if let record = error.recordIndex {
        outcome.answer.recordErrors = [
          .with {
            $0.batchIndex = Int32(clamping: record)
            $0.batchIndexErrorMessage = error.message
          }
        ]
      }
      return outcome
    case .success(let verdict): return append(&batch, verdict, to: partition, of: topic)
    }
  }

  private func append(
    _ batch: inout ByteBuffer, _ verdict: KafkaBatchValidator.Verdict, to place: KafkaPartition,
    of topic: KafkaTopic
  ) -> Outcome {
    let header = verdict.header
    let partition = place.partition
    let count = Int(header.count)
    guard !header.attributes.isTransactional else { return .refused(.invalidTxnState) }
    if header.producerID >= 0 { place.recover(producersMax: server.values.producersMax) }
    switch place.producers.judge(header) {
    case .refused(let code):
      server.statistics.batchesRefused &+= 1
      return .refused(code)
    case .duplicate(let first, let count):
      server.statistics.duplicates &+= 1
      var outcome = Outcome()
      outcome.answer.baseOffset = Int64(clamping: first)
      outcome.answer.logStartOffset = Int64(clamping: partition.firstOffset)
      outcome.wait = { partition.whenCommitted(before: first + UInt64(count), $0) }
      return outcome
    case .new: break
    }
    var outcome = Outcome()
    let now = engine.now / 1_000_000
    let latest = prepare(&batch, verdict, for: topic, at: partition.nextOffset, now: now)
    do throws(EngineError) {
      let offset = try partition.append(
        batch: batch, form: 0, origin: server.origin, count: count,
        time: KafkaTopicConfig.nanoseconds(latest))
      place.note(header, at: offset, producersMax: server.values.producersMax)
      outcome.answer.baseOffset = Int64(clamping: offset)
      outcome.answer.logStartOffset = Int64(clamping: partition.firstOffset)
      if topic.config.stampsAppendTime { outcome.answer.logAppendTimeMs = now }
      server.statistics.batchesIn &+= 1
      server.statistics.messagesIn &+= UInt64(count)
      let captures = tellOthers(batch, of: topic, at: offset)
      let producerID = header.producerID
      outcome.wait = { body in
        partition.whenCommitted(before: offset + UInt64(count)) { error in
          // What was not kept is welcome when it is sent again.
          if error != nil, producerID >= 0 { place.forget(producerID) }
          guard error == nil else { return body(error) }
          captures.whenCommitted(body)
        }
      }
      return outcome
    } catch {
      server.statistics.batchesRefused &+= 1
      let refusal = KafkaRefusal(error)
      return .refused(refusal.code, refusal.message)
    }
  }

  /// Writes into a batch where it will stand and, where the topic wants it, when it came.
  ///
  /// - Returns: its latest timestamp, in milliseconds; not more than an hour ahead of now, so that
  ///   a wrong clock does not keep it for ever.
  private func prepare(
    _ batch: inout ByteBuffer, _ verdict: KafkaBatchValidator.Verdict, for topic: KafkaTopic,
    at offset: UInt64, now: Int64
  ) -> Int64 {
    var latest = verdict.maxTimestamp ?? verdict.header.maxTimestamp
    batch.withUnsafeMutableReadableBytes { bytes in
      KafkaBatchHeader.assign(baseOffset: Int64(clamping: offset), leaderEpoch: 0, in: bytes)
      if topic.config.stampsAppendTime {
        KafkaBatchHeader.stamp(appendTime: now, in: bytes)
        latest = now
      } else if let right = verdict.maxTimestamp, right != verdict.header.maxTimestamp {
        KafkaBatchHeader.correct(maxTimestamp: right, in: bytes)
      }
    }
    return latest < 0 ? now : min(latest, now + 3_600_000)
  }

  /// Opens a batch for those who listen by other protocols, if there are any.
  private func tellOthers(_ batch: ByteBuffer, of topic: KafkaTopic, at offset: UInt64) -> [Capture]
  {
    guard topic.topic.hasOtherListeners else { return [] }
    var bytes = batch
    guard let opened = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      let plain = try? opened.plainBody(sizeMax: KafkaLogReading.openedBytesMax)
    else {
      engine.counters.dropped &+= 1
      server.context.logger.notice("kafka: a batch to \(topic.name) cannot be opened for others")
      return []
    }
    // What it cost to open counts as well, so that others have their turn.
    engine.effort.pointee &+= UInt64(truncatingIfNeeded: plain.readableBytes / 1_024)
    var kept: [Capture] = []
    plain.withUnsafeReadableBytes { body in
      var reader = KafkaRecordReader(body, count: Int(opened.header.count))
      while let record = try? reader.next() {
        tellOthers(record, body, opened.header, of: topic, &kept)
      }
    }
    return kept
  }

  private func tellOthers(
    _ record: KafkaRecordView, _ body: UnsafeRawBufferPointer, _ header: KafkaBatchHeader,
    of topic: KafkaTopic, _ kept: inout [Capture]
  ) {
    let timestamp =
      header.attributes.hasAppendTime
      ? header.maxTimestamp : header.baseTimestamp &+ record.timestampDelta
    var native = ByteBuffer()
    native.reserveCapacity(KafkaEnvelope.headSize + record.record.count)
    native.writeInteger(timestamp)
    native.writeBytes(body[record.record])
    native.withUnsafeReadableBytes { native in
      let shift = KafkaEnvelope.headSize - record.record.lowerBound
      let payload = record.value.map { $0.lowerBound + shift..<$0.upperBound + shift } ?? 0..<0
      topic.canonical.withUnsafeBytes { canonical in
        var publication = Publication(
          topic: canonical, payload: UnsafeRawBufferPointer(rebasing: native[payload]),
          origin: server.origin, native: native, quality: .atLeastOnce)
        topic.topic.publishElsewhere(&publication, memo: &topic.memo)
        // Of each stream, the last commit says that all before it are there.
        for capture in publication.captures {
          guard case .stored = capture.result else { continue }
          kept.removeAll { $0.stream === capture.stream }
          kept.append(capture)
        }
      }
    }
  }

  /// InitProducerId: a number for an idempotent producer.
  func initProducerID(_ request: KafkaInitProducerID.Request, _ call: KafkaCall) {
    call.answer(
      KafkaInitProducerID.self,
      .with { response in
        guard request.transactionalID == nil else {
          response.error = .invalidRequest
          return
        }
        // Who has a number goes on with its next epoch, as long as there is one (KIP-360).
        if request.producerID >= 0, (0..<Int16.max - 1).contains(request.producerEpoch) {
          response.producerID = request.producerID
          response.producerEpoch = request.producerEpoch + 1
        } else {
          response.producerID = server.makeProducerID()
          response.producerEpoch = 0
        }
      })
  }
}

extension KafkaProduce.Response {
  fileprivate mutating func set(_ refusal: KafkaRefusal, topic: Int, partition: Int) {
    guard responses.indices.contains(topic),
      responses[topic].partitionResponses.indices.contains(partition)
    else { return }
    responses[topic].partitionResponses[partition].error = refusal.code
    responses[topic].partitionResponses[partition].errorMessage = refusal.message
    responses[topic].partitionResponses[partition].baseOffset = -1
  }
}
