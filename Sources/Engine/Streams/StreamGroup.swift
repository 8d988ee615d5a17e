import GodwitPrimitives
import NIOCore

/// A named position over a stream, with an acknowledgement per record: the window form of a group,
/// as it lasts.
///
/// A record is pending, then lent to a reader until a time, then acknowledged, or handed out again
/// with a count. What is acknowledged never comes again; what was lent when the process ended comes
/// again with its count.
public final class StreamGroup {
  /// One record handed to a reader.
  public struct Lease {
    /// The record's offset; what is acknowledged later.
    public let offset: UInt64
    /// The record. It may share its memory with others of the log: who keeps it, and not only
    /// reads it, keeps what `Record.own` answers.
    public let record: Record
    /// How often it has been handed out, this time included.
    public let deliveryCount: Int
    /// Which of all deliveries of the group this is, from 1.
    public let sequence: UInt64
    /// How many records are still to be handed out for the first time.
    public let pendingCount: Int

    /// The same for who keeps it; see `record`.
    public var own: Lease {
      Lease(
        offset: self.offset, record: self.record.own, deliveryCount: self.deliveryCount,
        sequence: self.sequence, pendingCount: self.pendingCount)
    }
  }

  /// A place among the group's deliveries and in the stream.
  public struct Position: Hashable, Sendable {
    /// How many deliveries lie before it.
    public var sequence: UInt64
    /// All records before this offset are meant.
    public var end: UInt64

    /// A position.
    public init(sequence: UInt64, end: UInt64) {
      self.sequence = sequence
      self.end = end
    }
  }

  /// A record that was handed out and is not done with.
  struct Open {
    /// Which delivery its first was.
    var sequence: UInt64
    var deliveryCount: Int
    /// Until when it is lent, or kept back.
    var deadline: Int64
    /// Whether it is to be handed out again.
    var isReturned: Bool
    /// Whether its dead letter is on the way: it is not handed out again, and not yet forgotten.
    var isDying = false
  }

  struct Deadline: Comparable {
    let at: Int64
    let offset: UInt64

    static func < (left: Self, right: Self) -> Bool { left.at < right.at }
  }

  /// What the group wants.
  public internal(set) var settings: StreamGroupSettings
  /// The stream it reads; `nil` when the group is deleted.
  public internal(set) var stream: Stream?
  /// When it was made, in the engine's clock.
  public let createdAt: Int64
  /// How many records it still has to hand out for the first time. An upper bound for a moment
  /// after a group was made in the middle of a long stream.
  public internal(set) var pendingCount = 0
  /// How many deliveries there were.
  public internal(set) var sequence: UInt64 = 0
  /// When a record was handed out last, in the engine's clock; 0 for never.
  public internal(set) var lastDeliveredAt: Int64 = 0
  /// When a record was acknowledged last, in the engine's clock; 0 for never.
  public internal(set) var lastAcknowledgedAt: Int64 = 0
  /// Called with a record that was handed out as often as it may be, when it leaves the group.
  public var onExhausted: ((Lease) -> Void)?
  /// Called when the group is deleted, by whomever.
  public var onDeleted: (() -> Void)?
  /// Whether it was deleted.
  public internal(set) var isDeleted = false

  /// What becomes of it when it is committed.
  enum Change {
    case defined(StreamGroupSettings)
    case removed
  }

  let number: UInt32
  let turns = ChangeTurns()
  /// What is on its way to the disk.
  var passing: Change?
  /// Whether it is to be written down whole when that has ended.
  var isBehind = false
  /// The first offset that was not looked at.
  var cursor: UInt64 = 0
  var open = OpenRecords()
  var deadlines = MinHeap<Deadline>()
  var deadlineTimer: (token: Timers.Token, at: Int64)?
  /// Offsets of `open` that are to be handed out again, and others.
  var returned = MinHeap<UInt64>()
  /// How many of `open` are to be handed out again.
  var returnedCount = 0
  /// The only records before `chosenEnd` that the group wants, ascending.
  var chosen = CircularBuffer<UInt64>()
  var chosenEnd: UInt64 = 0
  /// Looks for the place where the group begins, or counts what it has before it.
  var count: StreamWalk?
  var isStarting = false
  /// What keeps the pace: records before this offset came in before the group was made; the last
  /// one handed out came in at `paceOf`.
  var paceEnd: UInt64 = 0
  var paceOf: Int64 = 0
  var interests: [StreamInterest] = []
  var readers = 0
  var inactiveTimer: Timers.Token?
  private var waiters: [() -> Void] = []
  private var isWaking = false

  init(settings: StreamGroupSettings, stream: Stream, number: UInt32, createdAt: Int64) {
    self.settings = settings
    self.stream = stream
    self.number = number
    self.createdAt = createdAt
  }

  /// The group's name within its stream.
  public var name: String { self.settings.name }
  /// How many records are handed out and not done with, those that wait to be handed out again
  /// included.
  public var inFlight: Int { self.open.count }
  /// How many of those were handed out more than once, or will be.
  public var redelivered: Int {
    self.open.all.count { $0.open.deliveryCount > 1 || $0.open.isReturned }
  }
  /// How far the group has come.
  public var delivered: Position { Position(sequence: self.sequence, end: self.cursor) }
  /// Everything up to here is done with.
  public var floor: Position {
    guard let first = self.open.first else { return self.delivered }
    return Position(sequence: first.open.sequence - 1, end: first.offset)
  }
  /// Whether somebody reads it now: attached, or waiting.
  public var hasReaders: Bool { self.readers > 0 || self.hasWaiters }
  /// Whether somebody waits for records now.
  public var hasWaiters: Bool { !self.waiters.isEmpty }
  /// Whether readers are kept waiting until a time.
  public var isPaused: Bool {
    self.stream.map { self.settings.pausedUntil > $0.engine.now } ?? false
  }

  // MARK: Waiting

  /// Whether no change of the group is on its way to the disk.
  public var isSettled: Bool { self.turns.isFree }

  /// Calls `body` when no change of the group is on its way to the disk, at once mostly: for who
  /// asks for one that follows from how things stand.
  public func whenSettled(_ body: @escaping () -> Void) { self.turns.whenFree(body) }

  /// Calls `body` once, when `lease` is worth another try: a record came, came back, or was read
  /// from the disk, there is room for one more, or the group is gone.
  public func whenAvailable(_ body: @escaping () -> Void) {
    self.waiters.append(body)
    if self.isDeleted { self.wake() }
  }

  /// The stream, as long as both are there.
  var standing: Stream? {
    guard let stream = self.stream, !self.isDeleted, !stream.isDeleted else { return nil }
    return stream
  }

  func wake() {
    guard !self.waiters.isEmpty, !self.isWaking else { return }
    guard let engine = self.stream?.engine else { return self.callWaiters() }
    self.isWaking = true
    engine.whenQuiet {
      self.isWaking = false
      self.callWaiters()
    }
  }

  private func callWaiters() {
    let waiters = self.waiters
    self.waiters.removeAll()
    for waiter in waiters { waiter() }
  }
}

/// One of the patterns that a group wants, in its stream's tree.
final class StreamInterest: TopicTreeEntry {
  var treePosition = -1
  let pattern: TopicPattern
  unowned let group: StreamGroup

  init(_ pattern: TopicPattern, _ group: StreamGroup) {
    self.pattern = pattern
    self.group = group
  }
}
