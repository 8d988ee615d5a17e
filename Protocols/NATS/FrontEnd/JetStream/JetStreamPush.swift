import GodwitEngine
import GodwitPrimitives
import NATSWire

/// Where a consumer pushes to: whether somebody listens, signs of life, flow control, the rate.
final class JetStreamPush: TimerTarget {
  /// After so many bytes the receiver is asked whether it follows.
  private static var askAfterBytes: Int { 1 << 20 }
  /// With so many bytes unanswered, delivery stops.
  private static var stallAtBytes: Int { 16 << 20 }

  private enum Alarm {
    static let heartbeat = 0
    static let rate = 1
  }

  let config: JetStreamConsumerConfig
  private let stream: String
  private unowned let consumer: JetStreamConsumer
  private let destination: JetStreamDestination
  /// Whether somebody listens.
  private(set) var isBound = false
  private var heartbeat: Timers.Token?
  /// When the next sign of life is due, as far as is known.
  private var heartbeatAt: Int64 = 0
  /// Bytes delivered since the receiver last said that it follows.
  private var bytesUnanswered = 0
  /// The question that is not answered yet.
  private var flowToken: String?
  /// What may go out at once, in bytes; `nil` for any number.
  private var allowance: TokenBucket?
  /// Runs while what went out is more than may.
  private var rateTimer: Timers.Token?
  private var isOver = false

  /// - Parameter messageBytesMax: the largest message, which may always go out at once.
  init(
    _ config: JetStreamConsumerConfig, stream: String, messageBytesMax: Int,
    consumer: JetStreamConsumer
  ) {
    self.config = config
    self.stream = stream
    self.consumer = consumer
    self.destination = JetStreamDestination(Array(config.deliverSubject.utf8))
    if config.rateLimit > 0 {
      self.allowance = TokenBucket(
        perSecond: Double(config.rateLimit) / 8, burst: Double(messageBytesMax),
        now: consumer.engine.now)
    }
    self.lookForListeners()
    self.beat()
    self.scheduleBeat()
  }

  private var subject: [UInt8] { self.destination.subject }

  /// Looks whether somebody listens, of the queue group where there is one.
  func lookForListeners() {
    let group = self.config.deliverGroup
    let router = self.consumer.account.tenant.router
    self.isBound = self.subject.withUnsafeBytes { topic in
      guard !group.isEmpty else { return router.hasSubscriber(of: topic) }
      return router.subscriptions(matching: topic).contains {
        ($0 as? NATSSubscription)?.queue.elementsEqual(group.utf8) ?? false
      }
    }
    if !self.isBound {
      self.bytesUnanswered = 0
      self.flowToken = nil
    }
  }

  func end() {
    self.isOver = true
    if let heartbeat { self.consumer.engine.timers.cancel(heartbeat) }
    self.heartbeat = nil
    if let rateTimer { self.consumer.engine.timers.cancel(rateTimer) }
    self.rateTimer = nil
  }

  // MARK: Flow

  /// Whether delivery waits for the receiver, or for its rate.
  var isHeldUp: Bool { self.rateTimer != nil || self.isStalled }

  private var isStalled: Bool {
    self.config.flowControl && self.flowToken != nil
      && self.bytesUnanswered >= Self.stallAtBytes
  }

  /// What the receiver answers on to let a stalled delivery go on.
  var stalledReply: String? {
    guard self.isStalled, let token = self.flowToken else { return nil }
    return JetStreamFlowSubject.reply(
      stream: self.stream, consumer: self.consumer.group.name, token: token)
  }

  func deliver(_ lease: StreamGroup.Lease) {
    let account = self.consumer.account
    let (taken, bytes) = self.consumer.send(lease, to: self.destination)
    if taken == 0 { self.lookForListeners() }
    self.beat()
    self.count(bytes)
    guard self.config.flowControl else { return }
    self.bytesUnanswered += bytes
    guard self.flowToken == nil, self.bytesUnanswered >= Self.askAfterBytes else { return }
    let token = JetStreamAccount.makeID(8)
    self.flowToken = token
    let answer = JetStreamFlowSubject.reply(
      stream: self.stream, consumer: self.consumer.group.name, token: token)
    account.send(.flowControlRequest, to: self.subject, reply: Array(answer.utf8))
  }

  /// What went out is paid for by a wait before the next.
  private func count(_ bytes: Int) {
    let engine = self.consumer.engine
    let wait = self.allowance?.reserve(Double(bytes), now: engine.now, waitMax: .max)
    guard let wait, wait > 0 else { return }
    let (time, overflows) = engine.now.addingReportingOverflow(wait)
    self.rateTimer = engine.timers.schedule(at: overflows ? .max : time, self, kind: Alarm.rate)
  }

  func flowAnswered(_ token: String) {
    guard token == self.flowToken else { return }
    self.flowToken = nil
    self.bytesUnanswered = 0
  }

  // MARK: Signs of life

  private func beat() {
    let (time, overflows) = self.consumer.engine.uptime.addingReportingOverflow(
      self.config.heartbeat)
    self.heartbeatAt = overflows ? .max : time
  }

  /// The alarm is left as it is while messages go out, and looks when it comes.
  private func scheduleBeat() {
    guard self.config.heartbeat > 0, !self.isOver else { return }
    self.heartbeat = self.consumer.engine.timers.schedule(
      atUptime: self.heartbeatAt, self, kind: Alarm.heartbeat)
  }

  func timerFired(_ kind: Int) {
    if kind == Alarm.rate {
      self.rateTimer = nil
      if !self.isOver { self.consumer.pump() }
      return
    }
    self.heartbeat = nil
    guard !self.isOver else { return }
    if self.heartbeatAt <= self.consumer.engine.uptime {
      if self.isBound {
        self.consumer.account.send(self.consumer.heartbeatStatus, to: self.subject)
      }
      self.beat()
    }
    self.scheduleBeat()
  }
}
