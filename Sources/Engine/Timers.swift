import GodwitPrimitives

/// Something that wants to be told when a time has come.
public protocol TimerTarget: AnyObject {
  /// The time has come. `kind` is what was given to `schedule`.
  func timerFired(_ kind: Int)
}

/// The engine's timers: one wheel, driven by the event loop.
public final class Timers {
  private struct Alarm {
    let target: any TimerTarget
    let kind: Int
  }

  /// Names a scheduled timer.
  public struct Token: Hashable {
    fileprivate let token: TimerWheelToken
  }

  /// So many are fired before anybody looks at the time.
  private static var stepMax: Int { 16 }

  private var wheel: TimerWheel<Alarm>
  private unowned let engine: Engine
  private var due: [Alarm] = []
  /// Called when a timer was scheduled that is due before all others, with its time. The loop's
  /// driver sets it to wake up in time.
  public var deadlineMovedForward: ((Int64) -> Void)?
  private var announced: Int64 = .max

  init(engine: Engine, tickNanoseconds: Int64) {
    self.engine = engine
    self.wheel = TimerWheel(tickNanoseconds: tickNanoseconds, now: engine.now)
  }

  /// Calls `target` at `deadline`, in the engine's clock, rounded up to the wheel's tick; what is
  /// past is due now. The target is kept alive until then, or until the timer is cancelled.
  public func schedule(at deadline: Int64, _ target: any TimerTarget, kind: Int) -> Token {
    // A peer may name a time from which there is no way to count to this.
    let deadline = max(deadline, self.engine.now)
    let token = self.wheel.schedule(at: deadline, Alarm(target: target, kind: kind))
    if deadline < self.announced {
      self.announced = deadline
      self.deadlineMovedForward?(deadline)
    }
    return Token(token: token)
  }

  /// Calls `target` after `seconds`.
  public func schedule(
    afterSeconds seconds: Double, _ target: any TimerTarget, kind: Int
  ) -> Token {
    let nanoseconds = min(max(0, seconds), 4_000_000_000) * 1_000_000_000
    return self.schedule(at: self.engine.now + Int64(nanoseconds), target, kind: kind)
  }

  /// Cancels a timer; one that has fired is left alone.
  public func cancel(_ token: Token) {
    self.wheel.cancel(token.token)
  }

  /// Fires what is due at the engine's time: all of it, or, as very many may be due at the same
  /// moment, some at a time as long as `isTimeLeft` answers that there is time for more.
  ///
  /// - Returns: when to call again, or `nil` when nothing is scheduled. What is left over is due
  ///   already.
  public func fireDue(while isTimeLeft: () -> Bool = { true }) -> Int64? {
    repeat {
      self.wheel.advance(to: self.engine.now, atMost: Self.stepMax, into: &self.due)
      for alarm in self.due { alarm.target.timerFired(alarm.kind) }
      // With less than that, there is nothing more that is due.
      let isOver = self.due.count < Self.stepMax
      self.due.removeAll(keepingCapacity: true)
      guard !isOver else { break }
    } while isTimeLeft()
    let next = self.wheel.nextDeadline
    self.announced = next ?? .max
    return next
  }
}
