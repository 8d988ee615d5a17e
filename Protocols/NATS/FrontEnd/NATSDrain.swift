import GodwitEngine
import GodwitFrontEndKit

/// Lame duck: leaves clients alone for a moment, then closes them one after the other, so that they
/// do not all come to another server at once.
final class NATSDrain: TimerTarget {
  /// Between two clients at most; few clients are gone soon.
  private static let gapSecondsMax = 0.05
  /// The timers' resolution: with more clients than fit, several go at once.
  private static let gapSecondsMin = 0.01

  private unowned let frontEnd: NATSServer
  private var done: (() -> Void)?
  private var gapSeconds = NATSDrain.gapSecondsMax
  private var batch = 1

  init(frontEnd: NATSServer, done: @escaping () -> Void) {
    self.frontEnd = frontEnd
    self.done = done
  }

  /// Starts the grace period.
  func begin() {
    let count = self.frontEnd.sessions.count
    guard count > 0 else {
      self.finish()
      return
    }
    let values = self.frontEnd.values
    let gap = values.lameDuckSeconds / Double(count)
    self.gapSeconds = min(Self.gapSecondsMax, max(Self.gapSecondsMin, gap))
    self.batch = gap > 0 ? max(1, Int((self.gapSeconds / gap).rounded(.up))) : count
    self.schedule(values.lameDuckGraceSeconds)
  }

  private func schedule(_ seconds: Double) {
    _ = self.frontEnd.context.loop.engine.timers.schedule(afterSeconds: seconds, self, kind: 0)
  }

  func timerFired(_ kind: Int) {
    for session in self.frontEnd.sessions.values.filter({ $0.stage != .ended }).prefix(self.batch) {
      session.end(.shutdown)
    }
    if !self.frontEnd.sessions.isEmpty { self.schedule(self.gapSeconds) }
  }

  /// A session has ended; with the last one the front end is done.
  func sessionEnded(left: Int) {
    if left == 0 { self.finish() }
  }

  private func finish() {
    let done = self.done
    self.done = nil
    done?()
  }
}
