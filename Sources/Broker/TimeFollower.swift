import GodwitFrontEndKit
import Logging
import NIOCore

/// Has a loop follow the time of day, and says when that was set. Confined to the loop.
final class TimeFollower {
  /// From so many nanoseconds on it is worth a line in the log.
  private static let stepNamed: Int64 = 1_000_000_000

  private let loop: Loop
  private let logger: Logger
  private let timeOfDay: () -> Int64
  /// How far the time of day was behind when that was said last.
  private var lag: Int64 = 0
  private var next: Scheduled<Void>?

  init(
    _ loop: Loop, logger: Logger, timeOfDay: @escaping () -> Int64 = TimeOfDay.nanoseconds
  ) {
    self.loop = loop
    self.logger = logger
    self.timeOfDay = timeOfDay
  }

  /// Looks each second, until `stop`.
  func start() {
    self.next = self.loop.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
      [weak self] in
      self?.look()
      self?.start()
    }
  }

  func stop() { self.next?.cancel() }

  private func look() {
    let step = self.loop.follow(timeOfDay: self.timeOfDay())
    if step >= Self.stepNamed {
      self.lag = 0
      self.logger.notice(
        "the clock went forward by \(Self.seconds(step)) s: what is due by that date is due now")
    } else if abs(-step - self.lag) >= Self.stepNamed, step < 0 || self.lag > 0 {
      self.lag = max(0, -step)
      guard self.lag > 0 else { return }
      let lag = Self.seconds(self.lag)
      self.logger.warning("the clock was set back: the broker stays \(lag) s ahead until a restart")
    }
  }

  private static func seconds(_ nanoseconds: Int64) -> Int64 { nanoseconds / 1_000_000_000 }
}
