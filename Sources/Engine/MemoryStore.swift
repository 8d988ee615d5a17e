import NIOCore

/// A store that is gone when the process is.
public final class MemoryStore: Store {
  /// Nothing outlives the process.
  public var isDurable: Bool { false }

  private unowned let engine: Engine
  private let memory: MemoryBudget
  private var logs: [String: MemoryLog] = [:]

  /// An empty store, whose records count against `memory`.
  public init(engine: Engine, memory: MemoryBudget) {
    self.engine = engine
    self.memory = memory
  }

  /// The log of that name, unlimited in itself: its owner keeps it in bounds.
  public func log(named name: String, isKnown: Bool) -> any Log {
    if let log = self.logs[name] { return log }
    let log = MemoryLog(
      name: name, engine: self.engine, memory: self.memory, recordsMax: 0, bytesMax: 0,
      overflow: .refuse)
    self.logs[name] = log
    return log
  }

  /// A journal that keeps nothing.
  public func journal(named name: String, isKnown: Bool) -> any Journal { MemoryJournal() }

  /// Forgets a log.
  public func remove(named name: String) { self.logs[name] = nil }
}

/// A journal that keeps nothing: who would read it is gone with the process.
private final class MemoryJournal: Journal {
  var wantsSnapshot: Bool { false }
  func replay(_ body: (ByteBuffer) -> Void) {}
  func append(_ entry: ByteBuffer) {}
  func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {}
  func whenCommitted(_ body: @escaping (EngineError?) -> Void) { body(nil) }
}
