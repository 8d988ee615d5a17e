import GodwitEngine
import KafkaWire

/// How far a share group has come in one partition: its window, and who waits for records of it.
/// Pure but for its clock.
final class KafkaSharePartition {
  /// What a client says of some records.
  typealias Batch = KafkaAcknowledgementBatch

  /// `AcknowledgeType`.
  enum Kind {
    static let gap: Int8 = 0
    static let accept: Int8 = 1
    static let release: Int8 = 2
    static let reject: Int8 = 3
    static let renew: Int8 = 4
  }

  /// What a partition takes of memory, about, and each of its runs.
  static let partitionBytes = 768
  static let runBytes = 96
  private static let runsPerStep = 64

  let place: KafkaPlace
  private(set) var window: PartitionWindow
  /// Whether what was written down last may be lost, so that all is to be written.
  var needsWhole = false
  /// Called when leases have ended.
  var changedByItself: (() -> Void)?
  /// Whether there may be a place for dead letters.
  var mayHaveLetters: () -> Bool = { false }
  /// While dead letters are on their way.
  var burial: KafkaShareBurial?
  private let clock: any KafkaClock
  private let memory: MemoryBudget
  private var waiters: [UInt64: () -> Void] = [:]
  private var waits: UInt64 = 0
  private var alarm: (any KafkaAlarm)?
  private var alarmAt = Int.max
  private var charged = 0

  /// - Returns: `nil` where memory is spent.
  init?(
    _ place: KafkaPlace, _ window: PartitionWindow, clock: any KafkaClock, memory: MemoryBudget
  ) {
    guard memory.reserve(Self.partitionBytes) else { return nil }
    self.place = place
    self.window = window
    self.clock = clock
    self.memory = memory
  }

  deinit { memory.release(Self.partitionBytes + charged) }

  /// What holds for the group has changed.
  func take(_ rules: KafkaShareRules) {
    window.deliveriesMax = rules.deliveriesMax
    window.openMax = rules.locksMax
  }

  /// Takes up what was written down.
  ///
  /// - Parameter end: where the log ends: what lay behind it was lost with a crash, as far as the
  ///   storage's policy allows that.
  func takeUp(_ written: PartitionWindow, end: UInt64) {
    window.apply(written.whole)
    needsWhole = window.cut(at: end)
  }

  // MARK: Lending

  /// Lends records; see `PartitionWindow.lend`. Nothing where memory is spent.
  func lend(
    _ offsets: Range<UInt64>, atMost count: Int, to member: String, for milliseconds: Int
  ) -> [PartitionWindow.Lease] {
    guard reserve() else { return [] }
    let leases = window.lend(
      offsets, atMost: count, to: member, until: Int64(clock.now + milliseconds))
    schedule()
    return leases
  }

  /// There is nothing for readers at `offsets`.
  func skip(_ offsets: Range<UInt64>) { window.skip(offsets) }

  /// The log begins at `offset` now.
  func trim(before offset: UInt64) { window.trim(before: offset) }

  /// The group begins anew.
  func reset(to offset: UInt64) {
    window.reset(to: offset)
    needsWhole = true
    wake()
  }

  /// Takes memory for the window and for what it may grow by.
  ///
  /// - Parameter runs: how many runs may be added.
  private func reserve(_ runs: Int = 2) -> Bool {
    let steps = (window.runCount + runs) / Self.runsPerStep + 1
    let wanted = steps * Self.runsPerStep * Self.runBytes
    if wanted < charged {
      memory.release(charged - wanted)
      charged = wanted
    } else if wanted > charged {
      guard memory.reserve(wanted - charged) else { return false }
      charged = wanted
    }
    return true
  }

  // MARK: Acknowledging

  /// Whether what a client says is well-formed; the message where it is not.
  static func fault(of batches: [Batch], mayRenew: Bool) -> String? {
    var end: Int64 = -1
    for batch in batches {
      guard batch.firstOffset >= 0, batch.lastOffset >= batch.firstOffset, batch.lastOffset < .max
      else {
        return "The first offset of a batch is beyond its last."
      }
      guard batch.firstOffset > end else { return "Batches overlap, or are out of order." }
      end = batch.lastOffset
      let types = batch.acknowledgeTypes
      guard !types.isEmpty else { return "The acknowledge types array is empty." }
      guard types.count == 1 || Int64(types.count) == batch.lastOffset - batch.firstOffset + 1
      else {
        return "The acknowledge types do not match the offsets."
      }
      let highest = mayRenew ? Kind.renew : Kind.reject
      guard types.allSatisfy({ (Kind.gap...highest).contains($0) }) else {
        return "There is no such acknowledge type."
      }
    }
    return nil
  }

  /// Takes down what `member` says, all of it or nothing.
  ///
  /// - Returns: why not.
  func acknowledge(_ batches: [Batch], by member: String, lockedFor milliseconds: Int)
    -> KafkaRefusal?
  {
    for batch in batches where !window.holds(Self.offsets(of: batch), member) {
      return KafkaRefusal(
        .invalidRecordState, "The record state is invalid. The acknowledgement cannot be completed."
      )
    }
    let pieces = batches.flatMap(Self.pieces)
    // Each may part what was together.
    guard reserve(2 * pieces.count) else {
      return KafkaRefusal(.kafkaStorageError, "memory is spent")
    }
    let deadline = Int64(clock.now + milliseconds)
    window.keepsDead = mayHaveLetters()
    for (offsets, kind) in pieces { window.settle(offsets, Self.outcome(kind, deadline)) }
    schedule()
    wake()
    return nil
  }

  /// What a batch says, neighbours of one kind together.
  private static func pieces(of batch: Batch) -> [(offsets: Range<UInt64>, kind: Int8)] {
    let kinds = batch.acknowledgeTypes
    let offsets = offsets(of: batch)
    guard kinds.count > 1 else { return kinds.first.map { [(offsets, $0)] } ?? [] }
    var pieces: [(offsets: Range<UInt64>, kind: Int8)] = []
    for (offset, kind) in zip(offsets, kinds) {
      if let last = pieces.last, last.kind == kind {
        pieces[pieces.count - 1].offsets = last.offsets.lowerBound..<offset + 1
      } else {
        pieces.append((offset..<offset + 1, kind))
      }
    }
    return pieces
  }

  private static func offsets(of batch: Batch) -> Range<UInt64> {
    UInt64(clamping: batch.firstOffset)..<UInt64(clamping: batch.lastOffset) + 1
  }

  private static func outcome(_ kind: Int8, _ deadline: Int64) -> PartitionWindow.Outcome {
    switch kind {
    case Kind.release: .back
    case Kind.reject: .rejected
    case Kind.renew: .kept(until: deadline)
    default: .done
    }
  }

  /// All that `member` holds comes back.
  ///
  /// - Parameter counts: whether the member may have worked on it.
  /// - Returns: whether there was something.
  func giveBack(of member: String, counts: Bool) -> Bool {
    window.keepsDead = mayHaveLetters()
    guard window.giveBack(of: member, counts: counts) else { return false }
    schedule()
    wake()
    return true
  }

  /// Dying records are done with.
  func bury(_ offsets: Range<UInt64>) {
    window.bury(offsets)
    // There is room for others now.
    wake()
  }

  // MARK: What is written down

  /// What has changed since the last time.
  func takeChanges() -> PartitionWindow.Changes? {
    let changes = window.takeChanges()
    guard needsWhole else { return changes }
    needsWhole = false
    return window.whole
  }

  // MARK: Time

  private func schedule() {
    guard let deadline = window.nextDeadline, Int(deadline) < alarmAt else { return }
    alarm?.cancel()
    alarmAt = Int(deadline)
    alarm = clock.alarm(after: max(1, alarmAt - clock.now)) { [weak self] in self?.expire() }
  }

  private func expire() {
    alarm = nil
    alarmAt = .max
    window.keepsDead = mayHaveLetters()
    let hasExpired = window.expire(at: Int64(clock.now))
    schedule()
    guard hasExpired else { return }
    changedByItself?()
    wake()
  }

  // MARK: Waiting

  /// Calls `body` once, when there may be records again.
  ///
  /// - Returns: what `cancel` takes.
  func whenAvailable(_ body: @escaping () -> Void) -> UInt64 {
    waits &+= 1
    waiters[waits] = body
    return waits
  }

  func cancel(_ wait: UInt64) { waiters[wait] = nil }

  /// Calls everybody who waits.
  func wake() {
    let waiting = waiters.sorted { $0.key < $1.key }
    waiters = [:]
    for (_, body) in waiting { body() }
  }

  /// Nobody uses it any more.
  func end() {
    burial?.cancel()
    burial = nil
    alarm?.cancel()
    alarm = nil
    wake()
  }
}
