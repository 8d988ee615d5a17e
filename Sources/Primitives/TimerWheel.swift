/// Names one timer of a `TimerWheel`. A token of a timer that fired or was cancelled names nothing.
public struct TimerWheelToken: Hashable, Sendable {
  let index: Int32
  let generation: UInt32
}

/// A hierarchical timing wheel: scheduling and cancelling cost a few instructions whatever the
/// number of timers.
///
/// Deadlines are nanoseconds of any monotonic clock. A timer fires at the first `advance` whose
/// time is at or past its deadline, rounded up to the wheel's tick.
public struct TimerWheel<Payload>: ~Copyable {
  /// Names one scheduled timer.
  public typealias Token = TimerWheelToken

  private struct Entry {
    var payload: Payload?
    var tick: Int64 = 0
    var generation: UInt32 = 0
    var slot: Int32 = -1
    var next: Int32 = -1
    var previous: Int32 = -1
  }

  private static var slotBits: Int64 { 6 }
  private static var slots: Int { 1 << Self.slotBits }
  private static var levels: Int { 6 }
  /// What is left of a tick, or of a slot, within its level.
  private static var slotMask: Int64 { Int64(Self.slots - 1) }

  private let tickNanoseconds: Int64
  private var entries: [Entry] = []
  private var free: [Int32] = []
  private var heads: [Int32]
  /// A bit per slot that holds something, a word per level.
  private var occupied: [UInt64]
  private var current: Int64
  /// How many timers are scheduled.
  public private(set) var count = 0

  /// An empty wheel.
  ///
  /// - Parameters:
  ///   - tickNanoseconds: the precision.
  ///   - now: the time at which the wheel starts.
  public init(tickNanoseconds: Int64, now: Int64) {
    self.tickNanoseconds = max(1, tickNanoseconds)
    self.current = now / self.tickNanoseconds
    self.heads = Array(repeating: -1, count: Self.levels * Self.slots)
    self.occupied = Array(repeating: 0, count: Self.levels)
  }

  /// Schedules `payload` for `deadline`. A deadline that has passed fires at the next advance.
  public mutating func schedule(at deadline: Int64, _ payload: Payload) -> Token {
    let tick = deadline.dividingRoundingUp(by: self.tickNanoseconds)
    let index: Int32
    if let reused = self.free.popLast() {
      index = reused
    } else {
      index = Int32(truncatingIfNeeded: self.entries.count)
      self.entries.append(Entry())
    }
    self.entries[Int(index)].payload = payload
    self.entries[Int(index)].tick = max(tick, self.current + 1)
    self.count += 1
    self.link(index)
    return Token(index: index, generation: self.entries[Int(index)].generation)
  }

  /// Cancels a timer.
  ///
  /// - Returns: its payload, or `nil` when it has fired or was cancelled before.
  @discardableResult
  public mutating func cancel(_ token: Token) -> Payload? {
    let position = Int(token.index)
    guard self.entries.indices.contains(position),
      self.entries[position].generation == token.generation,
      self.entries[position].slot >= 0
    else { return nil }
    self.unlink(token.index)
    return self.release(token.index)
  }

  /// The earliest time at which `advance` may have something to do, or `nil` when nothing is
  /// scheduled. Never later than the earliest deadline rounded up to a tick.
  public var nextDeadline: Int64? {
    let tick = self.isUnfinished ? self.current : self.nextOccupiedTick
    return tick.map { $0 * self.tickNanoseconds }
  }

  /// The earliest tick at which an occupied slot of any level begins.
  private var nextOccupiedTick: Int64? {
    guard self.count > 0 else { return nil }
    var earliest: Int64?
    for level in 0..<Self.levels where self.occupied[level] != 0 {
      let shift = Self.slotBits * Int64(level)
      let position = Self.position(of: self.current, level: level)
      let rotated = self.occupied[level].rotatedRight(by: position + 1)
      let distance = Int64(rotated.trailingZeroBitCount + 1)
      let tick = ((self.current >> shift) + distance) << shift
      earliest = min(earliest ?? .max, tick)
    }
    return earliest
  }

  /// Moves the wheel to `now` and hands out what is due, earliest slot first.
  ///
  /// What is due is collected first, so that payloads may schedule and cancel when they run.
  ///
  /// - Parameter max: so many at most; the others come with the next call, and can be cancelled
  ///   until then.
  public mutating func advance(to now: Int64, atMost max: Int = .max, into due: inout [Payload]) {
    let target = now / self.tickNanoseconds
    if self.isUnfinished { self.collect(into: &due, atMost: max) }
    while self.current < target, !self.isUnfinished, due.count < max {
      guard self.count > 0 else {
        self.current = target
        return
      }
      self.step(limit: target)
      self.collect(into: &due, atMost: max)
    }
  }

  /// One step: to the next tick at which some slot, of whatever level, is occupied. What lies
  /// between is empty and needs no look.
  private mutating func step(limit: Int64) {
    guard let next = self.nextOccupiedTick, next <= limit else {
      self.current = limit
      return
    }
    self.current = next
    if next & Self.slotMask == 0 { self.cascade() }
  }

  private mutating func cascade() {
    var level = 1
    while level < Self.levels {
      let position = Self.position(of: self.current, level: level)
      self.relink(slot: level * Self.slots + position, level: level)
      if position != 0 { break }
      level += 1
    }
  }

  private mutating func relink(slot: Int, level: Int) {
    var index = self.heads[slot]
    self.heads[slot] = -1
    self.occupied[level] &= ~Self.bit(of: slot)
    while index >= 0 {
      let next = self.entries[Int(index)].next
      self.link(index)
      index = next
    }
  }

  private mutating func collect(into due: inout [Payload], atMost max: Int) {
    let slot = Self.position(of: self.current, level: 0)
    while self.heads[slot] >= 0, due.count < max {
      let index = self.heads[slot]
      self.unlink(index)
      if let payload = self.release(index) { due.append(payload) }
    }
  }

  /// Whether what is due at `current` was handed out in part. A timer that comes is due later.
  private var isUnfinished: Bool { self.heads[Self.position(of: self.current, level: 0)] >= 0 }

  /// Which slot of a level a tick falls into.
  private static func position(of tick: Int64, level: Int) -> Int {
    Int((tick >> (Self.slotBits * Int64(level))) & Self.slotMask)
  }

  /// A slot's bit in its level's word of `occupied`.
  private static func bit(of slot: Int) -> UInt64 {
    1 &<< UInt64(Int64(slot) & Self.slotMask)
  }

  private mutating func link(_ index: Int32) {
    let tick = self.entries[Int(index)].tick
    let distance = max(0, tick - self.current)
    var level = 0
    while level < Self.levels - 1,
      distance >= (Int64(1) << (Self.slotBits * Int64(level + 1)))
    {
      level += 1
    }
    let reach = (Int64(1) << (Self.slotBits * Int64(Self.levels))) - 1
    let placed = distance > reach ? self.current + reach : tick
    let position = Self.position(of: placed, level: level)
    let slot = level * Self.slots + position
    let head = self.heads[slot]
    self.entries[Int(index)].slot = Int32(truncatingIfNeeded: slot)
    self.entries[Int(index)].next = head
    self.entries[Int(index)].previous = -1
    if head >= 0 { self.entries[Int(head)].previous = index }
    self.heads[slot] = index
    self.occupied[level] |= Self.bit(of: slot)
  }

  private mutating func unlink(_ index: Int32) {
    let entry = self.entries[Int(index)]
    let slot = Int(entry.slot)
    if entry.previous >= 0 {
      self.entries[Int(entry.previous)].next = entry.next
    } else {
      self.heads[slot] = entry.next
      if entry.next < 0 { self.occupied[slot / Self.slots] &= ~Self.bit(of: slot) }
    }
    if entry.next >= 0 { self.entries[Int(entry.next)].previous = entry.previous }
  }

  private mutating func release(_ index: Int32) -> Payload? {
    let payload = self.entries[Int(index)].payload
    self.entries[Int(index)].payload = nil
    self.entries[Int(index)].slot = -1
    self.entries[Int(index)].generation &+= 1
    self.free.append(index)
    self.count -= 1
    return payload
  }
}

extension Int64 {
  fileprivate func dividingRoundingUp(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor > 0 ? quotient + 1 : quotient
  }
}

extension UInt64 {
  fileprivate func rotatedRight(by count: Int) -> UInt64 {
    let shift = UInt64(truncatingIfNeeded: count & (Self.bitWidth - 1))
    guard shift != 0 else { return self }
    return (self &>> shift) | (self &<< (UInt64(Self.bitWidth) &- shift))
  }
}
