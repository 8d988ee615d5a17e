import MQTTWire
import NIOCore

/// One connection's part in a measurement, on its event loop.
protocol BenchRole: ClientObserver {
  /// Starts.
  func start()
  /// What was done so far; without latencies, which are large.
  var tally: BenchTally { get }
  /// All of it.
  var fullTally: BenchTally { get }
  /// Whether nothing is left to do.
  var isDone: Bool { get }
}

extension BenchRole {
  func roomMade() {}
  func settled(_ settlement: SessionEvent.Settlement) {}
  func deliver(_ delivery: Delivery) {}
  func burstEnded() {}
  var fullTally: BenchTally { self.tally }
}

/// Publishes a share of the messages, as fast as they are taken or at a rate.
final class BenchPublisher: BenchRole {
  /// Bytes that are handed to the socket at once.
  private static let batchBytes = 64 << 10
  private static let paceNanoseconds: Int64 = 500_000

  private unowned let handler: ClientHandler
  private let eventLoop: any EventLoop
  private let plan: BenchPlan
  private let share: Int
  /// Messages a second of this publisher.
  private let rate: Double?
  private var message: OutgoingMessage
  private var startedAt: UInt64 = 0
  private var isPumpAwaited = false
  private var unsettled = 0
  private(set) var tally = BenchTally()

  init(_ handler: ClientHandler, on eventLoop: any EventLoop, plan: BenchPlan, number: Int) {
    self.handler = handler
    self.eventLoop = eventLoop
    self.plan = plan
    self.share = plan.share(of: number)
    self.rate = plan.rate.map { $0 / Double(plan.publishers) }
    self.message = OutgoingMessage(
      topic: plan.topic, payload: ByteBuffer(repeating: UInt8(ascii: "x"), count: plan.size))
    self.message.qos = plan.qos
  }

  var isDone: Bool {
    self.tally.failure != nil
      || (self.tally.published == self.share && self.unsettled == 0)
  }

  func start() {
    self.startedAt = MonotonicClock.now
    self.pump()
  }

  /// Messages that may be out by now.
  private func allowed(at now: UInt64) -> Int {
    guard let rate = self.rate else { return self.share }
    let due = Double(now - self.startedAt) / 1e9 * rate
    return min(self.share, Int(due) + 1)
  }

  private func pump() {
    guard self.tally.failure == nil else { return }
    let now = MonotonicClock.now
    let allowed = self.allowed(at: now)
    if self.tally.firstPublished == nil { self.tally.firstPublished = now }
    do throws(ClientError) {
      while self.tally.published < allowed, self.unsettled < self.plan.inFlight,
        self.handler.unwrittenBytes < Self.batchBytes
      {
        BenchStamp(run: self.plan.run, sentAt: MonotonicClock.now).write(to: &self.message.payload)
        guard try self.handler.publish(self.message) else {
          self.handler.write()
          return
        }
        self.tally.published += 1
        if self.plan.qos != .atMostOnce { self.unsettled += 1 }
      }
    } catch {
      self.tally.failure = error
    }
    self.handler.write()
    if self.unsettled == 0 { self.tally.lastPublished = MonotonicClock.now }
    guard self.tally.published < self.share, !self.isPumpAwaited else { return }
    if self.tally.published >= allowed {
      self.pumpLater(nanoseconds: Self.paceNanoseconds)
    } else if self.handler.isWritable, self.unsettled < self.plan.inFlight {
      self.pumpLater(nanoseconds: 0)
    }
  }

  private func pumpLater(nanoseconds: Int64) {
    self.isPumpAwaited = true
    let loop = self.eventLoop.assumeIsolated()
    let body = {
      self.isPumpAwaited = false
      self.pump()
    }
    if nanoseconds == 0 {
      loop.execute(body)
    } else {
      loop.scheduleTask(in: .nanoseconds(nanoseconds), body)
    }
  }

  func roomMade() {
    if !self.isPumpAwaited { self.pump() }
  }

  func settled(_ settlement: SessionEvent.Settlement) {
    self.unsettled -= 1
    self.tally.lastPublished = MonotonicClock.now
    if case .refused(let error) = settlement { self.tally.failure = error }
  }

  func warned(_ warning: ClientError) { self.tally.failure = warning }

  func ended(_ error: ClientError?) { self.tally.failure = self.tally.failure ?? error }
}

/// Counts what a subscription gets.
final class BenchSubscriber: BenchRole {
  private let plan: BenchPlan
  /// How many to wait for; `nil` when a group shares them in a way nobody can foresee.
  private let expected: Int?
  private var latencies = LatencyHistogram()
  private var now: UInt64 = 0
  private(set) var tally = BenchTally()

  init(plan: BenchPlan) {
    self.plan = plan
    self.expected = plan.group == nil ? plan.count : nil
  }

  func start() {}

  var isDone: Bool {
    self.tally.failure != nil || self.expected.map { self.tally.received >= $0 } ?? true
  }

  var fullTally: BenchTally {
    var tally = self.tally
    if self.latencies.count > 0 { tally.latencies = self.latencies }
    return tally
  }

  func deliver(_ delivery: Delivery) {
    let now = MonotonicClock.now
    if self.tally.received == 0 { self.tally.firstReceived = now }
    self.now = now
    self.tally.received += 1
    guard let stamp = BenchStamp(delivery.payload), stamp.run == self.plan.run,
      stamp.sentAt <= now
    else { return }
    self.latencies.record(now - stamp.sentAt)
  }

  func burstEnded() { self.tally.lastReceived = self.now }

  func warned(_ warning: ClientError) { self.tally.failure = warning }

  func ended(_ error: ClientError?) { self.tally.failure = self.tally.failure ?? error }
}
