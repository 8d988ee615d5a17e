import GodwitEngine

/// One call at a later time, which can be called off.
protocol KafkaAlarm: AnyObject {
  func cancel()
}

/// Where alarms come from: the engine's timers, or a test's.
protocol KafkaClock: AnyObject {
  /// Milliseconds since some moment.
  var now: Int { get }
  /// Calls `body` once after so many milliseconds.
  func alarm(after milliseconds: Int, _ body: @escaping () -> Void) -> any KafkaAlarm
}

/// The engine's timers as a clock.
final class KafkaEngineClock: KafkaClock {
  private final class Alarm: KafkaAlarm, TimerTarget {
    private var body: (() -> Void)?
    private var token: Timers.Token?
    private unowned let engine: Engine

    init(_ engine: Engine, after milliseconds: Int, _ body: @escaping () -> Void) {
      self.engine = engine
      self.body = body
      token = engine.timers.schedule(afterSeconds: Double(milliseconds) / 1_000, self, kind: 0)
    }

    func timerFired(_ kind: Int) {
      token = nil
      let body = body
      self.body = nil
      body?()
    }

    func cancel() {
      if let token { engine.timers.cancel(token) }
      token = nil
      body = nil
    }
  }

  private unowned let engine: Engine

  init(_ engine: Engine) {
    self.engine = engine
  }

  var now: Int { Int(engine.uptime / 1_000_000) }

  func alarm(after milliseconds: Int, _ body: @escaping () -> Void) -> any KafkaAlarm {
    Alarm(engine, after: milliseconds, body)
  }
}
