import GodwitEngine
import NIOCore

/// A store whose journals outlive who opened them, as files do; the rest is another store's.
final class KeepingStore: Store {
  private final class Kept: Journal {
    var entries: [ByteBuffer] = []

    var wantsSnapshot: Bool { self.entries.count > 4 }
    func replay(_ body: (ByteBuffer) -> Void) { self.entries.forEach(body) }
    func append(_ entry: ByteBuffer) { self.entries.append(entry) }
    func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {
      self.entries = []
      produce { self.entries.append($0) }
    }
    func whenCommitted(_ body: @escaping (EngineError?) -> Void) { body(nil) }
  }

  private let other: any Store
  private var journals: [String: Kept] = [:]

  init(_ other: any Store) { self.other = other }

  var isDurable: Bool { true }

  func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
    try self.other.log(named: name, isKnown: isKnown)
  }

  func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal {
    if let journal = self.journals[name] { return journal }
    let made = Kept()
    self.journals[name] = made
    return made
  }

  func remove(named name: String) {
    self.journals[name] = nil
    self.other.remove(named: name)
  }
}
