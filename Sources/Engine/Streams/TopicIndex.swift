import GodwitPrimitives
import NIOCore

/// What a stream knows of each of its topics: how many records there are, and where about.
///
/// It grows with the number of topics, not of records, unless the stream has a limit per topic:
/// then it knows the place and size of each record, so that the oldest can go without a search.
final class TopicIndex {
  /// A record's place.
  struct Place {
    let offset: UInt64
    let size: UInt32
  }

  /// One topic.
  final class Entry: TopicTreeEntry {
    var treePosition = -1
    /// The topic.
    let pattern: TopicPattern
    /// No record of the topic lies before this offset.
    fileprivate(set) var first: UInt64
    /// The offset of the topic's last record.
    fileprivate(set) var last: UInt64
    fileprivate(set) var count = 0
    /// How many of its records are not committed yet.
    var pending = 0
    /// All its records, where the index `hasPlaces`.
    fileprivate(set) var places = CircularBuffer<Place>(initialCapacity: 1)
    fileprivate var charge = 0

    init(pattern: TopicPattern, offset: UInt64) {
      self.pattern = pattern
      self.first = offset
      self.last = offset
    }

    /// How many records there are for readers.
    var committedCount: Int { max(0, self.count - self.pending) }

    /// Where in `places` the record at `offset` is, or the first after it.
    func position(of offset: UInt64) -> Int {
      let index = self.places.partitioningIndex { $0.offset >= offset }
      return self.places.distance(from: self.places.startIndex, to: index)
    }

    fileprivate func removePlace(at offset: UInt64) {
      let position = self.position(of: offset)
      guard position < self.places.count, self.place(position).offset == offset else { return }
      if position == 0 {
        self.places.removeFirst()
      } else {
        self.places.remove(at: self.places.index(self.places.startIndex, offsetBy: position))
      }
    }

    /// The place of that number.
    func place(_ position: Int) -> Place {
      self.places[self.places.index(self.places.startIndex, offsetBy: position)]
    }
  }

  private static var entryBytes: Int { 208 }

  /// So many topics are forgotten before others have a turn.
  private static var turnMax: Int { 2_048 }

  private var tree = TopicTree<Entry>()
  private let memory: MemoryBudget
  private unowned let engine: Engine
  private var memo: Entry?
  /// What was taken of the budget.
  private var charged = 0
  /// Whether entries know all their records' places.
  var hasPlaces: Bool

  init(memory: MemoryBudget, engine: Engine, hasPlaces: Bool) {
    self.memory = memory
    self.engine = engine
    self.hasPlaces = hasPlaces
  }

  deinit { self.memory.release(self.charged) }

  /// How many topics have records.
  var count: Int { self.tree.count }

  /// What is known of a literal topic.
  func entry(of topic: UnsafeRawBufferPointer) -> Entry? {
    if let memo = self.memo, memo.pattern.bytes.withUnsafeBytes({ $0.sameBytes(as: topic) }) {
      return memo
    }
    var found: Entry?
    self.tree.match(topic) { found = $0 }
    self.memo = found
    return found
  }

  /// Notes a record, the last of its topic.
  ///
  /// - Returns: `nil` when there is no memory left for another topic.
  func insert(
    _ topic: UnsafeRawBufferPointer, _ known: Entry?, offset: UInt64, size: Int
  ) -> Entry? {
    let entry: Entry
    if let known {
      entry = known
    } else {
      let pattern = TopicPattern(canonical: Array(topic))
      entry = Entry(pattern: pattern, offset: offset)
      let before = self.tree.byteCount
      self.tree.insert(entry, at: pattern)
      entry.charge = self.tree.byteCount - before + topic.count + Self.entryBytes
      guard self.memory.reserve(entry.charge) else {
        self.tree.remove(entry, at: pattern)
        return nil
      }
      self.charged += entry.charge
      self.memo = entry
    }
    entry.count += 1
    entry.last = offset
    if self.hasPlaces {
      entry.places.append(Place(offset: offset, size: UInt32(truncatingIfNeeded: size)))
    }
    return entry
  }

  /// Takes up what a snapshot knew of a topic.
  ///
  /// - Returns: whether there was memory for it.
  func restore(_ topic: StreamSnapshot.Topic) -> Bool {
    topic.bytes.withUnsafeBytes { bytes in
      guard let entry = self.insert(bytes, nil, offset: topic.first, size: 0) else { return false }
      entry.last = topic.last
      entry.count = topic.count
      entry.places = CircularBuffer(initialCapacity: max(1, topic.places.count))
      if self.hasPlaces { entry.places.append(contentsOf: topic.places) }
      return true
    }
  }

  /// Notes that a record is gone.
  ///
  /// - Parameter previous: finds the last record of the topic before that offset, where it is not
  ///   known here.
  func remove(_ entry: Entry, at offset: UInt64, previous: (Entry) -> UInt64?) {
    entry.count -= 1
    guard entry.count > 0 else {
      self.forget(entry)
      return
    }
    // While places are looked for there are some, too.
    if !entry.places.isEmpty { entry.removePlace(at: offset) }
    if self.hasPlaces {
      entry.first = entry.places.first?.offset ?? entry.first
      entry.last = entry.places.last?.offset ?? entry.last
    } else if offset == entry.last {
      entry.last = previous(entry) ?? entry.first
    } else if offset == entry.first {
      entry.first = offset + 1
    }
  }

  /// Builds the lists of places anew, while a walk meets all records.
  func addPlace(_ topic: UnsafeRawBufferPointer, _ place: Place) {
    self.entry(of: topic)?.places.append(place)
  }

  /// Forgets the lists of places.
  func removePlaces() {
    self.hasPlaces = false
    self.tree.forEach { entry in
      entry.places = CircularBuffer(initialCapacity: 1)
      return true
    }
  }

  private func forget(_ entry: Entry) {
    if self.memo === entry { self.memo = nil }
    self.memory.release(entry.charge)
    self.charged -= entry.charge
    self.tree.remove(entry, at: entry.pattern)
  }

  /// Forgets every topic. They are gone at once, and the memory that they take a little later,
  /// where there are very many.
  func removeAll() {
    self.memo = nil
    self.charged = 0
    let (gone, memory, effort) = (self.tree, self.memory, self.engine.effort)
    self.tree = TopicTree()
    // Ends the walks.
    gone.takeApart(0)
    self.engine.inSteps {
      effort.pointee &+= UInt64(Self.turnMax)
      return gone.takeApart(Self.turnMax) { memory.release($0.charge) }
    }
  }

  /// Calls `body` with what is known of each topic that `pattern` matches, until it answers
  /// `false`. In one go, however many there are: `Stream.walkTopics` gives way.
  func search(_ pattern: TopicPattern, _ body: (Entry) -> Bool) {
    if pattern.hasWildcard {
      let cursor = self.cursor(pattern)
      repeat { self.engine.effort.pointee &+= 64 } while cursor.advance(64, body)
    } else if let entry = self.tree.entry(at: pattern) {
      _ = body(entry)
    }
  }

  /// The same, some at a time.
  func cursor(_ pattern: TopicPattern) -> TopicTree<Entry>.Cursor { .init(self.tree, pattern) }

  /// Calls `body` with what is known of each topic, until it answers `false`.
  func forEach(_ body: (Entry) -> Bool) { self.tree.forEach(body) }
}
