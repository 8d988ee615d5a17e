/// What became of the records of a partition that several readers share: a window over dense
/// offsets, with an acknowledgement for each, kept as runs of offsets that have the same story.
///
/// A record is available, then lent to a reader until a time, then done with, or available again
/// with a count. Pure: it has neither the records nor a clock; times are whatever the caller counts
/// in. What readers hold is bounded by `openMax`, so what it takes of memory is, too.
public struct PartitionWindow: Sendable {
  /// What a reader says of records that it holds.
  public enum Outcome: Hashable, Sendable {
    /// They are done with.
    case done
    /// The reader wants nothing of them: they are dying, or done with where nothing is kept.
    case rejected
    /// They are to be lent again, if they have not been lent often enough.
    case back
    /// The reader is still at it: they are lent until a later time.
    case kept(until: Int64)
  }

  /// Records that a reader was given.
  public struct Lease: Hashable, Sendable {
    /// The records.
    public var offsets: Range<UInt64>
    /// How often they were lent, this time included.
    public var deliveryCount: Int

    /// A lease.
    public init(offsets: Range<UInt64>, deliveryCount: Int) {
      self.offsets = offsets
      self.deliveryCount = deliveryCount
    }
  }

  /// Records that are given up, and of which something is to be kept before they are done with.
  public struct Dying: Hashable, Sendable {
    /// The records.
    public var offsets: Range<UInt64>
    /// How often they were lent.
    public var deliveryCount: Int
    /// Whether a reader has rejected them; otherwise they were lent often enough.
    public var isRejected: Bool
  }

  /// Records of which something is to be written down.
  public struct Kept: Hashable, Sendable {
    /// The records.
    public var offsets: Range<UInt64>
    /// Whether they are done with.
    public var isDone: Bool
    /// How often they were lent and came back.
    public var deliveryCount: Int

    /// What is kept of some records.
    public init(offsets: Range<UInt64>, isDone: Bool, deliveryCount: Int) {
      self.offsets = offsets
      self.isDone = isDone
      self.deliveryCount = deliveryCount
    }
  }

  /// What of a window is to be written down. Who holds what is not part of it.
  public struct Changes: Hashable, Sendable {
    /// Everything before this offset is done with.
    public var start: UInt64
    /// Whether this is all there is, not only what is new.
    public var isWhole: Bool
    /// Records from `start` on, ascending where `isWhole`.
    public var kept: [Kept]

    /// Changes.
    public init(start: UInt64, isWhole: Bool, kept: [Kept]) {
      self.start = start
      self.isWhole = isWhole
      self.kept = kept
    }
  }

  enum State: Hashable {
    case available
    case lent(to: String, until: Int64)
    case dying(isRejected: Bool)
    case done
  }

  struct Run: Hashable {
    var offsets: Range<UInt64>
    var state: State
    var deliveryCount: Int

    var isOpen: Bool { self.state != .done }
    var count: Int { Int(clamping: self.offsets.upperBound - self.offsets.lowerBound) }

    func goesOn(_ other: Run) -> Bool {
      self.state == other.state && self.deliveryCount == other.deliveryCount
        && self.offsets.upperBound == other.offsets.lowerBound
    }
  }

  /// How often a record is lent at the most; what comes back then is done with. 0 for no limit.
  public var deliveriesMax: Int
  /// Whether what is given up is held, dying, until `bury`. While it is not written down that it
  /// is done with, it is lent again after a crash.
  public var keepsDead = false
  /// The most records that are lent, or came back and wait. Beyond it, nothing new is lent.
  public var openMax: Int
  /// Everything before this offset is done with.
  public internal(set) var start: UInt64
  /// Records that are lent, or came back and wait.
  public internal(set) var openCount = 0
  /// No lease ends before this time; `nil` where nothing is lent.
  public internal(set) var nextDeadline: Int64?

  /// From `start` to `end` without a gap, ascending; the first is not done with.
  var runs: [Run] = []
  /// What readers say of records before this offset is of no interest: they were taken from them.
  var floor: UInt64 = 0
  private var changed: [Range<UInt64>] = []
  private var hasMoved = false

  /// A window that begins at `start`.
  public init(start: UInt64, deliveriesMax: Int = 0, openMax: Int = .max) {
    self.start = start
    self.deliveriesMax = deliveriesMax
    self.openMax = openMax
  }

  /// The first offset that was never lent.
  public var end: UInt64 { self.runs.last?.offsets.upperBound ?? self.start }
  /// How many runs there are: what the window takes of memory.
  public var runCount: Int { self.runs.count }
  /// How many of those that are lent, or came back and wait, were lent before.
  public var returnedCount: Int {
    self.runs.reduce(0) { count, run in
      switch run.state {
      case .available: run.deliveryCount > 0 ? count + run.count : count
      case .lent: run.deliveryCount > 1 ? count + run.count : count
      case .dying, .done: count
      }
    }
  }
  /// How many records from `start` on are done with.
  public var doneCount: Int {
    Int(clamping: self.end - self.start) - self.openCount
  }
  private var room: Int { max(0, self.openMax - self.openCount) }

  // MARK: Lending

  /// The first offsets from `offset` on that may be lent: those that came back, or all from `end`
  /// on, up to `UInt64.max`, if so many are not open already.
  public func available(from offset: UInt64) -> Range<UInt64>? {
    let offset = max(offset, self.start)
    for run in self.runs[self.index(of: offset)...] where run.state == .available {
      return max(run.offsets.lowerBound, offset)..<run.offsets.upperBound
    }
    return self.room > 0 ? max(offset, self.end)..<UInt64.max : nil
  }

  /// How many of `offsets` may be lent.
  public func availableCount(in offsets: Range<UInt64>) -> Int {
    var count = 0
    for run in self.runs[self.index(of: offsets.lowerBound)...] {
      guard run.offsets.lowerBound < offsets.upperBound else { return count }
      let part = run.offsets.clamped(to: offsets)
      if run.state == .available { count += Int(part.upperBound - part.lowerBound) }
    }
    let first = max(offsets.lowerBound, self.end)
    guard first < offsets.upperBound else { return count }
    return count + min(self.room, Int(clamping: offsets.upperBound - first))
  }

  /// Lends what may be lent of `offsets`, from the first on.
  ///
  /// - Parameters:
  ///   - count: the most records.
  ///   - reader: who gets them.
  ///   - deadline: when they come back by themselves; see `expire`.
  /// - Returns: what was lent, ascending.
  public mutating func lend(
    _ offsets: Range<UInt64>, atMost count: Int, to reader: String, until deadline: Int64
  ) -> [Lease] {
    var leases: [Lease] = []
    var left = count
    var offset = offsets.lowerBound
    while left > 0, let range = self.available(from: offset), range.lowerBound < self.end,
      range.lowerBound < offsets.upperBound
    {
      let end = min(range.upperBound, offsets.upperBound, range.lowerBound + UInt64(left))
      let part = range.lowerBound..<end
      self.change(part) { run in
        run.state = .lent(to: reader, until: deadline)
        run.deliveryCount += 1
        leases.append(Lease(offsets: run.offsets, deliveryCount: run.deliveryCount))
      }
      left -= part.count
      offset = end
    }
    let first = max(offsets.lowerBound, self.end)
    let new = min(
      left, self.room, Int(clamping: offsets.upperBound - min(first, offsets.upperBound)))
    if new > 0 {
      self.skip(self.end..<first)
      let run = Run(
        offsets: first..<first + UInt64(new), state: .lent(to: reader, until: deadline),
        deliveryCount: 1)
      self.append(run)
      leases.append(Lease(offsets: run.offsets, deliveryCount: 1))
    }
    if !leases.isEmpty { self.nextDeadline = min(self.nextDeadline ?? .max, deadline) }
    return leases
  }

  /// There is nothing to read at `offsets`: those that are not lent are done with.
  public mutating func skip(_ offsets: Range<UInt64>) {
    guard !offsets.isEmpty else { return }
    self.change(offsets) { run in
      guard run.state == .available else { return }
      run.state = .done
    }
    let first = max(offsets.lowerBound, self.end)
    if first < offsets.upperBound {
      self.append(Run(offsets: self.end..<offsets.upperBound, state: .done, deliveryCount: 0))
    }
    self.note(offsets)
    self.advance()
  }

  // MARK: Coming back

  /// Whether `reader` may say something of all of `offsets`: whether it holds them, but for what
  /// was taken from it.
  public func holds(_ offsets: Range<UInt64>, _ reader: String) -> Bool {
    let first = max(offsets.lowerBound, self.floor)
    guard first < offsets.upperBound else { return true }
    guard first >= self.start, offsets.upperBound <= self.end else { return false }
    for run in self.runs[self.index(of: first)...] {
      guard run.offsets.lowerBound < offsets.upperBound else { return true }
      guard case .lent(reader, _) = run.state else { return false }
    }
    return true
  }

  /// Takes down what became of records that are lent; see `holds`.
  public mutating func settle(_ offsets: Range<UInt64>, _ outcome: Outcome) {
    let (deliveriesMax, keepsDead) = (self.deliveriesMax, self.keepsDead)
    self.change(offsets) { run in
      guard case .lent(let reader, _) = run.state else { return }
      switch outcome {
      case .done: run.state = .done
      case .rejected: run.state = keepsDead ? .dying(isRejected: true) : .done
      case .back: run.comeBack(deliveriesMax, keepsDead)
      case .kept(let deadline): run.state = .lent(to: reader, until: deadline)
      }
    }
    // A lease that lasts longer changes nothing that is written down.
    if case .kept = outcome { return }
    self.note(offsets)
    self.advance()
  }

  /// All that `reader` holds comes back.
  ///
  /// - Parameter counts: whether it was worked on, so that the delivery counts.
  /// - Returns: whether there was something.
  public mutating func giveBack(of reader: String, counts: Bool) -> Bool {
    self.giveBack(counts: counts) { state in
      guard case .lent(reader, _) = state else { return false }
      return true
    }
  }

  /// All leases that have ended come back.
  ///
  /// - Returns: whether there was one.
  public mutating func expire(at now: Int64) -> Bool {
    let hasExpired = self.giveBack(counts: true) { state in
      guard case .lent(_, let deadline) = state else { return false }
      return deadline <= now
    }
    self.nextDeadline = nil
    for run in self.runs {
      guard case .lent(_, let deadline) = run.state else { continue }
      self.nextDeadline = min(self.nextDeadline ?? .max, deadline)
    }
    return hasExpired
  }

  private mutating func giveBack(counts: Bool, _ isMeant: (State) -> Bool) -> Bool {
    let meant = self.runs.filter { isMeant($0.state) }.map(\.offsets)
    let (deliveriesMax, keepsDead) = (self.deliveriesMax, self.keepsDead)
    for offsets in meant {
      self.change(offsets) { run in
        if counts {
          run.comeBack(deliveriesMax, keepsDead)
        } else {
          run.state = .available
          run.deliveryCount -= 1
        }
      }
      self.note(offsets)
    }
    self.advance()
    return !meant.isEmpty
  }

  // MARK: Dying

  /// The first records that are dying; `nil` where none are.
  public var dying: Dying? {
    for run in self.runs {
      guard case .dying(let isRejected) = run.state else { continue }
      return Dying(
        offsets: run.offsets, deliveryCount: run.deliveryCount, isRejected: isRejected)
    }
    return nil
  }

  /// What was to be kept of dying records is: they are done with.
  public mutating func bury(_ offsets: Range<UInt64>) {
    self.change(offsets) { run in
      guard case .dying = run.state else { return }
      run.state = .done
    }
    self.note(offsets)
    self.advance()
  }

  // MARK: What is written down

  /// What has changed since the last time; `nil` where nothing has.
  public mutating func takeChanges() -> Changes? {
    guard self.hasMoved || !self.changed.isEmpty else { return nil }
    var kept: [Kept] = []
    for offsets in self.changed where offsets.upperBound > self.start {
      for run in self.runs[self.index(of: offsets.lowerBound)...] {
        guard run.offsets.lowerBound < offsets.upperBound else { break }
        kept.append(run.kept(run.offsets.clamped(to: offsets)))
      }
    }
    self.changed = []
    self.hasMoved = false
    return Changes(start: self.start, isWhole: false, kept: kept)
  }

  /// All there is.
  public var whole: Changes {
    Changes(start: self.start, isWhole: true, kept: self.runs.map { $0.kept($0.offsets) })
  }

  mutating func note(_ offsets: Range<UInt64>) {
    guard !offsets.isEmpty else { return }
    if let last = self.changed.last, last.upperBound == offsets.lowerBound {
      self.changed[self.changed.count - 1] = last.lowerBound..<offsets.upperBound
    } else {
      self.changed.append(offsets)
    }
  }

  mutating func noteMove() { self.hasMoved = true }

  mutating func forgetChanges() {
    self.changed = []
    self.hasMoved = false
  }
}
