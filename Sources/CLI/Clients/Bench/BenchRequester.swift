import NIOCore

/// Asks, and measures how long the answers take.
final class BenchRequester: BenchRole {
  private unowned let handler: ClientHandler
  private let eventLoop: any EventLoop
  private let plan: BenchPlan
  private let share: Int
  private let rate: Double?
  /// One message for each request that may be under way, with a reply topic of its own.
  private var slots: [OutgoingMessage] = []
  private var sentAt: [UInt64] = []
  private var idleSlots: [Int] = []
  private let inboxLength: Int
  private var startedAt: UInt64 = 0
  private var isPumpAwaited = false
  private var latencies = LatencyHistogram()
  private(set) var tally = BenchTally()

  /// - Parameter inbox: what this client's answers begin with, the last separator included.
  init(
    _ handler: ClientHandler, on eventLoop: any EventLoop, plan: BenchPlan, number: Int,
    inbox: String
  ) {
    self.handler = handler
    self.eventLoop = eventLoop
    self.plan = plan
    self.share = plan.share(of: number)
    self.rate = plan.rate.map { $0 / Double(plan.publishers) }
    self.inboxLength = inbox.utf8.count
    let payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: plan.size)
    for slot in 0..<plan.inFlight {
      var message = OutgoingMessage(topic: plan.topic, payload: payload)
      message.reply = ByteBuffer(string: inbox + String(slot))
      message.qos = plan.qos
      self.slots.append(message)
      self.sentAt.append(0)
      self.idleSlots.append(slot)
    }
  }

  var isDone: Bool { self.tally.failure != nil || self.tally.received >= self.share }

  var fullTally: BenchTally {
    var tally = self.tally
    if self.latencies.count > 0 { tally.latencies = self.latencies }
    return tally
  }

  func start() {
    self.startedAt = MonotonicClock.now
    self.pump()
  }

  private func pump() {
    guard self.tally.failure == nil else { return }
    let now = MonotonicClock.now
    if self.tally.firstPublished == nil { self.tally.firstPublished = now }
    var allowed = self.share
    if let rate = self.rate {
      allowed = min(allowed, Int(Double(now - self.startedAt) / 1e9 * rate) + 1)
    }
    do throws(ClientError) {
      while self.tally.published < allowed, let slot = self.idleSlots.popLast() {
        guard try self.handler.publish(self.slots[slot]) else {
          self.idleSlots.append(slot)
          break
        }
        self.sentAt[slot] = MonotonicClock.now
        self.tally.published += 1
      }
    } catch {
      self.tally.failure = error
    }
    self.handler.write()
    guard self.rate != nil, self.tally.published < self.share, !self.isPumpAwaited else { return }
    self.isPumpAwaited = true
    self.eventLoop.assumeIsolated().scheduleTask(in: .microseconds(500)) {
      self.isPumpAwaited = false
      self.pump()
    }
  }

  func deliver(_ delivery: Delivery) {
    let now = MonotonicClock.now
    guard delivery.topic.count > self.inboxLength else { return }
    var slot = 0
    for digit in delivery.topic[self.inboxLength...] {
      slot = slot &* 10 &+ Int(digit &- UInt8(ascii: "0"))
    }
    guard self.sentAt.indices.contains(slot), self.sentAt[slot] != 0 else { return }
    guard delivery.form != .nats || !Self.saysNobody(delivery) else {
      self.tally.failure = ClientError("nobody answers `\(self.plan.topic)`")
      return
    }
    self.latencies.record(now &- self.sentAt[slot])
    self.sentAt[slot] = 0
    self.idleSlots.append(slot)
    if self.tally.received == 0 { self.tally.firstReceived = now }
    self.tally.received += 1
    self.tally.lastReceived = now
  }

  private static func saysNobody(_ delivery: Delivery) -> Bool {
    delivery.payload.isEmpty && !delivery.metadata.isEmpty
      && IncomingMessage(delivery).status == 503
  }

  func burstEnded() { self.pump() }

  func roomMade() { self.pump() }

  func settled(_ settlement: SessionEvent.Settlement) {
    if case .refused(let error) = settlement { self.tally.failure = error }
    if case .withoutReceiver = settlement {
      self.tally.failure = ClientError("nobody answers `\(self.plan.topic)`")
    }
  }

  func warned(_ warning: ClientError) { self.tally.failure = warning }

  func ended(_ error: ClientError?) { self.tally.failure = self.tally.failure ?? error }
}

/// Sends every request back.
final class BenchResponder: BenchRole {
  private unowned let handler: ClientHandler
  /// Answers to what was read at once: publishing is for the time after.
  private var answers: [OutgoingMessage] = []
  private(set) var tally = BenchTally()

  init(_ handler: ClientHandler) {
    self.handler = handler
  }

  func start() {}

  var isDone: Bool { true }

  func deliver(_ delivery: Delivery) {
    let request = IncomingMessage(delivery)
    guard let reply = request.reply else { return }
    var answer = OutgoingMessage(topic: reply, payload: request.payload)
    answer.correlation = request.correlation
    self.answers.append(answer)
  }

  func burstEnded() {
    do throws(ClientError) {
      for answer in self.answers { _ = try self.handler.publish(answer) }
    } catch {
      self.tally.failure = error
    }
    self.answers.removeAll(keepingCapacity: true)
  }

  func warned(_ warning: ClientError) { self.tally.failure = warning }

  func ended(_ error: ClientError?) { self.tally.failure = self.tally.failure ?? error }
}
