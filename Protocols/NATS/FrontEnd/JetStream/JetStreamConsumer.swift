import GodwitEngine
import GodwitFrontEndKit
import NATSWire
import NIOCore

/// Hands out what a group of the engine has for its readers: to requests that wait, or to the
/// subject that the consumer pushes to.
final class JetStreamConsumer {
  /// So many messages in one turn of the loop; then others are served.
  private static var turnMax: Int { 512 }
  /// So many requests wait at most, whatever a consumer's configuration says.
  private static var waitingMax: Int { 8_192 }

  let group: StreamGroup
  unowned let account: JetStreamAccount
  let tenant: Tenant
  /// What marks NATS messages.
  let origin: Origin
  private(set) var config: JetStreamConsumerConfig
  private(set) var push: JetStreamPush?
  let streamName: String
  /// What the subjects of acknowledgements begin with.
  let ackPrefix: [UInt8]
  /// Requests, as they came, or by their priority.
  var waiting: [JetStreamPull] = []
  /// The client of a priority group that alone is served.
  private(set) lazy var pin = JetStreamPin(self)
  /// Leased and not delivered: it was too large for those who waited.
  private var held: StreamGroup.Lease?
  /// When it was last looked whether those who wait are still there.
  private var lookedAt: Int64 = 0
  private var isWaiting = false
  private var isPumping = false
  private var isPumpComing = false
  private var isAttached = false
  private var isOver = false

  init(group: StreamGroup, stream: GodwitEngine.Stream, account: JetStreamAccount) {
    self.group = group
    self.account = account
    self.tenant = account.tenant
    self.origin = account.origin
    self.config = JetStreamSettings.config(group.settings)
    self.streamName = stream.name
    self.ackPrefix = JetStreamAckSubject.prefix(stream: stream.name, consumer: group.name)
  }

  var engine: Engine { self.tenant.engine }
  /// How many requests wait.
  var waitingCount: Int { self.waiting.count }
  /// Whether somebody listens where the consumer pushes to.
  var isBound: Bool { self.push?.isBound ?? false }

  func begin() {
    self.group.onExhausted = { self.exhausted($0) }
    self.settingsChanged()
  }

  /// The group has other settings, or has been made.
  func settingsChanged() {
    self.config = JetStreamSettings.config(self.group.settings)
    if !self.config.isPush {
      self.push?.end()
      self.push = nil
    } else if self.push?.config != self.config {
      self.push?.end()
      let own = self.group.stream?.settings.recordBytesMax ?? 0
      self.push = JetStreamPush(
        self.config, stream: self.streamName,
        messageBytesMax: own > 0 ? own : self.account.frontEnd.info.maxPayload, consumer: self)
    }
    self.attach()
    self.pump()
  }

  /// The group is gone.
  func end() {
    self.isOver = true
    for pull in self.waiting { pull.end(.consumerDeleted) }
    self.waiting = []
    self.push?.end()
    self.pin.end()
  }

  private func exhausted(_ lease: StreamGroup.Lease) {
    self.account.tell(
      .maxDeliveries(
        .init(
          stream: self.streamName, consumer: self.group.name, consumerSequence: lease.sequence,
          streamSequence: lease.offset + 1, deliveries: UInt64(lease.deliveryCount))))
  }

  /// A delivery, as advisories name it.
  func delivery(
    _ numbers: (deliveries: UInt64, stream: UInt64, consumer: UInt64)
  ) -> JetStreamAdvisory.Delivery {
    JetStreamAdvisory.Delivery(
      stream: self.streamName, consumer: self.group.name, consumerSequence: numbers.consumer,
      streamSequence: numbers.stream, deliveries: numbers.deliveries)
  }

  /// Tells how long a message was with its reader, of as many messages as the configuration says.
  func sample(
    _ numbers: (deliveries: UInt64, stream: UInt64, consumer: UInt64), lentAt: Int64
  ) {
    let percent = self.config.samplePercent
    guard percent >= 100 || Int.random(in: 0..<100) < percent else { return }
    self.account.tell(
      .acknowledged(self.delivery(numbers), delay: max(0, self.engine.uptime - lentAt)))
  }

  /// What says that the consumer is there and has nothing.
  var heartbeatStatus: JetStreamStatus {
    let delivered = self.group.delivered
    return .idleHeartbeat(
      consumer: delivered.sequence, stream: delivered.end, stalled: self.push?.stalledReply)
  }

  // MARK: Requests

  func request(_ request: JetStreamPullRequest, reply: [UInt8]) {
    if let status = request.refusal(by: self.config) ?? self.pinRefusal(request) {
      return self.account.send(status, to: reply)
    }
    self.group.touch()
    let most = min(max(1, self.config.maxWaiting), Self.waitingMax)
    if self.waiting.count >= most { self.dropDeaf() }
    guard self.waiting.count < most else {
      // A client that expects heartbeats finds out by itself; told, it would ask again at once.
      if request.heartbeat == 0 { self.account.send(.exceededMaxWaiting, to: reply) }
      return
    }
    let pull = JetStreamPull(request, reply: reply, consumer: self)
    // Its time was over before it came.
    if request.expires < 0 {
      return pull.end(.requestTimeout(messages: pull.messagesLeft, bytes: pull.bytesLeft))
    }
    self.enqueue(pull)
    pull.begin()
    self.attach()
    self.pump()
  }

  func pullEnded() {
    self.waiting.removeAll { $0.isOver }
    self.attach()
  }

  /// Forgets requests whose senders are gone.
  private func dropDeaf() {
    // Each costs a look at the router: once a second is enough.
    guard self.engine.now - self.lookedAt >= 1_000_000_000 else { return }
    self.lookedAt = self.engine.now
    for pull in self.waiting where !pull.destination.isHeard(self.tenant) {
      pull.end(nil)
    }
    self.waiting.removeAll { $0.isOver }
  }

  /// While somebody waits or listens, the consumer is in use.
  private func attach() {
    let isUsed = !self.waiting.isEmpty || self.isBound
    guard isUsed != self.isAttached else { return }
    self.isAttached = isUsed
    if isUsed { self.group.attach() } else { self.group.detach() }
  }

  // MARK: Handing out

  func interestChanged() {
    self.push?.lookForListeners()
    self.attach()
    if self.isBound { self.pump() }
  }

  func flowAnswered(_ token: String) {
    self.push?.flowAnswered(token)
    self.pump()
  }

  /// Hands out what there is to whoever wants it.
  func pump() {
    guard !self.isPumping, !self.isOver else { return }
    self.isPumping = true
    let isDone = self.push == nil ? self.servePulls() : self.servePush()
    self.isPumping = false
    self.attach()
    if !isDone { self.pumpSoon() }
  }

  private func pumpSoon() {
    guard !self.isPumpComing else { return }
    self.isPumpComing = true
    self.account.frontEnd.context.loop.later {
      self.isPumpComing = false
      self.pump()
    }
  }

  private func wait() {
    guard !self.isWaiting else { return }
    self.isWaiting = true
    self.group.whenAvailable {
      self.isWaiting = false
      // A message may be for very many, or for another stream, whose consumers bring it back.
      if self.push != nil, self.account.engine.isTurnSpent { self.pumpSoon() } else { self.pump() }
    }
  }

  private func nextLease() -> StreamGroup.Lease? {
    guard let held = self.held else { return self.group.lease() }
    self.held = nil
    // It may have run out of time and come back to the group meanwhile, or be gone.
    guard self.group.extend(held.offset) || self.config.ackPolicy == .none else {
      return self.group.lease()
    }
    return held
  }

  /// - Returns: `false` when there may be more to do in another turn.
  private func servePulls() -> Bool {
    var budget = Self.turnMax
    while let place = self.nextPlace() {
      guard budget > 0 else { return false }
      let pull = self.waiting[place]
      guard pull.destination.isHeard(self.tenant) else {
        pull.end(nil)
        self.waiting.remove(at: place)
        continue
      }
      guard let lease = self.nextLease() else {
        self.endImpatient()
        if !self.waiting.isEmpty { self.wait() }
        return true
      }
      budget -= 1
      guard self.admits(pull) else {
        self.held = lease.own
        self.waiting.removeAll { $0 === pull }
        continue
      }
      self.serve(pull, lease)
      if pull.isOver { self.waiting.removeAll { $0 === pull } }
    }
    // Those that wait for their turn look again when something changes.
    if !self.waiting.isEmpty {
      self.endImpatient()
      self.wait()
    }
    return true
  }

  private func serve(_ pull: JetStreamPull, _ lease: StreamGroup.Lease) {
    if pull.request.maxBytes > 0, self.messageBytes(lease) > pull.bytesLeft {
      self.held = lease.own
      pull.end(
        pull.hasDelivered
          ? .batchCompleted(messages: pull.messagesLeft, bytes: pull.bytesLeft)
          : .messageExceedsMaxBytes(messages: pull.messagesLeft, bytes: pull.bytesLeft))
      return
    }
    let size = self.send(lease, to: pull.destination, pin: pull.pinID).bytes
    pull.messagesLeft -= 1
    pull.bytesLeft = max(0, pull.bytesLeft - size)
    pull.beat()
    if pull.messagesLeft == 0 { pull.end(nil) }
  }

  /// There is nothing now: requests that do not wait for more are over.
  private func endImpatient() {
    for pull in self.waiting
    where pull.request.noWait && (pull.request.expires == 0 || pull.hasDelivered) {
      pull.end(.noMessages)
    }
    self.waiting.removeAll { $0.isOver }
  }

  private func servePush() -> Bool {
    var budget = Self.turnMax
    while let push = self.push, push.isBound, !push.isHeldUp {
      guard budget > 0, !self.account.engine.isTurnSpent else { return false }
      guard let lease = self.nextLease() else {
        self.wait()
        return true
      }
      budget -= 1
      self.account.engine.addEffort(ofBytes: lease.record.contentBytes)
      push.deliver(lease)
    }
    return true
  }
}
