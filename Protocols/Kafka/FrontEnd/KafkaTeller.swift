import GodwitEngine
import KafkaWire
import NIOCore

/// Publishes what is in batches to those who listen by other protocols, each partition's batches in
/// their order.
///
/// A small batch that is not compressed is told at once. Others are opened on the partition's event
/// loop, few at a time since they may grow, and told in steps, so that nobody waits for them.
final class KafkaTeller {
  /// A batch that waits for its turn.
  private struct Waiting {
    let batch: ByteBuffer
    let topic: KafkaTopic
    let done: (EngineError?) -> Void
  }

  /// What a partition has to tell. The first is under way.
  private final class Queue {
    let partition: Partition
    var waiting = CircularBuffer<Waiting>()

    init(_ partition: Partition) { self.partition = partition }
  }

  /// A batch with its records laid open.
  private struct Opened: Sendable {
    let header: KafkaBatchHeader
    /// What was not told yet.
    var records: ByteBuffer
    var left: Int
  }

  /// How many opened batches there may be at once.
  static let openMax = 2
  /// So many records are told before others have their turn.
  private static let stepRecords = 512
  /// So many bytes of them.
  private static let stepBytes = 1 << 20

  private let engine: Engine
  private let origin: Origin
  private let failed: (KafkaTopic) -> Void
  private var queues: [ObjectIdentifier: Queue] = [:]
  /// Partitions whose turn to open a batch has not come, oldest first.
  private var line = CircularBuffer<Queue>()
  private var open = 0

  /// - Parameter failed: is told of a batch that cannot be opened.
  init(_ engine: Engine, origin: Origin, failed: @escaping (KafkaTopic) -> Void) {
    self.engine = engine
    self.origin = origin
    self.failed = failed
  }

  /// Tells what is in a batch of `partition`.
  ///
  /// - Parameter done: called once, when everybody who keeps its records has them as durable as
  ///   promised, or with the first error; at once where nobody listens.
  func tell(
    _ batch: ByteBuffer, of topic: KafkaTopic, _ partition: Partition,
    _ done: @escaping (EngineError?) -> Void
  ) {
    guard topic.topic.hasOtherListeners(memo: &topic.memo) else { return done(nil) }
    let id = ObjectIdentifier(partition)
    if let queue = queues[id] {
      queue.waiting.append(Waiting(batch: batch, topic: topic, done: done))
      return
    }
    let queue = Queue(partition)
    queue.waiting.append(Waiting(batch: batch, topic: topic, done: done))
    queues[id] = queue
    if let header = batch.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
      header.attributes.compression == KafkaCompression.none, header.count <= Self.stepRecords,
      let opened = Self.opened(batch)
    {
      // What a step has no room for is told in those that follow.
      open += 1
      return go(opened, topic, queue, KafkaCommits(done))
    }
    line.append(queue)
    openNext()
  }

  private func openNext() {
    while open < Self.openMax, let queue = line.popFirst() {
      guard let next = queue.waiting.first else { continue }
      open += 1
      let batch = next.batch
      queue.partition.elsewhere({ Self.opened(batch) }) { [weak self] opened in
        guard let self else { return }
        let commits = KafkaCommits(next.done)
        guard let opened else {
          self.failed(next.topic)
          return self.end(queue, commits)
        }
        self.go(opened, next.topic, queue, commits)
      }
    }
  }

  private func go(
    _ opened: Opened, _ topic: KafkaTopic, _ queue: Queue, _ commits: KafkaCommits
  ) {
    var opened = opened
    step(&opened, topic, commits)
    guard opened.left > 0 else { return end(queue, commits) }
    let rest = opened
    engine.later { [weak self] in self?.go(rest, topic, queue, commits) }
  }

  private func end(_ queue: Queue, _ commits: KafkaCommits) {
    open -= 1
    queue.waiting.removeFirst()
    if queue.waiting.isEmpty {
      queues[ObjectIdentifier(queue.partition)] = nil
    } else {
      line.append(queue)
    }
    commits.end()
    openNext()
  }

  /// A batch laid open; `nil` where that cannot be done.
  private static func opened(_ batch: ByteBuffer) -> Opened? {
    var bytes = batch
    guard let found = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      let plain = try? found.plainBody(sizeMax: KafkaLogReading.openedBytesMax)
    else { return nil }
    return Opened(header: found.header, records: plain, left: Int(found.header.count))
  }

  /// Tells some of the records, and takes them away.
  private func step(_ opened: inout Opened, _ topic: KafkaTopic, _ commits: KafkaCommits) {
    let before = engine.effort.pointee
    var kept: [Capture] = []
    var told = 0
    var size = 0
    var isReadable = true
    opened.records.withUnsafeReadableBytes { body in
      var reader = KafkaRecordReader(body, count: opened.left)
      while told < Self.stepRecords, size < Self.stepBytes,
        engine.effort.pointee &- before < Engine.effortMax / 4
      {
        guard let record = try? reader.next() else {
          isReadable = false
          break
        }
        tell(record, body, opened.header, of: topic, &kept)
        told += 1
        size = record.record.upperBound
        if told == opened.left { break }
      }
    }
    opened.records.moveReaderIndex(forwardBy: size)
    opened.left = isReadable ? opened.left - told : 0
    commits.wait(for: kept)
  }

  private func tell(
    _ record: KafkaRecordView, _ body: UnsafeRawBufferPointer, _ header: KafkaBatchHeader,
    of topic: KafkaTopic, _ kept: inout [Capture]
  ) {
    KafkaEnvelope.withMessage(record, body, header, origin: origin, topic: topic.canonical) {
      publication in
      topic.topic.publishElsewhere(&publication, memo: &topic.memo)
      // Of each stream, the last commit says that all before it are there.
      for capture in publication.captures {
        guard case .stored = capture.result else { continue }
        kept.removeAll { $0.stream === capture.stream && $0.partition === capture.partition }
        kept.append(capture)
      }
    }
  }
}

/// Commits that are waited for together.
private final class KafkaCommits {
  private let done: (EngineError?) -> Void
  /// How many are waited for, and one until no more will come.
  private var left = 1
  private var failure: EngineError?

  init(_ done: @escaping (EngineError?) -> Void) { self.done = done }

  func wait(for captures: [Capture]) {
    guard !captures.isEmpty else { return }
    left += 1
    captures.whenCommitted { self.one($0) }
  }

  /// No more will come.
  func end() { one(nil) }

  private func one(_ error: EngineError?) {
    failure = failure ?? error
    left -= 1
    if left == 0 { done(failure) }
  }
}

/// What will be known later, to whoever asks, once.
final class KafkaPromise {
  private var result: EngineError??
  private var body: ((EngineError?) -> Void)?

  func succeed(or error: EngineError?) {
    result = .some(error)
    body?(error)
    body = nil
  }

  /// Calls `body` when the result is known, at once where it is.
  func whenKnown(_ body: @escaping (EngineError?) -> Void) {
    if let result { return body(result) }
    self.body = body
  }
}
