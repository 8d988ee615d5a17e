/// A look at every record of a part of a stream, oldest first. It gives way to others, and waits
/// for the disk without holding anybody up; a short one in memory is over at once.
final class StreamWalk {
  /// So many records are looked at before others have a turn.
  private static var turnMax: Int { 4_096 }

  private unowned let stream: Stream
  /// What lies before this offset has been looked at.
  private(set) var position: UInt64
  /// The first offset that is not looked at.
  let end: UInt64
  private let visit: (UInt64, Record) -> Bool
  private let done: () -> Void

  /// - Parameters:
  ///   - visit: called with each record, until it answers `false`. It may remove the record.
  ///   - done: called once, at the end.
  init(
    _ stream: Stream, from start: UInt64, to end: UInt64,
    visit: @escaping (UInt64, Record) -> Bool, done: @escaping () -> Void
  ) {
    self.stream = stream
    self.position = start
    self.end = end
    self.visit = visit
    self.done = done
  }

  func run() {
    self.stream.engine.publishing { self.go() }
  }

  private func go() {
    let stream = self.stream
    guard stream.walks[ObjectIdentifier(self)] != nil else { return }
    let log = stream.log
    let end = min(self.end, log.committedOffset)
    let start = self.position
    defer { stream.engine.effort.pointee &+= min(self.position &- start, UInt64(Self.turnMax)) }
    for _ in 0..<Self.turnMax {
      self.position = log.next(from: max(self.position, log.firstOffset))
      guard self.position < end else { return self.finish() }
      // Nobody but the stream holds the walk while it waits.
      guard log.prepare(self.position, { [weak self] in self?.run() }) else { return }
      let record = log.record(at: self.position)
      self.position += 1
      if let record, !self.visit(self.position - 1, record) { return self.finish() }
    }
    stream.engine.later { [weak self] in self?.run() }
  }

  private func finish() {
    self.stream.walks[ObjectIdentifier(self)] = nil
    self.done()
  }
}

extension Stream {
  /// Looks at every record from `start` to before `end`, until `visit` answers `false`.
  @discardableResult
  func scan(
    from start: UInt64, to end: UInt64, while visit: @escaping (UInt64, Record) -> Bool,
    done: @escaping () -> Void
  ) -> StreamWalk {
    let walk = StreamWalk(self, from: start, to: end, visit: visit, done: done)
    self.run(walk)
    return walk
  }

  /// Begins a walk.
  func run(_ walk: StreamWalk) {
    self.walks[ObjectIdentifier(walk)] = walk
    walk.run()
  }

  /// Looks at every record from `start` to before `end`.
  @discardableResult
  func walk(
    from start: UInt64, to end: UInt64, _ visit: @escaping (UInt64, Record) -> Void,
    done: @escaping () -> Void = {}
  ) -> StreamWalk {
    self.scan(
      from: start, to: end,
      while: { offset, record in
        visit(offset, record)
        return true
      }, done: done)
  }
}
