import NIOCore

/// A look at the records of a part of a log, oldest first, those that their sender packed together
/// included. It gives way to others, and waits for the disk without holding anybody up; a short one
/// in memory is over at once.
public final class RecordWalk {
  /// A record as it is come by.
  public struct Found: Hashable, Sendable {
    /// The record's offset.
    public let offset: UInt64
    /// When it was made or came in, in nanoseconds since 1970.
    public let time: Int64
    /// Whether it stands by itself in the log, not among others that came with it.
    public let isAlone: Bool
  }

  /// So many records are looked at before others have a turn.
  private static var turnRecords: Int { 1_024 }
  /// So many bytes.
  private static var turnBytes: Int { 1 << 20 }
  /// What a batch may become when it is opened; a larger one is passed over.
  static var openedBytesMax: Int { 16 << 20 }

  private let view: LogView
  /// What lies before this offset has been looked at.
  public private(set) var position: UInt64
  /// The first offset that is not looked at.
  public let end: UInt64
  /// How many records could not be looked at: in batches that cannot be opened, or damaged.
  public private(set) var unreadable = 0
  /// How many records were looked at.
  public private(set) var lookedAt = 0
  private let visit: (Found, inout Publication) -> Bool
  private var done: ((RecordWalk) -> Void)?
  /// What the disk was asked for last: once is enough.
  private var asked: UInt64?
  /// The batch that was laid open beside the loop, and where it stands.
  private var opened: (at: UInt64, bytes: ByteBuffer)?

  /// A walk; `start` begins it.
  ///
  /// - Parameters:
  ///   - view: the log.
  ///   - start: the first offset that is looked at.
  ///   - end: the first offset that is not looked at.
  ///   - visit: called with each record, until it answers `false`: then `position` lies behind it.
  ///   - done: called once, at the end, unless the walk is cancelled.
  public init(
    _ view: LogView, from start: UInt64, to end: UInt64,
    visit: @escaping (Found, inout Publication) -> Bool,
    done: @escaping (RecordWalk) -> Void
  ) {
    self.view = view
    self.position = start
    self.end = min(end, view.committedOffset)
    self.visit = visit
    self.done = done
  }

  /// Begins, or goes on.
  public func start() { self.run() }

  /// Ends it; `done` is not called.
  public func cancel() { self.done = nil }

  private var engine: Engine { self.view.tenant.engine }

  private func run() {
    self.engine.publishing { self.go() }
  }

  private func go() {
    let log = self.view.log
    var records = 0
    var bytes = 0
    while self.done != nil {
      guard !self.view.isDeleted else { return self.finish() }
      self.position = log.next(from: max(self.position, log.firstOffset))
      guard self.position < self.end else { return self.finish() }
      guard records < Self.turnRecords, bytes < Self.turnBytes else {
        // Many walks share the turns: timers that are due would all have theirs in one.
        return self.engine.later { self.run() }
      }
      guard self.isAtHand(log) else { return }
      let place = self.position
      switch log.entry(at: place) {
      case .record(let record, let offset):
        records += 1
        bytes += record.contents.readableBytes
        self.position = offset + 1
        let found = Found(offset: offset, time: record.receivedAt, isAlone: true)
        self.lookedAt += 1
        guard record.withPublication({ self.visit(found, &$0) }) else { return self.finish() }
      case .batch(let batch, let form, let first, let count):
        guard let plain = self.laidOpen(batch, form, first) else { return }
        bytes += batch.readableBytes
        let end = first + UInt64(max(1, count))
        self.position = end
        guard self.open(plain, form, first, from: place, log, &records, &bytes) else {
          return self.finish()
        }
      case nil:
        self.unreadable += 1
        self.position = place + 1
      }
    }
  }

  /// A batch as it can be read in no time; nothing where it cannot be laid open.
  ///
  /// - Returns: `nil` where that takes time: `run` is called when it is over.
  private func laidOpen(
    _ batch: ByteBuffer, _ form: UInt8, _ first: UInt64
  ) -> ByteBuffer? {
    if let opened = self.opened, opened.at == first {
      self.opened = nil
      return opened.bytes
    }
    guard
      let opening = self.view.tenant.partitionedTopics.keeper?.opening(
        of: batch, form: form, bytesMax: Self.openedBytesMax)
    else { return batch }
    self.engine.elsewhere(on: Engine.loopNumber(of: self.view.name), opening) { opened in
      // Of what cannot be opened nothing is left to read.
      self.opened = (first, opened ?? ByteBuffer())
      self.run()
    }
    return nil
  }

  /// Looks at the records of a batch.
  ///
  /// - Returns: whether to go on.
  private func open(
    _ batch: ByteBuffer, _ form: UInt8, _ first: UInt64, from place: UInt64, _ log: any Log,
    _ records: inout Int, _ bytes: inout Int
  ) -> Bool {
    var goesOn = true
    var seen = 0
    var opened = 0
    let end = self.position
    let isOpened = self.view.tenant.partitionedTopics.keeper?.forEachRecord(
      of: batch, form: form, first: first, topic: self.view.topic, bytesMax: Self.openedBytesMax
    ) { offset, publication, time in
      seen += 1
      opened += publication.native.count
      guard offset >= place, offset < end, log.next(from: offset) == offset else { return true }
      guard offset < self.end else { return false }
      self.lookedAt += 1
      goesOn = self.visit(Found(offset: offset, time: time, isAlone: false), &publication)
      if !goesOn { self.position = offset + 1 }
      return goesOn
    }
    records += seen
    bytes += opened
    if isOpened != true { self.unreadable += Int(clamping: end - place) }
    return goesOn
  }

  private func isAtHand(_ log: any Log) -> Bool {
    guard self.asked != self.position else { return true }
    let isReady = log.prepare(self.position, bytes: Self.turnBytes / 4) { self.run() }
    guard !isReady else { return true }
    self.asked = self.position
    return false
  }

  private func finish() {
    let done = self.done
    self.done = nil
    done?(self)
  }
}
