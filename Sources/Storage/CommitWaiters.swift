import GodwitEngine

/// Who waits until something up to a mark is committed, in the order of the marks.
struct CommitWaiters {
  typealias Body = (EngineError?) -> Void

  private var waiting: [(mark: UInt64, body: Body)] = []

  /// Adds `body`, behind all with the same mark.
  mutating func append(_ mark: UInt64, _ body: @escaping Body) {
    let place = self.waiting.lastIndex { $0.mark <= mark }.map { $0 + 1 } ?? 0
    self.waiting.insert((mark, body), at: place)
  }

  /// Takes out those whose mark is not above `mark`.
  mutating func take(upTo mark: UInt64) -> [Body] {
    let due = self.waiting.prefix { $0.mark <= mark }
    self.waiting.removeFirst(due.count)
    return due.map(\.body)
  }

  /// Takes out those whose mark is above `mark`.
  mutating func take(above mark: UInt64) -> [Body] {
    let refused = self.waiting.drop { $0.mark <= mark }
    self.waiting.removeLast(refused.count)
    return refused.map(\.body)
  }
}
