import GodwitEngine
import KafkaWire

/// What a topic's creator has said of it, by Kafka's names: `retention.ms` and its like.
struct KafkaTopicConfig: Hashable {
  /// One key that is known.
  struct Key: Hashable {
    enum Kind: Int8 { case bool = 1, text = 2, int = 3, long = 5, double = 6, list = 7 }
    var name: String
    var kind: Kind
    var unset: String
    /// Whether it changes anything here. Others are kept and shown, since tools set them.
    var hasEffect = true
  }

  /// What was said, by name.
  private(set) var values: [String: String] = [:]
  private var largest: Int?
  private(set) var stampsAppendTime = false
  private(set) var isCompacted = false

  private static let notePrefix = "kafka."

  init() {}

  init(notes: [String: String]) {
    for (name, value) in notes where name.hasPrefix(Self.notePrefix) {
      values[String(name.dropFirst(Self.notePrefix.count))] = value
    }
    read()
  }

  /// The largest batch, if something was said.
  var messageBytesMax: Int? { largest }

  private mutating func read() {
    largest = values["max.message.bytes"].flatMap { Int($0) }
    stampsAppendTime = values["message.timestamp.type"] == "LogAppendTime"
    isCompacted = values["cleanup.policy"]?.contains("compact") == true
  }

  /// Sets a key, or forgets it.
  ///
  /// - Returns: why not.
  mutating func set(_ name: String, _ value: String?) -> KafkaRefusal? {
    guard let key = Self.known.first(where: { $0.name == name }) else {
      return KafkaRefusal(.invalidConfig, "unknown topic config name: \(name.prefix(100))")
    }
    guard let value else {
      values[name] = nil
      read()
      return nil
    }
    guard Self.isValid(value, for: key) else {
      return KafkaRefusal(.invalidConfig, "invalid value for \(name)")
    }
    values[name] = value
    read()
    return nil
  }

  private static func isValid(_ value: String, for key: Key) -> Bool {
    guard value.utf8.count <= 1_024 else { return false }
    switch key.name {
    case "cleanup.policy":
      let words = value.split(separator: ",")
      return !words.isEmpty && words.allSatisfy { $0 == "delete" || $0 == "compact" }
    case "compression.type": return value == "producer"
    case "message.timestamp.type": return value == "CreateTime" || value == "LogAppendTime"
    case "max.message.bytes": return Int32(value).map { $0 >= 0 } ?? false
    case "retention.ms", "retention.bytes": return Int64(value).map { $0 >= -1 } ?? false
    case "delete.retention.ms": return Int64(value).map { $0 >= 0 } ?? false
    default: break
    }
    switch key.kind {
    case .bool: return value == "true" || value == "false"
    case .int: return Int32(value) != nil
    case .long: return Int64(value) != nil
    case .double: return Double(value) != nil
    case .text, .list: return true
    }
  }

  /// Writes it into a topic's settings.
  func apply(to settings: inout PartitionedTopicSettings, defaults: KafkaSettings) {
    settings.notes = settings.notes.filter { !$0.key.hasPrefix(Self.notePrefix) }
    for (name, value) in values { settings.notes[Self.notePrefix + name] = value }
    func number(_ name: String, _ unset: Int) -> Int64 {
      values[name].flatMap { Int64($0) } ?? Int64(unset)
    }
    let age = number("retention.ms", defaults.retentionMilliseconds)
    settings.ageMax = age < 0 ? 0 : max(1, Self.nanoseconds(age))
    settings.bytesMax = max(0, Int(number("retention.bytes", defaults.retentionBytes)))
    settings.tombstoneLife = Self.nanoseconds(number("delete.retention.ms", 86_400_000))
    let policy = values["cleanup.policy"] ?? "delete"
    settings.cleanup = []
    if policy.contains("delete") { settings.cleanup.insert(.delete) }
    if policy.contains("compact") { settings.cleanup.insert(.compact) }
  }

  static func nanoseconds(_ milliseconds: Int64) -> Int64 {
    let (product, overflows) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    return overflows ? (milliseconds < 0 ? .min : .max) : product
  }

  /// What a key holds, said or not.
  func value(of key: Key, defaults: KafkaSettings) -> String {
    if let value = values[key.name] { return value }
    switch key.name {
    case "retention.ms": return String(defaults.retentionMilliseconds)
    case "retention.bytes": return String(defaults.retentionBytes)
    case "max.message.bytes": return String(defaults.messageBytesMax)
    default: return key.unset
    }
  }

  /// The keys of a topic. Those without effect are Kafka's own ways of writing to its disks and of
  /// keeping copies.
  static let known: [Key] = [
    Key(name: "cleanup.policy", kind: .list, unset: "delete"),
    Key(name: "compression.type", kind: .text, unset: "producer"),
    Key(name: "delete.retention.ms", kind: .long, unset: "86400000"),
    Key(name: "file.delete.delay.ms", kind: .long, unset: "60000", hasEffect: false),
    Key(name: "flush.messages", kind: .long, unset: "9223372036854775807", hasEffect: false),
    Key(name: "flush.ms", kind: .long, unset: "9223372036854775807", hasEffect: false),
    Key(name: "index.interval.bytes", kind: .int, unset: "4096", hasEffect: false),
    Key(name: "max.compaction.lag.ms", kind: .long, unset: "9223372036854775807", hasEffect: false),
    Key(name: "max.message.bytes", kind: .int, unset: "1048588"),
    Key(name: "message.timestamp.type", kind: .text, unset: "CreateTime"),
    Key(name: "min.cleanable.dirty.ratio", kind: .double, unset: "0.5", hasEffect: false),
    Key(name: "min.compaction.lag.ms", kind: .long, unset: "0", hasEffect: false),
    Key(name: "min.insync.replicas", kind: .int, unset: "1", hasEffect: false),
    Key(name: "preallocate", kind: .bool, unset: "false", hasEffect: false),
    Key(name: "retention.bytes", kind: .long, unset: "-1"),
    Key(name: "retention.ms", kind: .long, unset: "604800000"),
    Key(name: "segment.bytes", kind: .int, unset: "1073741824", hasEffect: false),
    Key(name: "segment.index.bytes", kind: .int, unset: "10485760", hasEffect: false),
    Key(name: "segment.jitter.ms", kind: .long, unset: "0", hasEffect: false),
    Key(name: "segment.ms", kind: .long, unset: "604800000", hasEffect: false),
    Key(name: "unclean.leader.election.enable", kind: .bool, unset: "false", hasEffect: false),
  ]
}
