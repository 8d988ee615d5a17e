public import GodwitEngine
import GodwitPrimitives
public import NIOCore

/// What all connections of one event loop share: the engine, buffers, the list of those that have
/// something to send, the clock.
///
/// Everything here runs on `eventLoop`.
public final class Loop {
  /// Output beyond this is handed to the sockets in the middle of a publish. Default 4 MiB.
  static let unflushedBytesMax = 4 << 20

  /// What the time of day may be ahead, in nanoseconds: clocks are brought in line a little all the
  /// time, and the loop's own with them.
  private static let clockStepMin: Int64 = 100_000_000

  /// For so long what was put off, and what is due at the same moment, goes on in one turn.
  private static let turnTime = TimeAmount.milliseconds(2)
  private static let turnPauses = TimeAmount.microseconds(50)...TimeAmount.microseconds(250)

  /// The loop that owns all of it.
  public let eventLoop: any EventLoop
  /// The kernel.
  public let engine: Engine
  /// All connections.
  public let connections = ConnectionTable()
  let receiveBuffer = SharedReceiveBuffer()
  var chunks = ChunkPool()
  let allocator = ByteBufferAllocator()
  /// Whether somebody who was just sent something has little room left.
  var isCrowded = false

  private var dirty: [Connection] = []
  private var isFlushScheduled = false
  private var unflushedBytes = 0
  /// Monotonic nanoseconds of the loop minus the engine's time.
  private var clockOffset: Int64
  private var wakeUp: Scheduled<Void>?
  private var wakeUpAt: Int64 = .max
  private var isStopped = false
  private var putOff: [() -> Void] = []
  private var isTurnScheduled = false
  /// How long after what else is due the next turn begins.
  private var turnPause = Loop.turnPauses.lowerBound

  /// A loop's shared state, with an engine of its own.
  ///
  /// - Parameter wallNanoseconds: the time of day, nanoseconds since 1970.
  public init(eventLoop: any EventLoop, limits: EngineLimits = .defaults, wallNanoseconds: Int64) {
    self.eventLoop = eventLoop
    self.engine = Engine(limits: limits, now: wallNanoseconds)
    self.clockOffset = Int64(bitPattern: NIODeadline.now().uptimeNanoseconds) - wallNanoseconds
    // The engine may outlive its loop: whoever holds on to a tenant holds on to the engine.
    self.engine.timers.deadlineMovedForward = { [weak self] deadline in
      self?.scheduleWakeUp(at: deadline)
    }
    self.engine.putOff = { [weak self] body in self?.later(body) }
  }

  /// Renews the engine's time.
  @inline(__always)
  public func renewTime() {
    self.engine.advance(
      to: Int64(bitPattern: NIODeadline.now().uptimeNanoseconds) &- self.clockOffset)
  }

  /// Follows the time of day, which somebody may set, and which goes on while the machine sleeps,
  /// when the loop's own clock stands still: dates that have come by then have come now, and spans
  /// of time are as long as before. The engine's time
  /// never goes back; where the time of day was set back, it stays ahead.
  ///
  /// - Parameter nanoseconds: the time of day, nanoseconds since 1970.
  /// - Returns: how far that was ahead of the engine's time, or, below zero, behind.
  @discardableResult
  public func follow(timeOfDay nanoseconds: Int64) -> Int64 {
    self.renewTime()
    let step = nanoseconds.subtractingReportingOverflow(self.engine.now).partialValue
    if step > Self.clockStepMin, !self.isStopped {
      self.clockOffset &-= step
      self.engine.step(by: step)
      self.fireTimers()
    }
    return step
  }

  /// Stops the timers. Connections are closed by whoever owns them.
  public func stop() {
    self.isStopped = true
    self.putOff = []
    self.wakeUp?.cancel()
    self.wakeUp = nil
  }

  // MARK: Output

  /// Has `connection` flushed when the events at hand are all handled: one write per destination
  /// and turn of the loop, however many messages and publishers there were.
  @inline(__always)
  func markDirty(_ connection: Connection) {
    self.dirty.append(connection)
    if !self.isFlushScheduled { self.scheduleFlush() }
  }

  @inline(never)
  private func scheduleFlush() {
    self.isFlushScheduled = true
    self.eventLoop.assumeIsolated().execute { self.flushDirty() }
  }

  /// Counts bytes that wait for a flush; when there are many, the sockets get them now, so that one
  /// batch of publishes to many receivers does not pile up.
  func noteUnflushed(_ count: Int) {
    self.unflushedBytes += count
    if self.unflushedBytes > Self.unflushedBytesMax { self.flushDirty() }
  }

  /// Hands everything that waits to the sockets.
  public func flushDirty() {
    self.isFlushScheduled = false
    self.unflushedBytes = 0
    while !self.dirty.isEmpty {
      let connections = self.dirty
      self.dirty.removeAll(keepingCapacity: true)
      for connection in connections { connection.flushOutput() }
    }
  }

  // MARK: Later

  /// Runs `body` in a later turn, when sockets that wait had theirs. What is put off shares the
  /// turns: in each, one after the other goes on until two milliseconds are over.
  public func later(_ body: @escaping () -> Void) {
    guard !self.isStopped else { return }
    self.putOff.append(body)
    self.scheduleTurn()
  }

  private func scheduleTurn() {
    guard !self.isTurnScheduled, !self.putOff.isEmpty else { return }
    self.isTurnScheduled = true
    // A loop looks at its sockets only when no task is due. So there is one task for all, its time
    // begins when what has gathered meanwhile is done, and it is a moment away.
    let loop = self.eventLoop.assumeIsolated()
    loop.execute { loop.scheduleTask(in: self.turnPause) { self.takeTurn() } }
  }

  private func takeTurn() {
    self.isTurnScheduled = false
    let begin = NIODeadline.now()
    let end = begin + Self.turnTime
    let due = self.putOff
    var done = 0
    while done < due.count, done == 0 || NIODeadline.now() < end {
      self.renewTime()
      self.engine.effort.pointee = 0
      due[done]()
      done += 1
    }
    self.engine.effort.pointee = 0
    // Whoever comes again meanwhile stands at the end. A loop that was stopped has nothing left.
    self.putOff.removeFirst(min(done, self.putOff.count))
    // What a turn brings about is done by then, mostly: commits, and the answers that wait for
    // them. Otherwise one turn would follow the other without a look at the sockets.
    let pause = TimeAmount.nanoseconds((NIODeadline.now() - begin).nanoseconds / 8)
    self.turnPause = min(max(Self.turnPauses.lowerBound, pause), Self.turnPauses.upperBound)
    self.scheduleTurn()
  }

  // MARK: Timers

  private func scheduleWakeUp(at deadline: Int64) {
    guard !self.isStopped, deadline < self.wakeUpAt else { return }
    self.wakeUp?.cancel()
    self.wakeUpAt = deadline
    let delay = max(0, deadline - self.engine.now)
    self.wakeUp = self.eventLoop.assumeIsolated()
      .scheduleTask(in: .nanoseconds(delay)) { self.fireTimers() }
  }

  private func fireTimers() {
    self.wakeUpAt = .max
    self.renewTime()
    let end = NIODeadline.now() + Self.turnTime
    if let next = self.engine.timers.fireDue(while: { NIODeadline.now() < end }) {
      // Never sooner than a tick from now: what is due in the meantime is one tick late at most.
      self.scheduleWakeUp(at: max(next, self.engine.now + 1_000_000))
    }
  }
}
