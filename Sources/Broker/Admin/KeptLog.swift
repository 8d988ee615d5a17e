import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// What keeps messages under a name: a stream, or a topic with partitions. The admin API shows both
/// in one list and in one shape.
enum KeptLog {
  case stream(GodwitEngine.Stream)
  case topic(PartitionedTopic)

  var name: String {
    switch self {
    case .stream(let stream): stream.name
    case .topic(let topic): topic.name
    }
  }

  /// `stream` or `topic`: what tells two of one name apart.
  var kind: String {
    switch self {
    case .stream: "stream"
    case .topic: "topic"
    }
  }

  /// When it was made, in the engine's clock.
  var createdAt: Int64 {
    switch self {
    case .stream(let stream): stream.createdAt
    case .topic(let topic): topic.createdAt
    }
  }

  /// Whether its records outlive the process.
  var isDurable: Bool {
    switch self {
    case .stream(let stream): stream.isDurable
    case .topic(let topic): topic.tenant.store.isDurable
    }
  }

  /// The topics of messages that it keeps.
  var topics: [String] {
    switch self {
    case .stream(let stream): stream.settings.patterns.map(\.description)
    case .topic(let topic): [String(decoding: topic.settings.topic, as: UTF8.self)]
    }
  }

  /// Its logs: one, or one for each partition.
  var views: [LogView] {
    switch self {
    case .stream(let stream): [LogView(stream)]
    case .topic(let topic): topic.partitions.map { LogView($0) }
    }
  }

  /// All of a tenant, in the order of their names.
  static func all(of tenant: Tenant) -> [KeptLog] {
    let streams = tenant.streams.all.map { KeptLog.stream($0) }
    let topics = tenant.partitionedTopics.all.map { KeptLog.topic($0) }
    guard !topics.isEmpty else { return streams }
    return (streams + topics).sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }
  }

  /// The one of that name; a stream before a topic, unless `kind` says which.
  static func find(_ name: String, kind: String?, of tenant: Tenant) -> KeptLog? {
    let stream = kind == "topic" ? nil : tenant.streams[name].map { KeptLog.stream($0) }
    let topic = kind == "stream" ? nil : tenant.partitionedTopics[name].map { KeptLog.topic($0) }
    return stream ?? topic
  }

  // MARK: JSON

  /// - Parameter groups: how many groups read it; `nil` where that is not known.
  func json(groups: Int?) -> KeyValuePairs<String, JSONValue> {
    switch self {
    case .stream(let stream): self.json(of: stream)
    case .topic(let topic): self.json(of: topic, groups: groups)
    }
  }

  private func json(of stream: GodwitEngine.Stream) -> KeyValuePairs<String, JSONValue> {
    let settings = stream.settings
    return [
      "name": .string(stream.name),
      "kind": .string(self.kind),
      "topics": .array(self.topics.map { .string($0) }),
      "records": .count(stream.committedCount),
      "bytes": .count(stream.committedByteCount),
      "first_offset": .count(min(stream.firstOffset, stream.committedOffset)),
      "next_offset": .count(stream.committedOffset),
      "topics_kept": .count(stream.committedTopicCount),
      "groups": .count(stream.groupCount),
      "retention": .string(Self.word(settings.retention)),
      "storage": .string(self.isDurable ? "file" : "memory"),
      "records_max": .count(settings.recordsMax),
      "bytes_max": .count(settings.bytesMax),
      "age_max_seconds": .double(Double(settings.ageMax) / 1e9),
      "created_at": .time(stream.createdAt),
      "last_at": stream.lastReceivedAt > 0 ? .time(stream.lastReceivedAt) : .null,
    ]
  }

  private func json(
    of topic: PartitionedTopic, groups: Int?
  ) -> KeyValuePairs<String, JSONValue> {
    let settings = topic.settings
    let count = topic.partitions.reduce(0) { $0 + $1.log.count }
    let only = topic.partitions.count == 1 ? topic.partitions.first : nil
    let latest = topic.partitions.map(\.latestTime).max() ?? 0
    return [
      "name": .string(topic.name),
      "kind": .string(self.kind),
      "topics": .array(self.topics.map { .string($0) }),
      "records": .count(count),
      "bytes": .count(topic.partitions.reduce(0) { $0 + $1.log.byteCount }),
      "first_offset": only.map { .count($0.startOffset) } ?? .null,
      "next_offset": only.map { .count($0.nextOffset) } ?? .null,
      "topics_kept": .count(count > 0 ? 1 : 0),
      "groups": groups.map { .count($0) } ?? .null,
      "retention": .string(Self.word(settings.cleanup)),
      "storage": .string(self.isDurable ? "file" : "memory"),
      "records_max": .count(0),
      "bytes_max": .count(settings.bytesMax),
      "age_max_seconds": .double(Double(settings.ageMax) / 1e9),
      "created_at": .time(topic.createdAt),
      "last_at": latest > 0 ? .time(latest) : .null,
      "partitions": .array(
        topic.partitions.map { partition in
          .record([
            "partition": .count(partition.index),
            "records": .count(partition.log.count),
            "bytes": .count(partition.log.byteCount),
            "first_offset": .count(partition.startOffset),
            "next_offset": .count(partition.nextOffset),
          ])
        }),
    ]
  }

  private static func word(_ retention: StreamSettings.Retention) -> String {
    switch retention {
    case .limits: "limits"
    case .interest: "interest"
    case .workQueue: "work queue"
    }
  }

  private static func word(_ cleanup: PartitionedTopicSettings.Cleanup) -> String {
    guard cleanup.contains(.compact) else { return "limits" }
    return cleanup.contains(.delete) ? "last per key, limits" : "last per key"
  }
}
