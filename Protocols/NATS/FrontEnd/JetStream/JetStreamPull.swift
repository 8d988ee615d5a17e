import GodwitEngine
import NATSWire

/// A request of a pull consumer's that waits for messages.
final class JetStreamPull: TimerTarget {
  private enum Alarm {
    static let expiry = 0
    static let heartbeat = 1
  }

  let reply: [UInt8]
  let request: JetStreamPullRequest
  /// How many messages are still wanted.
  var messagesLeft: Int
  /// How many bytes are; meaningless where the request sets no limit.
  var bytesLeft: Int
  private unowned let consumer: JetStreamConsumer
  private var expiry: Timers.Token?
  private var heartbeat: Timers.Token?
  private(set) var isOver = false

  init(_ request: JetStreamPullRequest, reply: [UInt8], consumer: JetStreamConsumer) {
    self.request = request
    self.reply = reply
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
      self.expiry = timers?.schedule(at: time, self, kind: Alarm.expiry)
    }
    self.beat()
  }

  /// The time for the next sign of life begins anew.
  func beat() {
    guard self.request.heartbeat > 0 else { return }
    let timers = self.consumer.engine.timers
    if let heartbeat { timers?.cancel(heartbeat) }
    let time = self.after(self.request.heartbeat)
    self.heartbeat = timers?.schedule(at: time, self, kind: Alarm.heartbeat)
  }

  private func after(_ interval: Int64) -> Int64 {
    let (time, overflows) = self.consumer.engine.now.addingReportingOverflow(interval)
    return overflows ? .max : time
  }

  /// Ends the request, with the last words that it gets.
  func end(_ status: JetStreamStatus?) {
    guard !self.isOver else { return }
    self.isOver = true
    for token in [self.expiry, self.heartbeat] {
      if let token { self.consumer.engine.timers.cancel(token) }
    }
    if let status { self.consumer.account.send(status, to: self.reply) }
  }

  func timerFired(_ kind: Int) {
    guard !self.isOver else { return }
    if kind == Alarm.expiry {
      self.expiry = nil
      self.end(.requestTimeout(messages: self.messagesLeft, bytes: self.bytesLeft))
      self.consumer.pullEnded()
    } else {
      self.heartbeat = nil
      self.consumer.account.send(self.consumer.heartbeatStatus, to: self.reply)
      self.beat()
    }
  }
}
