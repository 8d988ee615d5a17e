import GodwitPrimitives

/// Something that wants to be told when a time has come.
public protocol TimerTarget: AnyObject {
  /// The time has come. `kind` is what was given to `schedule`.
  func timerFired(_ kind: Int)
}

/// The engine's timers: two wheels, for dates and for spans of time, driven by the event loop.
public final class Timers {
  private struct Alarm {
    let target: any TimerTarget
    let kind: Int
  }

  /// Names a scheduled timer.
  public struct Token: Hashable {
    fileprivate let token: TimerWheelToken
    fileprivate let isSpan: Bool
  }

  /// So many are fired before anybody looks at the time.
  private static var stepMax: Int { 16 }

  private var dates: TimerWheel<Alarm>
  /// By the engine's `uptime`.
  private var spans: TimerWheel<Alarm>
  private unowned let engine: Engine
  private var due: [Alarm] = []
  /// Called when a timer was scheduled that is due before all others, with its time. The loop's
  /// driver sets it to wake up in time.
  public var deadlineMovedForward: ((Int64) -> Void)?
  private var announced: Int64 = .max

  init(engine: Engine, tickNanoseconds: Int64) {
    self.engine = engine
    self.dates = TimerWheel(tickNanoseconds: tickNanoseconds, now: engine.now)
    self.spans = TimerWheel(tickNanoseconds: tickNanoseconds, now: engine.uptime)
  }

  /// Calls `target` at `deadline`, a date in the engine's clock (`Engine.now`), rounded up to the
  /// wheel's tick; what is past is due now. The target is kept alive until then, or until the timer
  /// is cancelled.
  public func schedule(at deadline: Int64, _ target: any TimerTarget, kind: Int) -> Token {
    // A peer may name a time from which there is no way to count to this.
    let deadline = max(deadline, self.engine.now)
    let token = self.dates.schedule(at: deadline, Alarm(target: target, kind: kind))
    self.announce(deadline)
    return Token(token: token, isSpan: false)
  }

  /// The same, by the engine's `uptime`, which the steps of the time of day do not move.
  public func schedule(
    atUptime deadline: Int64, _ target: any TimerTarget, kind: Int
  ) -> Token {
    let deadline = max(deadline, self.engine.uptime)
    let token = self.spans.schedule(at: deadline, Alarm(target: target, kind: kind))
    self.announce(deadline.addingClamped(self.engine.stepped))
    return Token(token: token, isSpan: true)
  }

  private func announce(_ deadline: Int64) {
    guard deadline < self.announced else { return }
    self.announced = deadline
    self.deadlineMovedForward?(deadline)
  }

  /// Calls `target` after `seconds`, whatever becomes of the time of day.
  public func schedule(
    afterSeconds seconds: Double, _ target: any TimerTarget, kind: Int
  ) -> Token {
    let nanoseconds = min(max(0, seconds), 4_000_000_000) * 1_000_000_000
    return self.schedule(
      atUptime: self.engine.uptime + Int64(nanoseconds), target, kind: kind)
  }

  /// Cancels a timer; one that has fired is left alone.
  public func cancel(_ token: Token) {
    if token.isSpan { self.spans.cancel(token.token) } else { self.dates.cancel(token.token) }
  }

  /// Fires what is due at the engine's time: all of it, or, as very many may be due at the same
  /// moment, some at a time as long as `isTimeLeft` answers that there is time for more.
  ///
  /// - Returns: when to call again, or `nil` when nothing is scheduled. What is left over is due
  ///   already.
  public func fireDue(while isTimeLeft: () -> Bool = { true }) -> Int64? {
    repeat {
      self.spans.advance(to: self.engine.uptime, atMost: Self.stepMax, into: &self.due)
      if self.due.count < Self.stepMax {
        self.dates.advance(
          to: self.engine.now, atMost: Self.stepMax, into: &self.due)
      }
      for alarm in self.due { alarm.target.timerFired(alarm.kind) }
      // With less than that, there is nothing more that is due.
      let isOver = self.due.count < Self.stepMax
      self.due.removeAll(keepingCapacity: true)
      guard !isOver else { break }
    } while isTimeLeft()
    let span = self.spans.nextDeadline?.addingClamped(self.engine.stepped)
    let next = [span, self.dates.nextDeadline].compactMap { $0 }.min()
    self.announced = next ?? .max
    return next
  }
}
