import GodwitEngine
import NATSWire

/// A request of a pull consumer's that waits for messages.
final class JetStreamPull: TimerTarget {
  private enum Alarm {
    static let expiry = 0
    static let heartbeat = 1
  }

  let destination: JetStreamDestination
  let request: JetStreamPullRequest
  /// The pin that whoever asks holds, or was given; empty for none.
  var pinID: String
  /// How many messages are still wanted.
  var messagesLeft: Int
  /// How many bytes are; meaningless where the request sets no limit.
  var bytesLeft: Int
  private unowned let consumer: JetStreamConsumer
  private var expiry: Timers.Token?
  private var heartbeat: Timers.Token?
  /// When the next sign of life is due, as far as is known.
  private var heartbeatAt: Int64 = 0
  private(set) var isOver = false

  init(_ request: JetStreamPullRequest, reply: [UInt8], consumer: JetStreamConsumer) {
    self.request = request
    self.pinID = request.pinID
    self.destination = JetStreamDestination(reply)
    self.messagesLeft = max(1, request.batch)
    self.bytesLeft = max(0, request.maxBytes)
    self.consumer = consumer
  }

  /// Whether the request has had something.
  var hasDelivered: Bool { self.messagesLeft < max(1, self.request.batch) }

  func begin() {
    let timers = self.consumer.engine.timers
    if self.request.expires > 0 {
      let time = self.after(self.request.expires)
      self.expiry = timers?.schedule(atUptime: time, self, kind: Alarm.expiry)
    }
    self.beat()
    self.scheduleBeat()
  }

  /// The time for the next sign of life begins anew.
  func beat() {
    guard self.request.heartbeat > 0 else { return }
    self.heartbeatAt = self.after(self.request.heartbeat)
  }

  /// The alarm is left as it is while messages go out, and looks when it comes.
  private func scheduleBeat() {
    guard self.request.heartbeat > 0 else { return }
    let timers = self.consumer.engine.timers
    self.heartbeat = timers?.schedule(atUptime: self.heartbeatAt, self, kind: Alarm.heartbeat)
  }

  private func after(_ interval: Int64) -> Int64 {
    let (time, overflows) = self.consumer.engine.uptime.addingReportingOverflow(interval)
    return overflows ? .max : time
  }

  /// Ends the request, with the last words that it gets.
  func end(_ status: JetStreamStatus?) {
    guard !self.isOver else { return }
    self.isOver = true
    for token in [self.expiry, self.heartbeat] {
      if let token { self.consumer.engine.timers.cancel(token) }
    }
    if let status { self.consumer.account.send(status, to: self.destination.subject) }
  }

  func timerFired(_ kind: Int) {
    guard !self.isOver else { return }
    if kind == Alarm.expiry {
      self.expiry = nil
      self.end(.requestTimeout(messages: self.messagesLeft, bytes: self.bytesLeft))
      self.consumer.pullEnded()
    } else {
      self.heartbeat = nil
      if self.heartbeatAt <= self.consumer.engine.uptime {
        self.consumer.account.send(
          self.consumer.heartbeatStatus, to: self.destination.subject)
        self.beat()
      }
      self.scheduleBeat()
    }
  }
}
