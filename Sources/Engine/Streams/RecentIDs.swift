import NIOCore

/// The ids of the messages that came within a stream's duplicate window.
struct RecentIDs {
  private struct Entry {
    let id: [UInt8]
    let offset: UInt64
    let at: Int64
  }

  /// What an id takes beside its bytes: an array, a place in the queue and one in the table.
  private static var entryBytes: Int { 136 }

  private let memory: MemoryBudget
  private var offsets: [[UInt8]: UInt64] = [:]
  private var queue = CircularBuffer<Entry>()

  init(memory: MemoryBudget) { self.memory = memory }

  var count: Int { self.queue.count }

  /// What is remembered, oldest first.
  var all: [StreamSnapshot.ID] {
    self.queue.map { StreamSnapshot.ID(bytes: $0.id, offset: $0.offset, at: $0.at) }
  }

  /// Where a message of that id is, if it came less than `window` before `now`.
  mutating func offset(of id: [UInt8], now: Int64, window: Int64) -> UInt64? {
    self.forget(before: now - window)
    return self.offsets[id]
  }

  /// Remembers an id.
  ///
  /// - Returns: whether there was room.
  mutating func insert(_ id: [UInt8], _ offset: UInt64, at now: Int64) -> Bool {
    guard self.memory.reserve(id.count + Self.entryBytes) else { return false }
    self.offsets[id] = offset
    self.queue.append(Entry(id: id, offset: offset, at: now))
    return true
  }

  /// Forgets the ids of messages that came at `time` or earlier.
  mutating func forget(before time: Int64) {
    while let entry = self.queue.first, entry.at <= time {
      self.queue.removeFirst()
      self.remove(entry)
    }
  }

  /// Forgets the ids of messages from `offset` on: they are not there after all.
  mutating func forget(from offset: UInt64) {
    while let entry = self.queue.last, entry.offset >= offset {
      self.queue.removeLast()
      self.remove(entry)
    }
  }

  /// Forgets the oldest ids, so many of them.
  ///
  /// - Returns: whether there are more.
  mutating func forget(oldest count: Int) -> Bool {
    for _ in 0..<min(count, self.queue.count) { self.remove(self.queue.removeFirst()) }
    return !self.queue.isEmpty
  }

  private mutating func remove(_ entry: Entry) {
    if self.offsets[entry.id] == entry.offset { self.offsets[entry.id] = nil }
    self.memory.release(entry.id.count + Self.entryBytes)
  }
}
