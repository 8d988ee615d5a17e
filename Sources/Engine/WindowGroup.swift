/// A named position over a log, with an acknowledgement per record: the window form of the third
/// noun. (The cursor form, one committed offset, comes with durable logs.)
///
/// A record is available, then leased to a consumer, then acknowledged, or back with a count. Who
/// owns the log alone may ask for acknowledged records to be removed from it.
public final class WindowGroup {
  /// One record handed to a consumer.
  public struct Lease {
    /// The record's place in the log; what is acknowledged later.
    public let offset: UInt64
    /// The record.
    public let record: Record
    /// How often it has been handed out, this time included.
    public let deliveryCount: Int
  }

  private struct State {
    var deliveryCount: Int
    /// Whether a consumer has it now.
    var isLeased: Bool
    /// When it may be handed out again; 0 for at once.
    var availableAt: Int64
  }

  /// The group's name.
  public let name: String
  /// The log it reads.
  public let log: any Log
  /// The most records that consumers may hold at once.
  public var inFlightMax: Int
  /// How often a record is handed out at the most; 0 for no limit.
  public let deliveriesMax: Int
  /// How many records consumers hold now.
  public private(set) var inFlight = 0
  /// Called with a record that was handed out too often, before it leaves the group.
  public var onExhausted: ((Lease) -> Void)?

  private let removesAcknowledged: Bool
  private unowned let engine: Engine
  /// The first offset never handed out.
  private var cursor: UInt64
  /// Handed out and not acknowledged, by offset.
  private var open: [UInt64: State] = [:]
  /// Offsets that came back, smallest first.
  private var returned: [UInt64] = []

  /// A group that begins with the oldest record of `log`.
  ///
  /// - Parameter removesAcknowledged: whether an acknowledged record leaves the log.
  public init(
    name: String, log: any Log, engine: Engine, inFlightMax: Int, deliveriesMax: Int = 0,
    removesAcknowledged: Bool
  ) {
    self.name = name
    self.log = log
    self.engine = engine
    self.inFlightMax = inFlightMax
    self.deliveriesMax = deliveriesMax
    self.removesAcknowledged = removesAcknowledged
    self.cursor = log.firstOffset
  }

  /// How many records are still to be handed out for the first time, or again.
  public var available: Int {
    let first = max(self.cursor, self.log.firstOffset)
    return Int(clamping: self.log.committedOffset - min(first, self.log.committedOffset))
      + self.returned.count
  }

  /// Hands out the next record, oldest first: those that came back before those never seen.
  ///
  /// - Returns: `nil` when nothing is available, or as many records are held as may be.
  public func lease() -> Lease? {
    guard self.inFlight < self.inFlightMax else { return nil }
    if let lease = self.leaseReturned() { return lease }
    if self.cursor < self.log.firstOffset { self.cursor = self.log.firstOffset }
    while self.cursor < self.log.committedOffset {
      let offset = self.cursor
      self.cursor += 1
      guard let record = self.log.record(at: offset) else { continue }
      self.open[offset] = State(deliveryCount: 1, isLeased: true, availableAt: 0)
      self.inFlight += 1
      return Lease(offset: offset, record: record, deliveryCount: 1)
    }
    return nil
  }

  /// The record is done with.
  ///
  /// - Returns: whether it was held.
  @discardableResult
  public func acknowledge(_ offset: UInt64) -> Bool {
    guard let state = self.open.removeValue(forKey: offset) else { return false }
    if state.isLeased {
      self.inFlight -= 1
    } else {
      self.returned.removeAll { $0 == offset }
    }
    if self.removesAcknowledged { self.log.remove(at: offset) }
    return true
  }

  /// Gives a held record back, to be handed out again after `delay` nanoseconds.
  ///
  /// - Parameter countsAsDelivery: whether the consumer worked on it. A record that comes back
  ///   untouched is handed out again with the same count.
  /// - Returns: whether it was held.
  @discardableResult
  public func release(
    _ offset: UInt64, delay: Int64 = 0, countsAsDelivery: Bool = true
  ) -> Bool {
    guard var state = self.open[offset], state.isLeased else { return false }
    self.inFlight -= 1
    if !countsAsDelivery { state.deliveryCount -= 1 }
    state.isLeased = false
    state.availableAt = delay > 0 ? self.engine.now + delay : 0
    if self.deliveriesMax > 0, state.deliveryCount >= self.deliveriesMax {
      if let record = self.log.record(at: offset) {
        self.onExhausted?(
          Lease(offset: offset, record: record, deliveryCount: state.deliveryCount))
      }
      self.open[offset] = nil
      if self.removesAcknowledged { self.log.remove(at: offset) }
      return true
    }
    self.open[offset] = state
    let place = self.returned.firstIndex { $0 > offset } ?? self.returned.endIndex
    self.returned.insert(offset, at: place)
    return true
  }

  private func leaseReturned() -> Lease? {
    var index = 0
    while index < self.returned.count {
      let offset = self.returned[index]
      guard var state = self.open[offset], let record = self.log.record(at: offset) else {
        self.returned.remove(at: index)
        self.open[offset] = nil
        continue
      }
      if state.availableAt > self.engine.now {
        index += 1
        continue
      }
      self.returned.remove(at: index)
      state.isLeased = true
      state.deliveryCount += 1
      state.availableAt = 0
      self.open[offset] = state
      self.inFlight += 1
      return Lease(offset: offset, record: record, deliveryCount: state.deliveryCount)
    }
    return nil
  }
}
