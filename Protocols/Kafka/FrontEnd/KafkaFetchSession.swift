import GodwitEngine
import KafkaWire
import NIOCore

/// What a client reads, remembered from one Fetch to the next, so that a request names only what
/// changes and a response only what has news (KIP-227). Pure.
final class KafkaFetchSession {
  /// What one partition takes of memory, about, beside the topic's name.
  static let partitionBytes = 256

  /// What a tenant's sessions take of its memory. They are a cache, whose clients can do without:
  /// a sixteenth is theirs at most.
  final class Memory {
    static let part = 16
    private let budget: MemoryBudget
    private(set) var used = 0

    init(_ budget: MemoryBudget) { self.budget = budget }

    fileprivate func reserve(_ count: Int) -> Bool {
      guard count <= budget.limit / Self.part - used, budget.reserve(count) else { return false }
      used += count
      return true
    }

    fileprivate func release(_ count: Int) {
      used -= count
      budget.release(count)
    }
  }

  /// A partition, as the client calls it: by the topic's name or its identifier.
  struct Place: Hashable {
    var topic: String
    var topicID: KafkaUUID
    var partition: Int32
  }

  /// What the client wants of a partition, and what it knows of it.
  private struct Kept {
    var said: KafkaFetch.Request.Partition
    /// -1 after an error, so that the client hears when it is over.
    var highWatermark: Int64 = -1
    var logStartOffset: Int64 = -1
  }

  let id: Int32
  /// Who may use it.
  let tenant: ObjectIdentifier
  let user: String
  /// Whether topics are called by their identifiers.
  let usesIDs: Bool
  /// The connection that has used it last, with which it ends.
  var connection: UInt64
  let createdAt: Int64
  var usedAt: Int64
  /// The number of the request that comes next.
  private(set) var epoch: Int32 = 1
  private var kept: [Place: Kept] = [:]
  /// Those that had records last come last, so that all get their share.
  private var order: [Place] = []
  private let memory: Memory
  private var charged = 0
  private var nameBytes = 0

  init(
    id: Int32, tenant: ObjectIdentifier, user: String, usesIDs: Bool, connection: UInt64,
    memory: Memory, now: Int64
  ) {
    self.id = id
    self.tenant = tenant
    self.user = user
    self.usesIDs = usesIDs
    self.connection = connection
    self.memory = memory
    createdAt = now
    usedAt = now
  }

  deinit { memory.release(charged) }

  var count: Int { order.count }

  /// The number after `epoch`.
  static func next(_ epoch: Int32) -> Int32 { epoch == .max ? 1 : epoch + 1 }

  /// A request of the session has come.
  func advance(now: Int64) {
    epoch = Self.next(epoch)
    usedAt = now
  }

  /// Takes over what a request says.
  ///
  /// - Returns: whether there is memory for it.
  func update(_ request: KafkaFetch.Request) -> Bool {
    for topic in request.topics {
      var isNew = true
      for said in topic.partitions {
        let place = Place(
          topic: topic.topic, topicID: topic.topicID, partition: said.partition)
        if kept[place] != nil {
          kept[place]?.said = said
          continue
        }
        let name = isNew ? topic.topic.utf8.count : 0
        guard charge(for: order.count + 1, names: nameBytes + name) else { return false }
        nameBytes += name
        isNew = false
        kept[place] = Kept(said: said)
        order.append(place)
      }
    }
    guard !request.forgottenTopicsData.isEmpty else { return true }
    for topic in request.forgottenTopicsData {
      for partition in topic.partitions {
        kept[Place(topic: topic.topic, topicID: topic.topicID, partition: partition)] = nil
      }
    }
    order.removeAll { kept[$0] == nil }
    nameBytes = Set(order.lazy.map(\.topic)).reduce(0) { $0 + $1.utf8.count }
    return true
  }

  private func charge(for count: Int, names: Int) -> Bool {
    let needed = count * Self.partitionBytes + names
    guard needed > charged else { return true }
    // A few at once.
    let more = max(8 * Self.partitionBytes, needed - charged)
    guard memory.reserve(more) else { return false }
    charged += more
    return true
  }

  /// All that the client reads, in the order in which it is served.
  var topics: [KafkaFetch.Request.Topic] {
    var topics: [KafkaFetch.Request.Topic] = []
    for place in order {
      guard let said = kept[place]?.said else { continue }
      if let last = topics.last, last.topic == place.topic, last.topicID == place.topicID {
        topics[topics.count - 1].partitions.append(said)
      } else {
        topics.append(
          .with {
            $0.topic = place.topic
            $0.topicID = place.topicID
            $0.partitions = [said]
          })
      }
    }
    return topics
  }

  /// Takes down what the client is about to be told.
  ///
  /// - Returns: what of it is news.
  func news(_ topics: [KafkaFetch.Response.Topic]) -> [KafkaFetch.Response.Topic] {
    var served: Set<Place> = []
    let news = topics.compactMap { topic -> KafkaFetch.Response.Topic? in
      var topic = topic
      topic.partitions.removeAll { answer in
        let place = Place(
          topic: topic.topic, topicID: topic.topicID, partition: answer.partitionIndex)
        let hasRecords = answer.records.map { $0.readableBytes > 0 } ?? false
        if hasRecords { served.insert(place) }
        return !isNews(answer, of: place, hasRecords: hasRecords)
      }
      return topic.partitions.isEmpty ? nil : topic
    }
    if !served.isEmpty {
      order = order.filter { !served.contains($0) } + order.filter { served.contains($0) }
    }
    return news
  }

  private func isNews(
    _ answer: KafkaFetch.Response.Partition, of place: Place, hasRecords: Bool
  ) -> Bool {
    guard let known = kept[place] else { return true }
    let isFailure = answer.error != .noError
    kept[place]?.highWatermark = isFailure ? -1 : answer.highWatermark
    kept[place]?.logStartOffset = answer.logStartOffset
    return hasRecords || isFailure || known.highWatermark != answer.highWatermark
      || known.logStartOffset != answer.logStartOffset
  }
}
