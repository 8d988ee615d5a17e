import GodwitEngine
import GodwitFrontEndKit
import NIOCore

/// A publisher that is not read from until a subscriber has worked off some of its queue.
///
/// The server takes messages faster than most subscribers acknowledge them. Without this a healthy
/// subscriber would lose what its queue cannot hold, although its publisher would gladly have
/// waited. A subscriber that makes nobody wait any longer once it has proved to be slow loses
/// messages as the settings say.
final class MQTTHold: TimerTarget {
  /// The longest wait, in seconds.
  static let secondsMax = 0.25

  private let publisher: MQTTClient
  private let outbox: MQTTOutbox
  private var timer: Timers.Token?

  private init(_ publisher: MQTTClient, _ outbox: MQTTOutbox) {
    self.publisher = publisher
    self.outbox = outbox
  }

  /// Has `publisher` wait for `outbox`.
  static func begin(_ publisher: MQTTClient, for outbox: MQTTOutbox) {
    let hold = MQTTHold(publisher, outbox)
    outbox.holds.append(hold)
    publisher.isHeld = true
    publisher.connection.counters.stalls &+= 1
    publisher.connection.pauseReading()
    hold.timer = publisher.frontEnd.engine.timers.schedule(
      afterSeconds: Self.secondsMax, hold, kind: 0)
  }

  /// The publisher goes on, in a turn of the loop of its own.
  func end() {
    if let timer { publisher.frontEnd.engine.timers.cancel(timer) }
    timer = nil
    let publisher = publisher
    publisher.frontEnd.context.loop.eventLoop.assumeIsolated().execute { publisher.holdEnded() }
  }

  /// The subscriber was given its time.
  func timerFired(_ kind: Int) {
    timer = nil
    outbox.isSlow = true
    outbox.endHolds()
  }
}

extension MQTTClient {
  /// Waits for a subscriber whose queue is half full, unless that is the client itself.
  func holdIfCrowded() {
    guard let crowded = frontEnd.crowded else { return }
    frontEnd.crowded = nil
    guard let session, crowded !== session, let outbox = crowded.outbox, !outbox.isSlow, !isHeld
    else { return }
    MQTTHold.begin(self, for: outbox)
  }

  fileprivate func holdEnded() {
    guard isHeld else { return }
    isHeld = false
    if connection.isOpen { connection.resumeReading() }
  }
}
