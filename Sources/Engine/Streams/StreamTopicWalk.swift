public import GodwitPrimitives

/// A look at what a stream knows of the topics that patterns match. It gives way to others: there
/// may be hundreds of thousands of topics, and a pattern that matches none of them.
private final class StreamTopicWalk {
  /// So many places of the tree are looked at before others have a turn.
  private static var turnMax: Int { 4_096 }

  /// And so many at a time; a pattern that sees less counts as much.
  private static var stepsMax: Int { 64 }

  private weak var stream: Stream?
  private var patterns: ArraySlice<TopicPattern>
  private var cursor: TopicTree<TopicIndex.Entry>.Cursor?
  private let visit: (TopicIndex.Entry) -> Bool
  private let done: () -> Void

  init(
    _ stream: Stream, _ patterns: [TopicPattern], visit: @escaping (TopicIndex.Entry) -> Bool,
    done: @escaping () -> Void
  ) {
    self.stream = stream
    self.patterns = patterns[...]
    self.visit = visit
    self.done = done
  }

  func go() {
    guard let stream = self.stream, !stream.isDeleted else { return self.done() }
    var left = Self.turnMax
    var isWanted = true
    let visit = { (entry: TopicIndex.Entry) in
      isWanted = self.visit(entry)
      return isWanted
    }
    defer { stream.engine.effort.pointee &+= UInt64(Self.turnMax - max(0, left)) }
    while isWanted, left > 0, let pattern = self.patterns.first {
      if pattern.hasWildcard {
        let cursor = self.cursor ?? stream.index.cursor(pattern)
        self.cursor = cursor
        let steps = min(left, Self.stepsMax)
        left -= steps
        if cursor.advance(steps, visit) { continue }
        self.cursor = nil
      } else {
        stream.index.search(pattern, visit)
        left -= 1
      }
      self.patterns.removeFirst()
    }
    if isWanted, !self.patterns.isEmpty {
      stream.engine.later { self.go() }
    } else {
      self.done()
    }
  }
}

extension Stream {
  /// Calls `visit` with what is known of each topic that one of `patterns` matches, until it
  /// answers `false`, and `done` at the end: at once where there is little to see.
  func walkTopics(
    _ patterns: [TopicPattern], while visit: @escaping (TopicIndex.Entry) -> Bool,
    done: @escaping () -> Void
  ) {
    StreamTopicWalk(self, patterns, visit: visit, done: done).go()
  }

  /// Calls `visit` with each topic that `pattern` matches and how many records it has for readers,
  /// in no particular order, until it answers `false`; and `done` at the end. A topic that has none
  /// yet is left out.
  public func forEachTopic(
    _ pattern: TopicPattern, while visit: @escaping (_ topic: [UInt8], _ count: Int) -> Bool,
    done: @escaping () -> Void
  ) {
    self.walkTopics(
      [pattern],
      while: { entry in
        let count = entry.committedCount
        return count == 0 || visit(entry.pattern.bytes, count)
      }, done: done)
  }

  /// Calls `body` with the offset of the last record whose topic `pattern` matches; with `nil`
  /// where there is none.
  public func findLast(_ pattern: TopicPattern, _ body: @escaping (UInt64?) -> Void) {
    var last: UInt64?
    self.walkTopics(
      [pattern],
      while: { entry in
        last = max(last ?? 0, entry.last)
        return true
      }, done: { body(last) })
  }

  /// Calls `body` with how many records there are of the topics that `pattern` matches.
  func countRecords(_ pattern: TopicPattern, _ body: @escaping (Int) -> Void) {
    var count = 0
    self.walkTopics(
      [pattern],
      while: { entry in
        count += entry.count
        return true
      }, done: { body(count) })
  }
}
