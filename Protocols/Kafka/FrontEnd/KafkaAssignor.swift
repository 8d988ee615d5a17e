import KafkaWire

/// Who of a group reads which partitions. Pure.
enum KafkaAssignor: String, CaseIterable {
  /// As evenly as can be over all topics, and nobody loses what it need not lose.
  case uniform
  /// Of each topic, ranges in the order of the members; topics of as many partitions go together.
  case range

  struct Topic {
    var id: KafkaUUID
    var partitions: Int32
  }

  /// Somebody who reads some topics, and what it was to read before.
  struct Reader {
    var id: String
    var topics: Set<String>
    var target: KafkaPlaces
  }

  /// What each reader is to read.
  func assign(_ topics: [String: Topic], to readers: [Reader]) -> [String: KafkaPlaces] {
    let readers = readers.sorted { $0.id < $1.id }
    var result = Dictionary(uniqueKeysWithValues: readers.map { ($0.id, KafkaPlaces()) })
    switch self {
    case .range: Self.range(topics, readers, &result)
    case .uniform: Self.uniform(topics, readers, &result)
    }
    return result
  }

  private static func range(
    _ topics: [String: Topic], _ readers: [Reader], _ result: inout [String: KafkaPlaces]
  ) {
    for (name, topic) in topics {
      let ids = readers.filter { $0.topics.contains(name) }.map(\.id)
      guard !ids.isEmpty else { continue }
      let (share, rest) = Int(topic.partitions).quotientAndRemainder(dividingBy: ids.count)
      var next = 0
      for (index, id) in ids.enumerated() {
        let count = share + (index < rest ? 1 : 0)
        result[id]?.insert(Int32(next)..<Int32(next + count), of: topic.id)
        next += count
      }
    }
  }

  private static func uniform(
    _ topics: [String: Topic], _ readers: [Reader], _ result: inout [String: KafkaPlaces]
  ) {
    var names: [KafkaUUID: String] = [:]
    var open = KafkaPlaces()
    for (name, topic) in topics where readers.contains(where: { $0.topics.contains(name) }) {
      names[topic.id] = name
      open.insert(0..<max(0, topic.partitions), of: topic.id)
    }
    guard !readers.isEmpty else { return }
    let (share, rest) = open.count.quotientAndRemainder(dividingBy: readers.count)
    // Those who have most keep one more than the others, as many of them as there are such.
    func kept(_ reader: Reader) -> KafkaPlaces {
      reader.target.intersection(open).filter { names[$0].map(reader.topics.contains) == true }
    }
    var extras = rest
    let before = readers.map { reader in
      let places = kept(reader)
      return (reader.id, places, places.count)
    }.sorted { ($1.2, $0.0) < ($0.2, $1.0) }
    for (id, places, count) in before {
      let isLarger = count > share && extras > 0
      if isLarger { extras -= 1 }
      for place in places.prefix(share + (isLarger ? 1 : 0)) where open.remove(place) {
        result[id]?.insert(place)
      }
    }
    // Topics that few read come first, so that their readers are not full by then.
    let left = open.topics.map { id, partitions in
      let ids = readers.filter { reader in names[id].map(reader.topics.contains) == true }
      return (id, partitions, ids.map(\.id))
    }
    for (id, partitions, ids) in left.sorted(by: {
      ($0.2.count, names[$0.0] ?? "") < ($1.2.count, names[$1.0] ?? "")
    }) {
      fill(partitions, of: id, among: ids, &result)
    }
  }

  /// Gives each partition to whoever has fewest.
  private static func fill(
    _ partitions: [Int32], of topic: KafkaUUID, among ids: [String],
    _ result: inout [String: KafkaPlaces]
  ) {
    var loads = Dictionary(grouping: ids) { result[$0]?.count ?? 0 }
      .mapValues { Array($0.reversed()) }
    guard var least = loads.keys.min() else { return }
    for partition in partitions {
      while loads[least]?.isEmpty ?? true {
        loads[least] = nil
        least = loads.keys.min() ?? least
      }
      guard let id = loads[least]?.popLast() else { return }
      result[id]?.insert(KafkaPlace(topic: topic, partition: partition))
      loads[least + 1, default: []].insert(id, at: 0)
    }
  }
}
