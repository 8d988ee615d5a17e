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
    var target: Set<KafkaPlace>
  }

  /// What each reader is to read.
  func assign(_ topics: [String: Topic], to readers: [Reader]) -> [String: Set<KafkaPlace>] {
    let readers = readers.sorted { $0.id < $1.id }
    var result = Dictionary(uniqueKeysWithValues: readers.map { ($0.id, Set<KafkaPlace>()) })
    switch self {
    case .range: Self.range(topics, readers, &result)
    case .uniform: Self.uniform(topics, readers, &result)
    }
    return result
  }

  private static func range(
    _ topics: [String: Topic], _ readers: [Reader], _ result: inout [String: Set<KafkaPlace>]
  ) {
    for (name, topic) in topics {
      let ids = readers.filter { $0.topics.contains(name) }.map(\.id)
      guard !ids.isEmpty else { continue }
      let (share, rest) = Int(topic.partitions).quotientAndRemainder(dividingBy: ids.count)
      var next = 0
      for (index, id) in ids.enumerated() {
        let count = share + (index < rest ? 1 : 0)
        for partition in next..<next + count {
          result[id]?.insert(KafkaPlace(topic: topic.id, partition: Int32(partition)))
        }
        next += count
      }
    }
  }

  private static func uniform(
    _ topics: [String: Topic], _ readers: [Reader], _ result: inout [String: Set<KafkaPlace>]
  ) {
    var names: [KafkaUUID: String] = [:]
    var open: Set<KafkaPlace> = []
    for (name, topic) in topics where readers.contains(where: { $0.topics.contains(name) }) {
      names[topic.id] = name
      for partition in 0..<topic.partitions {
        open.insert(KafkaPlace(topic: topic.id, partition: partition))
      }
    }
    guard !readers.isEmpty else { return }
    let (share, rest) = open.count.quotientAndRemainder(dividingBy: readers.count)
    // Those who have most keep one more than the others, as many of them as there are such.
    func kept(_ reader: Reader) -> [KafkaPlace] {
      reader.target.filter { place in
        open.contains(place) && names[place.topic].map(reader.topics.contains) == true
      }.sorted(by: order)
    }
    var extras = rest
    let before = readers.map { ($0.id, kept($0)) }.sorted {
      ($1.1.count, $0.0) < ($0.1.count, $1.0)
    }
    for (id, places) in before {
      let isLarger = places.count > share && extras > 0
      if isLarger { extras -= 1 }
      for place in places.prefix(share + (isLarger ? 1 : 0)) where open.remove(place) != nil {
        result[id]?.insert(place)
      }
    }
    // Topics that few read come first, so that their readers are not full by then.
    let byTopic = Dictionary(grouping: open, by: \.topic)
    let subscribers = byTopic.keys.map { id in
      (id, readers.filter { reader in names[id].map(reader.topics.contains) == true }.map(\.id))
    }
    for (id, ids) in subscribers.sorted(by: {
      ($0.1.count, names[$0.0] ?? "") < ($1.1.count, names[$1.0] ?? "")
    }) {
      fill(byTopic[id, default: []].sorted(by: order), among: ids, &result)
    }
  }

  /// Gives each partition to whoever has fewest.
  private static func fill(
    _ places: [KafkaPlace], among ids: [String], _ result: inout [String: Set<KafkaPlace>]
  ) {
    var loads = Dictionary(grouping: ids) { result[$0]?.count ?? 0 }
      .mapValues { Array($0.reversed()) }
    guard var least = loads.keys.min() else { return }
    for place in places {
      while loads[least]?.isEmpty ?? true {
        loads[least] = nil
        least = loads.keys.min() ?? least
      }
      guard let id = loads[least]?.popLast() else { return }
      result[id]?.insert(place)
      loads[least + 1, default: []].insert(id, at: 0)
    }
  }

  private static func order(_ left: KafkaPlace, _ right: KafkaPlace) -> Bool {
    (left.topic.high, left.topic.low, left.partition)
      < (right.topic.high, right.topic.low, right.partition)
  }
}
