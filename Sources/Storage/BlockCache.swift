/// Blocks that were read or written lately, of all logs of a store, within a number of bytes.
///
/// What is used stays ("second chance"): a block that was asked for since the hand last passed it
/// is passed once more.
final class BlockCache {
  struct Key: Hashable {
    /// `Segment.number`.
    let segment: UInt64
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
  /// Where the block was that was found last: mostly it is asked for again.
  private var last = 0
  /// The bytes of all blocks in it.
  private(set) var byteCount = 0

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
  }

  func find(_ key: Key) -> Block? {
    if self.last < self.entries.count, self.entries[self.last].key == key {
      self.entries[self.last].wasUsed = true
      return self.entries[self.last].block
    }
    guard let place = self.places[key] else { return nil }
    self.last = place
    self.entries[place].wasUsed = true
    return self.entries[place].block
  }

  func insert(_ block: Block, _ key: Key) {
    guard self.places[key] == nil else { return }
    // It has been asked for: what was read a moment ago does not go for its own sake.
    let entry = Entry(key: key, block: block, wasUsed: true)
    self.byteCount += block.byteCount
    if self.byteCount > self.bytesMax, !self.entries.isEmpty {
      // Behind the hand, which meets it last.
      let place = self.victim()
      self.byteCount -= self.entries[place].block.byteCount
      self.places[self.entries[place].key] = nil
      self.entries[place] = entry
      self.places[key] = place
      self.hand = place + 1
    } else {
      // Where the hand stands at the end, it meets this one last, too.
      if self.hand == self.entries.count { self.hand += 1 }
      self.places[key] = self.entries.count
      self.entries.append(entry)
    }
    while self.byteCount > self.bytesMax, self.entries.count > 1 {
      self.remove(at: self.victim())
    }
  }

  func remove(_ key: Key) {
    if let place = self.places[key] { self.remove(at: place) }
  }

  /// The next block that was not used since the hand passed it.
  private func victim() -> Int {
    while true {
      if self.hand >= self.entries.count { self.hand = 0 }
      guard self.entries[self.hand].wasUsed else { return self.hand }
      self.entries[self.hand].wasUsed = false
      self.hand += 1
    }
  }

  private func remove(at place: Int) {
    let entry = self.entries[place]
    self.byteCount -= entry.block.byteCount
    self.places[entry.key] = nil
    let last = self.entries.removeLast()
    if place < self.entries.count {
      self.entries[place] = last
      self.places[last.key] = place
      // It was the last that the hand would have met, and is now.
      if place == self.hand { self.hand += 1 }
    }
  }
}
