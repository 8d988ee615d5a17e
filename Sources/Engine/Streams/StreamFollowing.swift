/// Keeping what another stream has.
extension Stream {
  /// Keeps a message that another stream had before. What it asked of the stream that it was sent
  /// to, it does not ask of this one: its id and its end count here too, where this stream goes by
  /// them.
  public func append(following publication: inout Publication) -> Capture.Result {
    let own = AppendConditions()
    own.hasGrown = true
    if let asked = self.engine.reader(for: publication.origin)?.conditions(of: publication) {
      own.messageID = asked.messageID
      own.rollup = self.settings.allowsRollup && !self.settings.deniesPurge ? asked.rollup : nil
      own.timeToLive = self.settings.allowsExpiry ? asked.timeToLive : nil
      own.propertyBytes = asked.propertyBytes
    }
    return self.append(transforming: &publication, own)
  }

  /// Keeps a copy of another stream's record, with its time.
  ///
  /// - Parameters:
  ///   - topic: in place of the record's own.
  ///   - offset: the offset that it must get. Where that lies behind `nextOffset`, nothing is kept
  ///     in between; everything before must be committed then.
  public func append(
    copying record: Record, topic: [UInt8]? = nil, at offset: UInt64
  ) -> Capture.Result {
    if offset > self.log.nextOffset { self.log.skip(to: offset) }
    guard offset == self.log.nextOffset else {
      return .refused(.nextOffsetIs(self.log.nextOffset))
    }
    let record = topic.map { record.copy(topic: $0) } ?? record
    return record.withPublication { self.append(&$0, asking: nil) }
  }

  /// Calls `visit` with the committed records, the latest first, until it answers `false`; and
  /// `done` at the end.
  public func forEachRecordBackwards(
    while visit: @escaping (Found) -> Bool, done: @escaping () -> Void
  ) {
    let walk = StreamBackwardWalk(self, visit: visit, done: done)
    self.engine.publishing { walk.go() }
  }
}

/// A look at every record of a stream, latest first, which gives way to others.
private final class StreamBackwardWalk {
  /// So many offsets are looked at before others have a turn.
  private static var turnMax: Int { 4_096 }

  private weak var stream: Stream?
  private var position: UInt64
  private let visit: (Stream.Found) -> Bool
  private let done: () -> Void

  init(
    _ stream: Stream, visit: @escaping (Stream.Found) -> Bool, done: @escaping () -> Void
  ) {
    self.stream = stream
    self.position = stream.committedOffset
    self.visit = visit
    self.done = done
  }

  func go() {
    guard let stream = self.stream, !stream.isDeleted else { return self.done() }
    let log = stream.log
    for _ in 0..<Self.turnMax {
      guard self.position > log.firstOffset else { return self.done() }
      let offset = self.position - 1
      guard log.prepare(offset, { self.go() }) else { return }
      self.position = offset
      if let record = log.record(at: offset),
        !self.visit(Stream.Found(offset: offset, record: record))
      {
        return self.done()
      }
    }
    stream.engine.later { self.go() }
  }
}
