import Godwit
import NIOCore
import Synchronization

/// A stream on its way in, and everybody here who reads it. Each reader gets all of it.
final class InboundStream: Sendable {
  typealias Reading = StreamConsumer.Reading
  typealias Reader = CheckedContinuation<Reading, Never>

  /// Where the stream comes from.
  enum Origin: Sendable {
    /// A peer of this kind: its acknowledgements go to that address, and it knows flow control.
    case peer(replyTo: String)
    /// A sender of the original. `isShared`: the same stream goes to every instance.
    case original(isShared: Bool)
  }

  /// Bytes at the beginning that are kept for a reader who comes a moment later: the second copy of
  /// a handshake.
  private static let replayBytesMax = 32 << 10

  private struct Inner {
    var receiver: StreamReceiver
    var consumers: [Int: StreamConsumer] = [:]
    var consumerCount = 0
    var ending: Result<Void, GodwitError>?
    var replay: [ByteBuffer] = []
    var replayBytes = 0
    var isReplayWhole = true
    var lastHeard: ContinuousClock.Instant
  }

  let dataSubject: String
  let origin: Origin
  private let exchange: Exchange
  private let bornAt: ContinuousClock.Instant
  private let inner: Mutex<Inner>

  init(_ dataSubject: String, origin: Origin, exchange: Exchange) {
    let settings = exchange.settings
    var hasCredit = false
    // A sender of the original chooses its chunks without asking.
    var chunkBytesMax = Int(Int32.max)
    if case .peer = origin {
      hasCredit = true
      chunkBytesMax = settings.chunkBytesMax
    }
    self.dataSubject = dataSubject
    self.origin = origin
    self.exchange = exchange
    self.bornAt = .now
    self.inner = Mutex(
      Inner(
        receiver: StreamReceiver(
          hasCredit: hasCredit, chunkBytesMax: chunkBytesMax, window: settings.windowBytes),
        lastHeard: .now))
  }

  /// The acknowledgement of the stream's handshake.
  var acknowledgement: Acknowledgement {
    switch self.origin {
    case .original: Acknowledgement(dataSubject: self.dataSubject)
    case .peer:
      Acknowledgement(
        dataSubject: self.dataSubject, credit: StreamReceiver.initialCredit,
        chunkBytesMax: self.exchange.settings.chunkBytesMax)
    }
  }

  // MARK: Readers

  /// Another reader; `nil` when the beginning is gone already.
  func attach() -> ConduitBody? {
    self.inner.withLock { inner -> ConduitBody? in
      guard inner.receiver.received == 0 || inner.isReplayWhole else { return nil }
      inner.consumerCount += 1
      var consumer = StreamConsumer()
      for data in inner.replay { _ = consumer.offer(data) }
      self.exchange.note(unread: self.isPaced ? 0 : consumer.unread)
      inner.consumers[inner.consumerCount] = consumer
      return ConduitBody(stream: self, consumer: inner.consumerCount)
    }
  }

  private var isPaced: Bool {
    if case .peer = self.origin { true } else { false }
  }

  /// Whether the end is here.
  var hasArrived: Bool { self.inner.withLock { $0.ending != nil } }

  /// The next bytes for a reader; `nil` at the end.
  func next(_ number: Int) async throws(GodwitError) -> ByteBuffer? {
    let ready = self.take(number, reader: nil)
    if let ready { return try ready.get() }
    let reading = await withTaskCancellationHandler {
      await withCheckedContinuation { (reader: Reader) in
        if let ready = self.take(number, reader: reader) { reader.resume(returning: ready) }
      }
    } onCancel: {
      let reader = self.inner.withLock { inner in
        let reader = inner.consumers[number]?.reader
        inner.consumers[number]?.reader = nil
        return reader
      }
      reader?.resume(returning: .failure(Self.cancelled))
    }
    return try reading.get()
  }

  private static let cancelled = GodwitError(.cancelled, "the task was cancelled")

  /// What there is to read at once; `nil` when `reader`, if any, waits now.
  private func take(_ number: Int, reader: Reader?) -> Reading? {
    var credit: Int?
    let reading = self.inner.withLock { inner -> Reading? in
      guard inner.consumers[number] != nil else {
        return .failure(GodwitError(.closed, "the stream is read no more"))
      }
      inner.consumers[number]?.hasBegun = true
      if let data = inner.consumers[number]?.pop() {
        if !self.isPaced { self.exchange.note(unread: -data.readableBytes) }
        credit = Self.credit(&inner)
        return .success(data)
      }
      if let failure = inner.consumers[number]?.failure { return .failure(failure) }
      if let ending = inner.ending { return ending.map { nil } }
      credit = Self.credit(&inner)
      guard let reader else { return nil }
      if Task.isCancelled { return .failure(Self.cancelled) }
      guard inner.consumers[number]?.reader == nil else {
        return .failure(GodwitError(.invalidArgument, "two tasks read one body"))
      }
      inner.consumers[number]?.reader = reader
      return nil
    }
    self.tell(credit)
    return reading
  }

  /// The slowest reader sets the pace; one that has not begun holds it.
  private static func credit(_ inner: inout Inner) -> Int? {
    let readers = inner.consumers.values.filter { $0.failure == nil }
    guard readers.allSatisfy(\.hasBegun), let slowest = readers.map(\.read).min() else {
      return nil
    }
    return inner.receiver.consumed(slowest)
  }

  private func tell(_ credit: Int?) {
    guard let credit, case .peer(let replyTo) = self.origin else { return }
    let ack = Acknowledgement(dataSubject: self.dataSubject, credit: credit)
    self.exchange.post(ack.frame(), to: replyTo)
  }

  /// A reader is gone. Without readers the sender is told, where it can be.
  func leave(_ number: Int) {
    let (reader, isLast) = self.inner.withLock { inner -> (Reader?, Bool) in
      guard let consumer = inner.consumers.removeValue(forKey: number) else { return (nil, false) }
      if !self.isPaced { self.exchange.note(unread: -consumer.unread) }
      guard inner.consumers.isEmpty, inner.ending == nil else { return (consumer.reader, false) }
      inner.ending = .failure(GodwitError(.streamAbandoned, "nobody reads the stream"))
      inner.receiver.abandon()
      return (consumer.reader, true)
    }
    reader?.resume(returning: .failure(GodwitError(.closed, "the stream is read no more")))
    guard isLast else { return }
    if case .peer(let replyTo) = self.origin {
      let ack = Acknowledgement(dataSubject: self.dataSubject, error: "the reader has left")
      self.exchange.post(ack.frame(), to: replyTo)
    }
    self.exchange.ended(self)
  }

  // MARK: Chunks

  /// A frame came in.
  func receive(_ frame: ByteBuffer) {
    var served: [(Reader, Reading)] = []
    var credit: Int?
    let isOver = self.inner.withLock { inner -> Bool in
      inner.lastHeard = .now
      switch inner.receiver.take(frame) {
      case .nothing: return false
      case .data(let data):
        self.hand(data, &inner, &served)
        credit = Self.credit(&inner)
        return false
      case .end(let data):
        if data.readableBytes > 0 { self.hand(data, &inner, &served) }
        self.end(.success(()), &inner, &served)
      case .failed(let error): self.end(.failure(error), &inner, &served)
      }
      return true
    }
    for (reader, reading) in served { reader.resume(returning: reading) }
    self.tell(credit)
    if isOver { self.exchange.ended(self) }
  }

  private func hand(
    _ data: ByteBuffer, _ inner: inout Inner, _ served: inout [(Reader, Reading)]
  ) {
    self.keep(data, &inner)
    for number in inner.consumers.keys {
      guard inner.consumers[number]?.failure == nil else { continue }
      if let reader = inner.consumers[number]?.offer(data) {
        served.append((reader, .success(data)))
      } else if !self.isPaced {
        self.hold(data, number, &inner)
      }
    }
  }

  /// What a sender without flow control sends is held within bounds.
  private func hold(_ data: ByteBuffer, _ number: Int, _ inner: inout Inner) {
    let isWithin = self.exchange.note(unread: data.readableBytes)
    let unread = inner.consumers[number]?.unread ?? 0
    guard !isWithin || unread > self.exchange.settings.unreadBytesMax else { return }
    self.exchange.note(unread: -unread)
    inner.consumers[number]?.clear()
    inner.consumers[number]?.failure = GodwitError(
      .slowConsumer, "\(unread) bytes waited to be read, and the sender knows no flow control")
  }

  private func keep(_ data: ByteBuffer, _ inner: inout Inner) {
    guard inner.isReplayWhole, case .original(isShared: true) = self.origin else {
      inner.isReplayWhole = false
      return
    }
    inner.replayBytes += data.readableBytes
    if inner.replayBytes > Self.replayBytesMax {
      inner.isReplayWhole = false
      inner.replay = []
    } else {
      inner.replay.append(data)
    }
  }

  private func end(
    _ ending: Result<Void, GodwitError>, _ inner: inout Inner,
    _ served: inout [(Reader, Reading)]
  ) {
    guard inner.ending == nil else { return }
    inner.ending = ending
    inner.receiver.abandon()
    for number in inner.consumers.keys {
      guard let reader = inner.consumers[number]?.reader else { continue }
      inner.consumers[number]?.reader = nil
      served.append((reader, ending.map { nil }))
    }
  }

  // MARK: Time

  /// Ends the stream with an error when it has not ended.
  func fail(_ error: GodwitError) {
    var served: [(Reader, Reading)] = []
    self.inner.withLock { inner in self.end(.failure(error), &inner, &served) }
    for (reader, reading) in served { reader.resume(returning: reading) }
  }

  /// Looks at the clock. A silent stream fails.
  ///
  /// - Returns: whether the stream is done with and may be forgotten.
  func timePassed(_ now: ContinuousClock.Instant) -> Bool {
    let isSilent = self.inner.withLock { inner -> Bool? in
      if now - self.bornAt > .seconds(1) {
        inner.isReplayWhole = false
        inner.replay = []
      }
      // A shared stream that is over is kept while chunks may come that would begin another.
      guard inner.ending == nil else { return now - inner.lastHeard > .seconds(5) ? nil : false }
      // The sender waits for readers here.
      if let granted = inner.receiver.granted, granted <= inner.receiver.received {
        inner.lastHeard = now
      }
      return now - inner.lastHeard > self.exchange.settings.idleTimeout
    }
    guard let isSilent else { return true }
    if isSilent {
      self.fail(
        GodwitError(
          .timeout, "the stream was silent for \(self.exchange.settings.idleTimeout)"))
    }
    return isSilent
  }
}
