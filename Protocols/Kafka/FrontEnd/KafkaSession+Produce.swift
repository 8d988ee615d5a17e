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
    job.response.throttleTimeMs = Int32(clamping: throttle(.producer, call.size, call))
    guard call.header.version >= Self.joiningFrom, let id = request.transactionalID,
      may(.write, transaction: id), let joining = joining(request, call.header.version, tenant)
    else { return produce(request, call, tenant, job) }
    // What could not be added is found not to be there.
    tenant.transactions.add(joining.places, to: id, joining.producer) { _ in
      call.work { self.produce(request, call, tenant, job) }
    }
  }

  /// From this version on what is written becomes part of the transaction by that (KIP-890); before,
  /// the producer has said so.
  private static let joiningFrom: Int16 = 12

  /// The partitions that a request's batches of a transaction are for, and their producer.
  private func joining(
    _ request: KafkaProduce.Request, _ version: Int16, _ tenant: KafkaTenant
  ) -> (places: [KafkaPlace], producer: KafkaTransaction.Producer)? {
    var producer: KafkaTransaction.Producer?
    var places: [KafkaPlace] = []
    for said in request.topicData {
      guard let topic = topic(said, version, tenant), mayWrite(topic.canonical) else { continue }
      for part in said.partitionData {
        guard topic.partition(part.index) != nil,
          let header = part.records?.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
          header.magic == 2, header.attributes.isTransactional
        else { continue }
        producer = producer ?? .init(id: header.producerID, epoch: header.producerEpoch)
        places.append(KafkaPlace(topic: topic.id, partition: part.index))
      }
    }
    return producer.map { (places, $0) }
  }

  private func topic(
    _ said: KafkaProduce.Request.Topic, _ version: Int16, _ tenant: KafkaTenant
  ) -> KafkaTopic? {
    version >= 13 ? tenant.topic(said.topicID) : tenant.topic(said.name)
  }

  private func produce(
    _ request: KafkaProduce.Request, _ call: KafkaCall, _ tenant: KafkaTenant,
    _ job: KafkaProducing
  ) {
    // Nothing that waits for the disk holds the request, and so the memory that it was read into.
    let acks = request.acks
    let done = {
      job.left -= 1
      guard job.left == 0 else { return }
      if acks == 0 {
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
    if acks == 0 { endAfterFailure(job.response) }
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
    if let id = request.transactionalID, !may(.write, transaction: id) {
      return .refused(.transactionalIDAuthorizationFailed)
    }
    guard let topic = topic(said, version, tenant) else {
      return .refused(version >= 13 ? .unknownTopicID : unknown(said.name, .write))
    }
    guard mayWrite(topic.canonical) else { return .refused(.topicAuthorizationFailed) }
    guard let partition = topic.partition(part.index) else {
      return .refused(.unknownTopicOrPartition)
    }
    guard let batch = part.records, batch.readableBytes > 0 else {
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
    case .success(let verdict):
      if let code = checkTransaction(verdict.header, request, partition, topic, version, tenant) {
        server.statistics.batchesRefused &+= 1
        return .refused(code)
      }
      return append(batch, verdict, to: partition, of: topic)
    }
  }

  /// Whether a batch of a transaction belongs to one that is open here, and whether one of none may
  /// come from its producer.
  private func checkTransaction(
    _ header: KafkaBatchHeader, _ request: KafkaProduce.Request, _ partition: KafkaPartition,
    _ topic: KafkaTopic, _ version: Int16, _ tenant: KafkaTenant
  ) -> KafkaErrorCode? {
    guard header.attributes.isTransactional else {
      let isOpen = partition.transactions.open[header.producerID] != nil
      return isOpen ? .invalidTxnState : nil
    }
    guard let id = request.transactionalID else { return .invalidTxnState }
    let code = tenant.transactions.mayWrite(
      id, KafkaTransaction.Producer(id: header.producerID, epoch: header.producerEpoch),
      to: KafkaPlace(topic: topic.id, partition: partition.index))
    // Older clients do not know that they may abort.
    return code == .invalidTxnState && version >= 11 ? .transactionAbortable : code
  }

  private func append(
    _ batch: ByteBuffer, _ verdict: KafkaBatchValidator.Verdict, to place: KafkaPartition,
    of topic: KafkaTopic
  ) -> Outcome {
    let header = verdict.header
    let partition = place.partition
    let count = Int(header.count)
    if header.producerID >= 0 { place.recover(producersMax: server.values.producersMax) }
    switch place.producers.judge(header) {
    case .refused(let code):
      server.statistics.batchesRefused &+= 1
      return .refused(code)
    case .duplicate(let first, let count):
      server.statistics.duplicates &+= 1
      var outcome = Outcome()
      outcome.answer.baseOffset = Int64(clamping: first)
      outcome.answer.logStartOffset = Int64(clamping: partition.startOffset)
      // It was refused at first since not all who should keep it could: now they may.
      let told =
        place.producers.isOwed(header) ? tellOthers(batch.copied, of: topic, partition) : nil
      outcome.wait = { body in
        partition.whenCommitted(before: first + UInt64(count)) { error in
          guard error == nil, let told else { return body(error) }
          told.whenKnown { error in
            place.setOwed(header, error != nil)
            body(error)
          }
        }
      }
      return outcome
    case .new: break
    }
    var outcome = Outcome()
    let now = engine.now / 1_000_000
    let stamp = KafkaStamp(verdict, topic.config, at: partition.nextOffset, now: now)
    do throws(EngineError) {
      let offset = try partition.append(
        batchOf: batch.readableBytes, form: 0, origin: server.origin, count: count,
        time: KafkaTopicConfig.nanoseconds(stamp.latest)
      ) { stamp.write(batch, to: $0) }
      place.note(header, at: offset, producersMax: server.values.producersMax)
      outcome.answer.baseOffset = Int64(clamping: offset)
      outcome.answer.logStartOffset = Int64(clamping: partition.startOffset)
      if topic.config.stampsAppendTime { outcome.answer.logAppendTimeMs = now }
      server.statistics.batchesIn &+= 1
      server.statistics.messagesIn &+= UInt64(count)
      // What belongs to a transaction is nobody's business before that is committed.
      let isOpen = header.attributes.isTransactional
      if isOpen { place.began(header.producerID, at: offset) }
      let told = isOpen ? nil : tellOthers(stamp.copy(of: batch), of: topic, partition)
      let producerID = header.producerID
      outcome.wait = { body in
        partition.whenCommitted(before: offset + UInt64(count)) { error in
          // What was not kept is welcome when it is sent again.
          if error != nil { place.takeBack(producerID, from: offset, isOpen: isOpen) }
          guard error == nil, let told else { return body(error) }
          told.whenKnown { error in
            if error != nil { place.setOwed(header, true) }
            body(error)
          }
        }
      }
      return outcome
    } catch {
      server.statistics.batchesRefused &+= 1
      let refusal = KafkaRefusal(error)
      return .refused(refusal.code, refusal.message)
    }
  }

  /// Has those who listen by other protocols told of a batch; `nil` where there are none.
  private func tellOthers(
    _ batch: @autoclosure () -> ByteBuffer, of topic: KafkaTopic, _ partition: Partition
  ) -> KafkaPromise? {
    guard topic.topic.hasOtherListeners(memo: &topic.memo) else { return nil }
    let promise = KafkaPromise()
    server.teller.tell(batch(), of: topic, partition) { promise.succeed(or: $0) }
    return promise
  }
}

/// What is written into a batch that is kept: where it stands and, where the topic wants it, when
/// it came.
private struct KafkaStamp {
  /// Its latest timestamp, in milliseconds; not more than an hour ahead of now, so that a wrong
  /// clock does not keep it for ever.
  let latest: Int64
  private let offset: UInt64
  private let appendTime: Int64?
  /// The largest timestamp, where the header says another.
  private let corrected: Int64?

  /// - Parameter now: in milliseconds.
  init(
    _ verdict: KafkaBatchValidator.Verdict, _ config: KafkaTopicConfig, at offset: UInt64,
    now: Int64
  ) {
    self.offset = offset
    appendTime = config.stampsAppendTime ? now : nil
    let right = verdict.maxTimestamp ?? verdict.header.maxTimestamp
    corrected = right != verdict.header.maxTimestamp ? right : nil
    let latest = appendTime ?? right
    self.latest = latest < 0 ? now : min(latest, now + 3_600_000)
  }

  /// Writes a batch with it to where there is room for exactly that.
  func write(_ batch: ByteBuffer, to target: UnsafeMutableRawBufferPointer) {
    batch.withUnsafeReadableBytes { target.copyMemory(from: $0) }
    KafkaBatchHeader.assign(baseOffset: Int64(clamping: offset), leaderEpoch: 0, in: target)
    if let appendTime {
      KafkaBatchHeader.stamp(appendTime: appendTime, in: target)
    } else if let corrected {
      KafkaBatchHeader.correct(maxTimestamp: corrected, in: target)
    }
  }

  /// The batch with it.
  func copy(of batch: ByteBuffer) -> ByteBuffer {
    let size = batch.readableBytes
    var copy = ByteBuffer()
    copy.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { free in
      write(batch, to: UnsafeMutableRawBufferPointer(rebasing: free[..<size]))
      return size
    }
    return copy
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
