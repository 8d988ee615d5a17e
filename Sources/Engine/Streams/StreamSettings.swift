public import GodwitPrimitives

/// What a stream keeps, for how long, and what it refuses. A value: it is given whole at creation
/// and at every update.
public struct StreamSettings: Hashable, Sendable {
  /// When a record may go.
  public enum Retention: UInt8, Hashable, Sendable {
    /// When a limit says so.
    case limits = 0
    /// As `limits`, and as soon as every group that matches it is done with it; at once where no
    /// group matches.
    case interest = 1
    /// As `limits`, and as soon as one group is done with it.
    case workQueue = 2
  }

  /// Where records are kept.
  public enum Storage: UInt8, Hashable, Sendable {
    /// In the tenant's store: on disk where the broker has a data folder.
    case file = 0
    /// In memory.
    case memory = 1
  }

  /// The stream's name within its tenant.
  public var name: String
  /// The topics that the stream captures. They must not overlap.
  public var patterns: [TopicPattern]
  /// When a record may go.
  public var retention = Retention.limits
  /// The most records; 0, the default, for any number.
  public var recordsMax = 0
  /// The most bytes; 0, the default, for any number. What counts is topic, properties and payload,
  /// and 16 bytes a record.
  public var bytesMax = 0
  /// How long a record stays, in nanoseconds; 0, the default, for ever.
  public var ageMax: Int64 = 0
  /// The largest payload with its properties, in bytes; 0, the default, for any size.
  public var recordBytesMax = 0
  /// The most records of one topic; 0, the default, for any number. With a limit the offsets of all
  /// records are held in memory, 16 bytes each.
  public var recordsPerTopicMax = 0
  /// What happens to the record that is one too many.
  public var overflow = LogOverflow.dropOldest
  /// Whether `overflow` `refuse` holds for `recordsPerTopicMax` as well; by default a topic's
  /// oldest record makes room.
  public var refusesPerTopic = false
  /// For how long, in nanoseconds, a message id is remembered, so that a second message of the same
  /// id is not kept. 0, the default: never.
  public var duplicateWindow: Int64 = 0
  /// Where records are kept.
  public var storage = Storage.file
  /// Whether single records cannot be deleted.
  public var deniesDelete = false
  /// Whether records cannot be purged, nor rolled up.
  public var deniesPurge = false
  /// Whether a message may ask for all records before it, or those of its topic, to go.
  public var allowsRollup = false
  /// Whether a message may end its life by itself.
  public var allowsExpiry = false
  /// How long a mark stands, in nanoseconds, for a topic whose last record has gone of age; 0, the
  /// default, for no mark.
  public var markerLife: Int64 = 0
  /// What becomes of a message's topic before it is kept; `nil`, the default, for nothing.
  public var transform: TopicTransform?
  /// What is published again, under another topic, when it is kept; `nil`, the default, for
  /// nothing.
  public var republish: RepublishSettings?
  /// Whether the protocol that made the stream puts messages in another form before they are kept:
  /// see `StreamVoice.keep`.
  public var isPrepared = false
  /// Whether the stream sends records on that say so (`AppendConditions.schedule`), through the
  /// protocol that speaks for it.
  public var sendsScheduled = false
  /// Whether messages may be kept as one (`Stream.append(together:)`).
  public var keepsBatches = false
  /// The offset of the first record. Only a new stream looks at it.
  public var firstOffset: UInt64 = 0
  /// Whether nothing may be added or taken away by anyone any more.
  public var isSealed = false
  /// The most groups; 0, the default, for any number.
  public var groupsMax = 0
  /// Facts that users gave to the stream.
  public var metadata: [String: String] = [:]
  /// Facts that the protocol which made the stream wants to have back. The engine does not look.
  public var notes: [String: String] = [:]

  /// Whether messages are kept as they come: nothing becomes of their topics, and no protocol puts
  /// them in another form.
  var isPlain: Bool { self.transform == nil && !self.isPrepared }

  /// Settings of a stream without limits.
  public init(name: String, patterns: [TopicPattern]) {
    self.name = name
    self.patterns = patterns
  }

  /// Throws `invalidSettings` where members contradict themselves or each other.
  public func check() throws(EngineError) {
    func demand(_ holds: Bool, _ message: String) throws(EngineError) {
      guard holds else { throw EngineError(.invalidSettings, message) }
    }
    try demand(!self.name.isEmpty, "a stream needs a name")
    try demand(
      min(self.recordsMax, self.bytesMax, self.recordBytesMax) >= 0
        && min(self.recordsPerTopicMax, self.groupsMax) >= 0
        && min(self.ageMax, self.duplicateWindow, self.markerLife) >= 0, "a limit is below zero")
    try demand(
      !self.refusesPerTopic || (self.overflow == .refuse && self.recordsPerTopicMax > 0),
      "refusing per topic needs the policy to refuse and a limit per topic")
    try demand(
      self.markerLife == 0 || self.allowsExpiry, "marks need a stream whose records may expire")
    try demand(
      !(self.allowsRollup && self.deniesPurge), "rollup needs a stream that can be purged")
    for (index, pattern) in self.patterns.enumerated() {
      for other in self.patterns[(index + 1)...] {
        try demand(
          !pattern.overlaps(other), "the patterns \(pattern) and \(other) overlap")
      }
    }
  }

  /// Throws `conflict` where an existing stream cannot become what `new` says.
  public func checkUpdate(to new: StreamSettings) throws(EngineError) {
    func demand(_ holds: Bool, _ message: String) throws(EngineError) {
      guard holds else { throw EngineError(.conflict, message) }
    }
    try demand(self.name == new.name, "a stream's name cannot change")
    try demand(self.storage == new.storage, "a stream's storage cannot change")
    try demand(
      self.retention == new.retention
        || (self.retention != .workQueue && new.retention != .workQueue),
      "a stream's retention cannot change to or from a work queue")
    try demand(self.groupsMax == new.groupsMax, "the most groups cannot change")
    try demand(!self.isSealed || new.isSealed, "a sealed stream cannot be opened again")
    try demand(
      !self.deniesDelete || new.deniesDelete, "that records cannot be deleted is for ever")
    try demand(!self.deniesPurge || new.deniesPurge, "that records cannot be purged is for ever")
    try demand(!self.allowsExpiry || new.allowsExpiry, "that records may expire is for ever")
  }
}
