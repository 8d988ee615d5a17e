/// Blocks that were read or written lately, of all logs of a store, within a number of bytes.
///
/// What is used stays ("second chance"): a block that was asked for since the hand last passed it
/// is passed once more.
final class BlockCache {
  struct Key: Hashable {
    let segment: ObjectIdentifier
    let position: Int
  }

  private struct Entry {
    let key: Key
    let block: Block
    var wasUsed: Bool
  }

  private let bytesMax: Int
  private var places: [Key: Int] = [:]
  private var entries: [Entry] = []
  private var hand = 0
  /// The bytes of all blocks in it.
  private(set) var byteCount = 0

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
  }

  func find(_ key: Key) -> Block? {
    guard let place = self.places[key] else { return nil }
    self.entries[place].wasUsed = true
    return self.entries[place].block
  }

  func insert(_ block: Block, _ key: Key) {
    guard self.places[key] == nil else { return }
    self.places[key] = self.entries.count
    self.entries.append(Entry(key: key, block: block, wasUsed: false))
    self.byteCount += block.byteCount
    while self.byteCount > self.bytesMax, self.entries.count > 1 { self.evictOne() }
  }

  func remove(_ key: Key) {
    if let place = self.places[key] { self.remove(at: place) }
  }

  private func evictOne() {
    while true {
      if self.hand >= self.entries.count { self.hand = 0 }
      guard self.entries[self.hand].wasUsed else { break }
      self.entries[self.hand].wasUsed = false
      self.hand += 1
    }
    self.remove(at: self.hand)
  }

  private func remove(at place: Int) {
    let entry = self.entries[place]
    self.byteCount -= entry.block.byteCount
    self.places[entry.key] = nil
    let last = self.entries.removeLast()
    if place < self.entries.count {
      self.entries[place] = last
      self.places[last.key] = place
    }
  }
}
