import GodwitEngine
import NIOCore

/// When a connection lets others go first.
extension Connection {
  /// How long a publisher waits for a receiver that is nearly full: 5 ms, as nats-server.
  static var stallNanoseconds: Int64 { 5_000_000 }

  /// Lets everybody else have a turn before the session is shown the rest of what was read.
  public func giveWay() {
    self.loop.engine.effort.pointee = 0
    guard !self.isReadingPaused else { return }
    self.counters.stalls &+= 1
    self.pauseReading()
    // Not at once: a loop looks at its sockets only when no task is due.
    self.loop.eventLoop.assumeIsolated()
      .scheduleTask(in: .milliseconds(1)) { self.resumeReading() }
  }
}
