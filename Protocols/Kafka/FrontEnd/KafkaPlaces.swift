import KafkaWire

/// Some partitions of some topics, a bit for each: what members of a group read is kept for as long
/// as they are members, and a topic may have thousands.
struct KafkaPlaces: Equatable, Sequence, ExpressibleByArrayLiteral {
  /// The words of each topic. The last one is never empty, so that what is equal looks equal.
  private(set) var words: [KafkaUUID: [UInt64]] = [:]

  init() {}

  init(arrayLiteral places: KafkaPlace...) { self.init(places) }

  init(_ places: some Sequence<KafkaPlace>) { for place in places { insert(place) } }

  /// What was written down; bits beyond `Self.partitionsMax` are nobody's.
  init(_ words: [KafkaUUID: [UInt64]]) {
    for (topic, bits) in words { set(topic, Array(bits.prefix(Self.partitionsMax / 64))) }
  }

  /// No topic has more partitions.
  static let partitionsMax = 1 << 20

  // MARK: One place

  func contains(_ place: KafkaPlace) -> Bool {
    guard place.partition >= 0, let bits = words[place.topic] else { return false }
    let word = Int(place.partition / 64)
    return word < bits.count && bits[word] & Self.bit(place.partition) != 0
  }

  mutating func insert(_ place: KafkaPlace) {
    guard place.partition >= 0, place.partition < Self.partitionsMax else { return }
    let word = Int(place.partition / 64)
    words[place.topic, default: []].reach(word)
    words[place.topic]?[word] |= Self.bit(place.partition)
  }

  /// Adds so many partitions of a topic.
  mutating func insert(_ partitions: Range<Int32>, of topic: KafkaUUID) {
    let range = partitions.clamped(to: 0..<Int32(Self.partitionsMax))
    guard let last = range.last else { return }
    var bits = words[topic] ?? []
    bits.reach(Int(last / 64))
    for word in Int(range.lowerBound / 64)...Int(last / 64) {
      let low = Swift.max(0, Int(range.lowerBound) - 64 * word)
      let high = Swift.min(64, Int(range.upperBound) - 64 * word)
      let count = high - low
      bits[word] |= (count == 64 ? .max : (1 << UInt64(count)) - 1) << UInt64(low)
    }
    words[topic] = bits
  }

  /// Takes a place out.
  ///
  /// - Returns: whether it was there.
  mutating func remove(_ place: KafkaPlace) -> Bool {
    guard contains(place), var bits = words.removeValue(forKey: place.topic) else { return false }
    bits[Int(place.partition / 64)] &= ~Self.bit(place.partition)
    set(place.topic, bits)
    return true
  }

  private static func bit(_ partition: Int32) -> UInt64 { 1 << UInt64(partition % 64) }

  private mutating func set(_ topic: KafkaUUID, _ bits: [UInt64]) {
    var bits = bits
    while bits.last == 0 { bits.removeLast() }
    words[topic] = bits.isEmpty ? nil : bits
  }

  // MARK: All of them

  var isEmpty: Bool { words.isEmpty }

  var count: Int {
    words.values.reduce(0) { $1.reduce($0) { $0 + $1.nonzeroBitCount } }
  }

  /// What it takes of memory, about.
  var byteCount: Int { words.values.reduce(0) { $0 + 96 + 8 * $1.count } }

  /// The topics that it has something of, with that.
  var topics: [(id: KafkaUUID, partitions: [Int32])] {
    words.map { topic, bits in (topic, Self.partitions(bits)) }
  }

  private static func partitions(_ bits: [UInt64]) -> [Int32] {
    var found: [Int32] = []
    for (index, word) in bits.enumerated() {
      var left = word
      while left != 0 {
        found.append(Int32(64 * index + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
    return found
  }

  /// Of some topics only.
  func filter(topics: (KafkaUUID) -> Bool) -> Self {
    var result = Self()
    result.words = words.filter { topics($0.key) }
    return result
  }

  func intersection(_ other: Self) -> Self {
    var result = Self()
    for (topic, bits) in words {
      guard let others = other.words[topic] else { continue }
      result.set(topic, zip(bits, others).map { $0 & $1 })
    }
    return result
  }

  mutating func subtract(_ other: Self) {
    // The smaller one is gone through.
    for topic in words.count < other.words.count ? words.keys : other.words.keys {
      guard let bits = words[topic], let others = other.words[topic] else { continue }
      set(topic, bits.enumerated().map { $1 & ~($0 < others.count ? others[$0] : 0) })
    }
  }

  func subtracting(_ other: Self) -> Self {
    var result = self
    result.subtract(other)
    return result
  }

  mutating func formUnion(_ other: Self) {
    guard !isEmpty else { return self = other }
    for (topic, others) in other.words {
      guard var bits = words[topic] else {
        words[topic] = others
        continue
      }
      bits.reach(others.count - 1)
      for (index, word) in others.enumerated() { bits[index] |= word }
      words[topic] = bits
    }
  }

  func union(_ other: Self) -> Self {
    var result = self
    result.formUnion(other)
    return result
  }

  func isSubset(of other: Self) -> Bool { subtracting(other).isEmpty }

  /// By topic, then by partition.
  func makeIterator() -> Iterator {
    Iterator(
      topics: words.keys.sorted { ($0.high, $0.low) > ($1.high, $1.low) }, words: words)
  }

  struct Iterator: IteratorProtocol {
    fileprivate var topics: [KafkaUUID]
    fileprivate let words: [KafkaUUID: [UInt64]]
    private var topic = KafkaUUID()
    private var bits: [UInt64] = []
    private var index = -1
    private var left: UInt64 = 0

    fileprivate init(topics: [KafkaUUID], words: [KafkaUUID: [UInt64]]) {
      self.topics = topics
      self.words = words
    }

    mutating func next() -> KafkaPlace? {
      while left == 0 {
        index += 1
        if index < bits.count {
          left = bits[index]
        } else if let following = topics.popLast() {
          topic = following
          bits = words[following] ?? []
          index = -1
        } else {
          index -= 1
          return nil
        }
      }
      let partition = Int32(64 * index + left.trailingZeroBitCount)
      left &= left - 1
      return KafkaPlace(topic: topic, partition: partition)
    }
  }
}

extension [UInt64] {
  /// Has the word of that index be there.
  fileprivate mutating func reach(_ index: Int) {
    while count <= index { append(0) }
  }
}
