/// One circuit of a breaker. Time is an argument.
struct Circuit {
  /// How an operation ended.
  enum Verdict {
    case success
    case failure
    /// It was not tried, or not to its end.
    case none
  }

  /// What an operation that comes is told.
  enum Entry {
    case pass(isProbe: Bool)
    case wait(Duration)
    /// To ask again when the one that is tried has ended.
    case verdict(Signal)
  }

  private enum State {
    /// The last operations, the latest in the lowest bit; a failure is a one.
    case closed(UInt64)
    case open(until: Duration)
    case halfOpen(Signal)
  }

  private var state = State.closed(0)

  var isClosed: Bool { if case .closed = self.state { true } else { false } }

  mutating func enter(now: Duration) -> Entry {
    switch self.state {
    case .closed: return .pass(isProbe: false)
    case .open(let until) where now < until: return .wait(until - now)
    case .open:
      self.state = .halfOpen(Signal())
      return .pass(isProbe: true)
    case .halfOpen(let signal): return .verdict(signal)
    }
  }

  /// Takes a verdict. Of operations from before the circuit opened it changes nothing.
  ///
  /// - Returns: whether the circuit has opened, and the signal for those who wait.
  mutating func settle(
    _ verdict: Verdict, isProbe: Bool, failuresMax: Int, window: Int, openUntil: Duration,
    now: Duration
  ) -> (hasOpened: Bool, signal: Signal?) {
    switch (self.state, verdict) {
    case (.closed, .none): return (false, nil)
    case (.closed(let last), _):
      let mask = window >= 64 ? UInt64.max : (1 << UInt64(window)) - 1
      let last = (last << 1 | (verdict == .failure ? 1 : 0)) & mask
      guard last.nonzeroBitCount >= failuresMax else {
        self.state = .closed(last)
        return (false, nil)
      }
      self.state = .open(until: openUntil)
      return (true, nil)
    case (.halfOpen(let signal), _) where isProbe:
      switch verdict {
      case .success: self.state = .closed(0)
      case .failure: self.state = .open(until: openUntil)
      case .none: self.state = .open(until: now)
      }
      return (verdict == .failure, signal)
    default: return (false, nil)
    }
  }
}
