import GodwitPrimitives
import NIOCore

/// A named log of a tenant which captures topics: whoever publishes to them, by whatever protocol,
/// adds a record, and whoever reads finds it by offset, topic or group.
///
/// An append returns at once. The record is there for readers, counts for groups, and makes others
/// go, when it is committed: a message never goes for the sake of one that a crash takes back.
public final class Stream {
  /// What the stream keeps, for how long, and what it refuses.
  public internal(set) var settings: StreamSettings {
    didSet { self.isPlain = self.settings.isPlain }
  }
  /// Whether messages are kept as they come; see `StreamSettings.isPlain`.
  private(set) var isPlain: Bool
  /// Whose topics it captures.
  public let tenant: Tenant
  /// When it was made, in the engine's clock.
  public let createdAt: Int64
  /// How many records it holds, those that are not committed yet among them.
  public internal(set) var count = 0
  /// The bytes they take: topic, properties and payload, and 16 bytes each.
  public internal(set) var byteCount = 0
  /// When the last message that is committed came in, in the engine's clock; 0 where none ever was.
  public internal(set) var lastReceivedAt: Int64 = 0

  /// How many records the last start had to read to know what the log holds.
  public internal(set) var recordsReadAtStart = 0

  let log: any Log
  /// What groups must not forget.
  let journal: any Journal
  /// What a start need not read the log for.
  var keeping: StreamKeeping
  /// What it cannot know.
  var loss = StreamLoss()
  let index: TopicIndex
  var recent: RecentIDs
  /// The id of the last message that was kept.
  var lastMessageID: [UInt8]?
  /// Appended and not yet committed, oldest first.
  var pending = CircularBuffer<PendingAppend>()
  /// What they count for in `byteCount`.
  var pendingBytes = 0
  var isWatchingCommit = false
  /// Whether a batch is being appended: nothing is done for its first messages before its last.
  var isKeepingBatch = false
  /// Records that end their lives by themselves.
  var expiries = MinHeap<Expiry>()
  var expiryTimer: Timers.Token?
  var ageTimer: Timers.Token?
  /// Records that are sent on.
  var schedules: StreamSchedules
  var sendingTimer: Timers.Token?
  var sendingTime: Int64?
  /// No record that age can take lies before this offset.
  var ageOffset: UInt64 = 0
  /// The number of the search for all topics' places that counts: the last one begun.
  var placeSearch: UInt32 = 0
  /// Whether retention waits for a record to be read.
  var isTrimming = false
  /// Walks that are under way.
  var walks: [ObjectIdentifier: StreamWalk] = [:]

  /// What groups have to write down, and when it is written.
  var notes = ByteBuffer()
  var noteTimer: Timers.Token?
  var groupsByName: [String: StreamGroup] = [:]
  var groupsByNumber: [UInt32: StreamGroup] = [:]
  var lastGroupNumber: UInt32 = 0
  /// How many of the groups are hidden.
  var hiddenGroups = 0
  /// The patterns of all groups.
  let interests = TopicTree<StreamInterest>()
  private var waiters: [() -> Void] = []
  private var isWaking = false
  private var capturing: StreamCapture?
  /// Whether it was deleted.
  public internal(set) var isDeleted = false

  /// A record that is not committed yet.
  struct PendingAppend {
    let offset: UInt64
    /// What it counts for against the limits.
    let size: Int
    let receivedAt: Int64
    let expiresAt: Int64
    var entry: TopicIndex.Entry
    /// What was the topic's last offset before.
    let previous: UInt64?
    /// What few records have.
    let more: More?

    var rollup: AppendConditions.Rollup? { self.more?.rollup }
    var schedule: ScheduleNote? { self.more?.schedule }
    /// How often in a row it was published again.
    var republications: Int { self.more?.republications ?? 0 }
    var previousID: [UInt8]? { self.more?.previousID }

    /// Apart, so that a record that has none of it is small, and quickly moved.
    final class More {
      let rollup: AppendConditions.Rollup?
      let schedule: ScheduleNote?
      let republications: Int
      /// What was the stream's last message id before.
      let previousID: [UInt8]?

      init(_ conditions: AppendConditions?, republications: Int, previousID: [UInt8]?) {
        self.rollup = conditions?.rollup
        self.schedule = conditions?.schedule
        self.republications = republications
        self.previousID = previousID
      }
    }
  }

  /// When a record ends its life.
  struct Expiry: Comparable {
    let at: Int64
    let offset: UInt64

    static func < (left: Self, right: Self) -> Bool { left.at < right.at }
  }

  init(
    settings: StreamSettings, tenant: Tenant, createdAt: Int64, log: any Log,
    journal: any Journal, indexJournal: any Journal
  ) {
    self.settings = settings
    self.isPlain = settings.isPlain
    self.isDurable = settings.storage == .file && tenant.store.isDurable
    self.tenant = tenant
    self.createdAt = createdAt
    self.log = log
    self.journal = journal
    self.keeping = StreamKeeping(indexJournal)
    self.index = TopicIndex(
      memory: tenant.memory, engine: tenant.engine,
      hasPlaces: settings.recordsPerTopicMax > 0)
    self.recent = RecentIDs(memory: tenant.memory)
    self.schedules = StreamSchedules(memory: tenant.memory)
  }

  /// The stream's name within its tenant.
  public var name: String { self.settings.name }
  /// The offset of the oldest record that is there; `nextOffset` where there is none.
  public var firstOffset: UInt64 {
    self.count == 0 ? self.log.nextOffset : self.log.next(from: self.log.firstOffset)
  }
  /// The offset that the next record will get.
  public var nextOffset: UInt64 { self.log.nextOffset }
  /// What lies before this offset may be read.
  public var committedOffset: UInt64 { self.log.committedOffset }
  /// How many records there are for readers.
  public var committedCount: Int { max(0, self.count - self.pending.count) }
  /// The bytes that the records take which are there for readers; see `byteCount`.
  public var committedByteCount: Int { max(0, self.byteCount - self.pendingBytes) }
  /// How many topics have records.
  public var topicCount: Int { self.index.count }
  /// How many topics have records for readers. Goes through what is not committed yet.
  public var committedTopicCount: Int {
    self.engine.effort.pointee &+= UInt64(self.pending.count) / 16
    // Of a topic's records one is the last.
    let hidden = self.pending.count {
      $0.entry.last == $0.offset && $0.entry.committedCount == 0
    }
    return max(0, self.index.count - hidden)
  }
  /// How many ids of messages are remembered.
  public var rememberedIDs: Int { self.recent.count }
  /// Whether its records outlive the process.
  public let isDurable: Bool

  var engine: Engine { self.tenant.engine }

  // MARK: Capturing

  /// Begins to capture the topics of `settings.patterns`.
  func capture() throws(EngineError) {
    self.capture(with: try StreamCapture(self, self.settings.patterns))
  }

  /// Captures the topics that `capture` is for, and no others.
  func capture(with capture: StreamCapture) {
    self.capturing?.end()
    self.capturing = capture
    capture.begin()
  }

  func stopCapturing() {
    self.capturing?.end()
    self.capturing = nil
  }

  // MARK: Waiting

  /// Calls `body` when everything before `offset` is as durable as the stream promises, at once
  /// where it is already; or with the error, when it never will be.
  public func whenCommitted(before offset: UInt64, _ body: @escaping (EngineError?) -> Void) {
    if offset <= self.log.committedOffset {
      if !self.pending.isEmpty { self.settle() }
      body(nil)
      return
    }
    self.log.whenCommitted(before: offset) { error in
      self.settle()
      body(error)
    }
  }

  /// Calls `body` once, when there are more records to read than now: at the end of the publish
  /// that brought them, never within it.
  public func whenAppended(_ body: @escaping () -> Void) {
    self.waiters.append(body)
  }

  func wake() {
    guard !self.waiters.isEmpty, !self.isWaking else { return }
    self.isWaking = true
    self.engine.whenQuiet {
      self.isWaking = false
      let waiters = self.waiters
      self.waiters.removeAll()
      for waiter in waiters { waiter() }
    }
  }
}

/// A stream's place in the router.
final class StreamCapture: Subscriber {
  private unowned let stream: Stream
  private var subscriptions: [Subscription] = []
  /// Whether it captures: not before the settings that ask for it hold.
  private var isCapturing = false

  /// Takes the place that is needed for `patterns`.
  init(_ stream: Stream, _ patterns: [TopicPattern]) throws(EngineError) {
    self.stream = stream
    super.init(tenant: stream.tenant)
    for pattern in patterns {
      let subscription = Subscription(pattern: pattern, subscriber: self)
      do {
        try self.tenant.router.subscribe(subscription)
      } catch {
        self.end()
        throw error
      }
      self.subscriptions.append(subscription)
    }
  }

  override var owner: SubscriberOwner {
    SubscriberOwner(protocolName: "stream", name: self.stream.name)
  }

  /// A refusal is an answer too: the message had somebody who looked after it.
  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    guard subscription.isActive, self.isCapturing else { return false }
    publication.capture(self.stream)
    return true
  }

  func begin() { self.isCapturing = true }

  func end() {
    for subscription in self.subscriptions { self.tenant.router.unsubscribe(subscription) }
    self.subscriptions = []
  }
}
