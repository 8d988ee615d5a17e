import GodwitEngine
import GodwitPrimitives
import NATSWire
import NIOCore

/// The batches of a stream that wait for their ends (ADR-50).
final class JetStreamBatches {
  /// One that waits.
  final class Batch: TimerTarget {
    let id: String
    fileprivate(set) var messages: [JetStreamMessage] = []
    /// How many came, and the marker of the end with them.
    fileprivate var count: UInt64 = 0
    /// What the messages take.
    fileprivate var charges: [MemoryCharge] = []
    fileprivate var timer: Timers.Token?
    private unowned let batches: JetStreamBatches

    fileprivate init(_ id: String, _ batches: JetStreamBatches) {
      self.id = id
      self.batches = batches
    }

    /// Nobody has added to it for too long.
    func timerFired(_ kind: Int) {
      self.timer = nil
      self.batches.abandon(self, .timeout)
    }
  }

  private typealias Code = JetStreamErrorCode

  private static var idBytesMax: Int { 64 }
  private static var messagesMax: UInt64 { 1_000 }
  /// So many may wait, of one stream and of all.
  private static var perStreamMax: Int { 50 }
  private static var serverMax: Int { 1_000 }
  private static var patience: Int64 { 10_000_000_000 }

  private let stream: GodwitEngine.Stream
  private unowned let account: JetStreamAccount
  private var waiting: [String: Batch] = [:]
  /// Why the last message was refused, in JetStream's own words.
  var lastError: JetStreamError?
  /// What was kept last, for its acknowledgement.
  var last: (offset: UInt64, id: String, count: UInt64)?

  init(_ stream: GodwitEngine.Stream, _ account: JetStreamAccount) {
    self.stream = stream
    self.account = account
  }

  /// Takes a message of a batch: holds it, or keeps the whole batch.
  func take(
    _ publication: borrowing Publication, _ options: JetStreamPublishOptions,
    _ config: JetStreamStreamConfig
  ) -> Capture.Result {
    self.lastError = nil
    do throws(JetStreamError) {
      guard let end = try self.hold(publication, options) else { return .refused(.isHeld) }
      defer { self.forget(end) }
      let messages = try self.checked(end, config)
      do throws(AppendRefusal) {
        let offsets = try self.stream.append(
          together: messages.map { message in
            { body in message.withPublication(to: message.subject, self.account) { body(&$0) } }
          })
        let offset = offsets.upperBound - 1
        self.last = (offset, end.id, UInt64(messages.count))
        return .stored(offset)
      } catch {
        return .refused(error)
      }
    } catch {
      self.lastError = error
      return .refused(.notPrepared(error.code))
    }
  }

  /// - Returns: the batch, if this was its end.
  private func hold(
    _ publication: borrowing Publication, _ options: JetStreamPublishOptions
  ) throws(JetStreamError) -> Batch? {
    guard options.batchID.utf8.count <= Self.idBytesMax else {
      throw JetStreamError(.atomicPublishInvalidBatchID)
    }
    guard options.batchSequence > 0 else { throw JetStreamError(.atomicPublishMissingSeq) }
    let isMarker = options.batchCommit == "eob"
    let size = options.batchSequence - (isMarker ? 1 : 0)
    let batch = try self.batch(options, size)
    guard ["", "1", "eob"].contains(options.batchCommit) else {
      self.forget(batch)
      throw JetStreamError(.atomicPublishInvalidBatchCommit)
    }
    guard JetStreamLevel.isEnough(for: options.requiredLevel) else {
      self.abandon(batch, .unsupported)
      throw JetStreamError(.requiredApiLevel)
    }
    batch.count += 1
    guard batch.count == options.batchSequence, size > 0 else {
      self.abandon(batch, .incomplete)
      throw JetStreamError(.atomicPublishIncompleteBatch)
    }
    guard size <= Self.messagesMax else {
      self.abandon(batch, .large)
      throw JetStreamError(.atomicPublishTooLargeBatch, String(Self.messagesMax))
    }
    if !isMarker {
      let bytes = publication.topic.count + publication.native.count + 256
      guard let charge = self.stream.tenant.memory.charge(bytes) else {
        self.abandon(batch, .incomplete)
        throw JetStreamError(.atomicPublishIncompleteBatch)
      }
      batch.charges.append(charge)
      var message = JetStreamMessage(
        headers: ByteBuffer(bytes: NATSEnvelope.Tail(publication).headers),
        payload: ByteBuffer(bytes: publication.payload))
      message.subject = Array(publication.topic)
      if options.requiredLevel != nil { message.strip { $0 == "Nats-Required-Api-Level" } }
      batch.messages.append(message)
    }
    guard options.batchCommit.isEmpty else {
      if isMarker {
        batch.messages[batch.messages.count - 1].add([.init("Nats-Batch-Commit", "1")])
      }
      return batch
    }
    self.watch(batch)
    return nil
  }

  private func batch(
    _ options: JetStreamPublishOptions, _ size: UInt64
  ) throws(JetStreamError) -> Batch {
    if let batch = self.waiting[options.batchID] { return batch }
    guard options.batchSequence == 1 else {
      throw size > Self.messagesMax
        ? JetStreamError(.atomicPublishTooLargeBatch, String(Self.messagesMax))
        : JetStreamError(.atomicPublishIncompleteBatch)
    }
    guard self.waiting.count < Self.perStreamMax, self.account.frontEnd.batchCount < Self.serverMax
    else {
      throw JetStreamError(.atomicPublishTooManyInflight)
    }
    let batch = Batch(options.batchID, self)
    self.account.frontEnd.batchCount += 1
    self.waiting[options.batchID] = batch
    return batch
  }

  /// The messages as they are to be kept, if the stream's settings allow all of them.
  private func checked(
    _ batch: Batch, _ config: JetStreamStreamConfig
  ) throws(JetStreamError) -> [JetStreamMessage] {
    var messages = batch.messages
    for (index, message) in messages.enumerated() {
      let block = message.headers.withUnsafeReadableBytes {
        try? JetStreamPublishOptions(parsing: $0)
      }
      guard let options = block else { throw JetStreamError(.atomicPublishIncompleteBatch) }
      guard options.expectedLastMessageID.isEmpty else {
        throw JetStreamError(.atomicPublishUnsupportedHeaderBatch, "Nats-Expected-Last-Msg-Id")
      }
      let refusal = options.refusal(
        by: config, subject: String(decoding: message.subject, as: UTF8.self),
        payloadBytes: message.payload.readableBytes)
      if let refusal { throw refusal }
      if let error = self.account.scheduleError(options, in: self.stream) { throw error }
      if !options.schedule.isEmpty, options.rollup == nil {
        messages[index].add([.init("Nats-Rollup", "sub")])
      }
    }
    return messages
  }

  // MARK: Ending

  private func watch(_ batch: Batch) {
    let engine = self.account.engine
    if let timer = batch.timer { engine.timers.cancel(timer) }
    batch.timer = engine.timers.schedule(
      atUptime: engine.uptime + Self.patience, batch, kind: 0)
  }

  private func forget(_ batch: Batch) {
    guard self.waiting.removeValue(forKey: batch.id) != nil else { return }
    if let timer = batch.timer { self.account.engine.timers.cancel(timer) }
    batch.timer = nil
    self.account.frontEnd.batchCount -= 1
  }

  private func abandon(_ batch: Batch, _ reason: JetStreamAdvisory.BatchEnd) {
    self.forget(batch)
    self.account.tell(.batchAbandoned(stream: self.stream.name, batch: batch.id, reason))
  }

  /// The stream is gone, or takes no batches any more.
  func end() {
    for batch in self.waiting.values { self.forget(batch) }
  }
}
