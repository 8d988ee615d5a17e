public import GodwitPrimitives

/// What a group of a stream's readers wants to have, and how it says that it is done.
public struct StreamGroupSettings: Hashable, Sendable {
  /// Where a new group begins.
  public enum Start: Hashable, Sendable {
    /// With the oldest record.
    case all
    /// With the last record there is.
    case last
    /// With the last record of each topic, and then everything new.
    case lastPerTopic
    /// With what comes after the group was made.
    case new
    /// At that offset.
    case offset(UInt64)
    /// With the first record that came in at that time of the engine's clock, or later.
    case time(Int64)
  }

  /// How the group says that it is done with a record.
  public enum Acknowledgement: UInt8, Hashable, Sendable {
    /// It is done with what it was handed.
    case none = 0
    /// With a record and all before it.
    case all = 1
    /// With each by itself.
    case each = 2
  }

  /// The group's name within its stream.
  public var name: String
  /// Where a new group begins.
  public var start = Start.all
  /// The topics it wants; empty, the default, for all. They must not overlap.
  public var filters: [TopicPattern] = []
  /// How it says that it is done.
  public var acknowledgement = Acknowledgement.each
  /// How long a record is lent before it is handed out again, in nanoseconds. Default 30 s.
  public var ackWait: Int64 = 30_000_000_000
  /// In place of `ackWait`: how long for the first delivery, the second and so on; the last one
  /// holds for all further.
  public var backOff: [Int64] = []
  /// How often a record is handed out; 0, the default, for any number of times.
  public var deliveriesMax = 0
  /// The most records that are handed out and not done with; 0 for any number. Default 1,000.
  public var inFlightMax = 1_000
  /// Whether records that were there when the group was made are handed out at the pace at which
  /// they came in.
  public var keepsPace = false
  /// Nothing is handed out before this time of the engine's clock; 0, the default, for at once.
  public var pausedUntil: Int64 = 0
  /// For how long, in nanoseconds, the group may have no reader before it is deleted; 0, the
  /// default, for ever.
  public var inactiveMax: Int64 = 0
  /// Whether the group outlives the process, where its stream does.
  public var isDurable = true
  /// Whether the group is part of the broker's own doings and not shown to users. It counts against
  /// no limit, and never outlives the process.
  public var isHidden = false
  /// Where a record's dead letter is published when it was handed out `deliveriesMax` times in
  /// vain, or rejected; `nil`, the default, for where `Engine.deadLetterRules` say, or nowhere. In
  /// a work queue what was handed out in vain then stays where it is.
  public var deadLetterTopic: [UInt8]?
  /// Facts that users gave to the group.
  public var metadata: [String: String] = [:]
  /// Facts that the protocol which made the group wants to have back. The engine does not look.
  public var notes: [String: String] = [:]

  /// Settings with every member at its default.
  public init(name: String) {
    self.name = name
  }

  /// Throws `invalidSettings` where members contradict themselves or each other.
  public func check() throws(EngineError) {
    func demand(_ holds: Bool, _ message: String) throws(EngineError) {
      guard holds else { throw EngineError(.invalidSettings, message) }
    }
    try demand(!self.name.isEmpty, "a group needs a name")
    try demand(
      min(self.deliveriesMax, self.inFlightMax) >= 0
        && min(self.ackWait, self.inactiveMax) >= 0 && self.backOff.allSatisfy { $0 >= 0 },
      "a limit is below zero")
    for (index, pattern) in self.filters.enumerated() {
      for other in self.filters[(index + 1)...] {
        try demand(!pattern.overlaps(other), "the filters \(pattern) and \(other) overlap")
      }
    }
  }

  /// Throws `conflict` where an existing group cannot become what `new` says.
  public func checkUpdate(to new: StreamGroupSettings) throws(EngineError) {
    func demand(_ holds: Bool, _ message: String) throws(EngineError) {
      guard holds else { throw EngineError(.conflict, message) }
    }
    try demand(self.name == new.name, "a group's name cannot change")
    try demand(self.start == new.start, "where a group begins cannot change")
    try demand(
      self.acknowledgement == new.acknowledgement, "how a group acknowledges cannot change")
    try demand(self.keepsPace == new.keepsPace, "a group's pace cannot change")
    try demand(self.isDurable == new.isDurable, "whether a group lasts cannot change")
  }

  /// How long a record is lent at its delivery of that number, from 1.
  func wait(_ delivery: Int) -> Int64 {
    guard !self.backOff.isEmpty else { return self.ackWait }
    return self.backOff[min(max(0, delivery - 1), self.backOff.count - 1)]
  }
}
