import GodwitPrimitives
import NIOCore

/// What a partitioned topic is, and how long its records stay. A value: it is given whole at
/// creation and at every update.
public struct PartitionedTopicSettings: Hashable, Sendable {
  /// What makes old records go.
  public struct Cleanup: OptionSet, Hashable, Sendable {
    /// The bits as they are written down.
    public let rawValue: UInt8

    /// A set of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Their age, and the bytes of their partition.
    public static var delete: Self { Self(rawValue: 1) }
    /// A later record of the same key.
    public static var compact: Self { Self(rawValue: 2) }
  }

  /// The most partitions of one topic.
  public static var partitionsMax: Int { 10_000 }

  /// The topic's name within its tenant.
  public var name: String
  /// The canonical topic that it captures; literal.
  public var topic: [UInt8]
  /// How many partitions there are. It may grow, and never shrinks.
  public var partitions: Int
  /// What makes old records go. Default: age and bytes.
  public var cleanup: Cleanup = .delete
  /// How long a record stays, in nanoseconds; 0, the default, for ever.
  public var ageMax: Int64 = 0
  /// The most bytes of one partition; 0, the default, for any number. Whole blocks go, so that a
  /// little more is left, and never less.
  public var bytesMax = 0
  /// For how long, in nanoseconds, a record that says that its key is gone stays for readers to
  /// see, where `cleanup` has `compact`. Default: a day.
  public var tombstoneLife: Int64 = 86_400_000_000_000
  /// Facts that the protocol which made the topic wants to have back. The engine does not look.
  public var notes: [String: String] = [:]

  /// Settings of a topic whose records stay for ever.
  public init(name: String, topic: [UInt8], partitions: Int = 1) {
    self.name = name
    self.topic = topic
    self.partitions = partitions
  }

  /// Whether time alone makes something go.
  var needsLooks: Bool { self.ageMax > 0 || self.cleanup.contains(.compact) }

  /// Throws `invalidSettings` where members contradict themselves.
  public func check() throws(EngineError) {
    func demand(_ holds: Bool, _ message: String) throws(EngineError) {
      guard holds else { throw EngineError(.invalidSettings, message) }
    }
    try demand(!self.name.isEmpty, "a topic needs a name")
    try demand(
      (1...Self.partitionsMax).contains(self.partitions),
      "a topic has 1 to \(Self.partitionsMax) partitions")
    try demand(!self.cleanup.isEmpty, "a topic needs a rule by which records go")
    try demand(
      self.bytesMax >= 0 && min(self.ageMax, self.tombstoneLife) >= 0, "a limit is below zero")
    try demand(
      !self.topic.isEmpty && !TopicPattern(canonical: self.topic).hasWildcard,
      "a topic's canonical name is literal")
  }
}

extension PartitionedTopicSettings: Definable {
  static var journal: String { "topics" }

  private enum Tag {
    static let name: UInt8 = 1
    static let topic: UInt8 = 2
    static let partitions: UInt8 = 3
    static let cleanup: UInt8 = 4
    static let ageMax: UInt8 = 5
    static let bytesMax: UInt8 = 6
    static let tombstoneLife: UInt8 = 7
    static let note: UInt8 = 8
  }

  var stored: ByteBuffer {
    var writer = FieldWriter()
    writer.write(Tag.name, self.name)
    writer.write(Tag.topic, self.topic)
    writer.write(Tag.partitions, self.partitions)
    writer.write(Tag.cleanup, self.cleanup.rawValue)
    writer.write(Tag.ageMax, self.ageMax)
    writer.write(Tag.bytesMax, self.bytesMax)
    writer.write(Tag.tombstoneLife, self.tombstoneLife)
    writer.write(Tag.note, self.notes)
    return writer.buffer
  }

  /// Settings of their written form; `nil` where that is none.
  init?(stored: ByteBuffer) {
    self.init(name: "", topic: [])
    for field in Field.all(in: stored) {
      switch field.tag {
      case Tag.name: self.name = field.text
      case Tag.topic: self.topic = field.array
      case Tag.partitions: self.partitions = field.count
      case Tag.cleanup: self.cleanup = Cleanup(rawValue: UInt8(truncatingIfNeeded: field.number))
      case Tag.ageMax: self.ageMax = field.number
      case Tag.bytesMax: self.bytesMax = field.count
      case Tag.tombstoneLife: self.tombstoneLife = field.number
      case Tag.note: self.notes[field.entry.key] = field.entry.value
      default: break
      }
    }
    do {
      try self.check()
    } catch {
      return nil
    }
  }
}
