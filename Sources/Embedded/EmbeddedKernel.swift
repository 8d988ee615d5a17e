import Godwit
import GodwitEngine
import GodwitPrimitives
import NIOCore

/// The engine, confined to an actor.
actor EmbeddedKernel {
  private enum Place {
    case queue(EmbeddedQueue, EmbeddedMember, key: QueueKey?)
    case tap(GodwitEngine.Subscription)
  }

  /// What makes a queue that outlives its members: the group and what it receives.
  private struct QueueKey: Hashable {
    var group: String
    var pattern: String
  }

  private let engine: Engine
  private let tenant: Tenant
  private let limits: EmbeddedLimits
  let touched = TouchedQueues()
  private var places: [UInt64: Place] = [:]
  private var groups: [QueueKey: EmbeddedQueue] = [:]
  private(set) var subscriptions: [ObjectIdentifier: GodwitEngine.Subscription] = [:]
  private var memberCount: UInt64 = 0
  private var isClosed = false
  private let clock = ContinuousClock()
  private let startedAt: ContinuousClock.Instant
  private let startedAtWall: Int64

  init(limits: EmbeddedLimits, wake: AsyncStream<Void>.Continuation) {
    self.limits = limits
    self.startedAt = ContinuousClock().now
    self.startedAtWall = Message.nanosecondsNow()
    var engineLimits = EngineLimits.defaults
    engineLimits.storedBytesMax = limits.storedBytesMax
    self.engine = Engine(limits: engineLimits, now: self.startedAtWall)
    self.tenant = self.engine.tenant(named: "default")
    self.engine.timers.deadlineMovedForward = { _ in wake.yield() }
  }

  // MARK: Time

  /// Sends what was left, fires what is due.
  ///
  /// - Returns: when to come again; `nil` when no timer is set.
  func turn(sending mail: @Sendable () -> [Message]) -> Duration? {
    self.renewTime()
    self.send(mail())
    let next = self.engine.timers.fireDue()
    self.pumpTouched()
    return next.map { .nanoseconds(max(1_000_000, $0 - self.engine.now)) }
  }

  /// The end: subscriptions' queues end, waiting publishers go.
  func close(sending mail: @Sendable () -> [Message]) {
    self.send(mail())
    self.isClosed = true
    for place in self.places.values {
      guard case .queue(let queue, let member, _) = place else { continue }
      member.queue.finish()
      queue.letEverybodyGo()
    }
  }

  private func renewTime() {
    let elapsed = self.startedAt.duration(to: self.clock.now)
    self.engine.advance(to: self.startedAtWall + elapsed.nanoseconds)
  }

  // MARK: Publishing

  /// Publishes what nobody waits for.
  private func send(_ messages: [Message]) {
    guard !messages.isEmpty else { return }
    self.renewTime()
    for message in messages { _ = self.route(message) }
    self.pumpTouched()
  }

  /// Publishes when no queue that gets the message is full, behind what was sent before it.
  ///
  /// - Parameter mail: takes it. Called in here, so that nobody who has taken some is overtaken.
  func publish(
    _ message: Message, after mail: @Sendable () -> [Message]
  ) async throws(GodwitError) -> PublishReceipt {
    self.send(mail())
    let deadline = self.clock.now + self.limits.publishTimeout.sleepable
    while let crowded = self.crowdedQueue(for: message.topic) {
      let room = Signal()
      crowded.waiting.append(room)
      let isRoom = await Self.wait(for: room, until: deadline)
      if self.isClosed { throw GodwitError(.closed, "the embedded broker was stopped") }
      guard isRoom else {
        crowded.forget(room)
        if Task.isCancelled { throw GodwitError(.cancelled, "the task was cancelled") }
        throw GodwitError(.overloaded, "the queue '\(crowded.log.name)' is full")
      }
    }
    self.renewTime()
    let receivers = self.route(message)
    self.pumpTouched()
    return PublishReceipt(id: message.id, receivers: receivers)
  }

  private func crowdedQueue(for topic: String) -> EmbeddedQueue? {
    guard self.touched.crowded > 0 else { return nil }
    let topic = Array(topic.utf8)
    return topic.withUnsafeBytes { topic in
      for subscription in self.tenant.router.subscriptions(matching: topic) {
        if let queue = subscription.subscriber as? EmbeddedQueue, queue.isCrowded { return queue }
      }
      return nil
    }
  }

  private nonisolated static func wait(
    for room: Signal, until deadline: ContinuousClock.Instant
  ) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await room.wait()
        return room.isRaised
      }
      group.addTask {
        try? await Task.sleep(until: deadline)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }

  /// How many took the message; `nil` when its time had passed before.
  private func route(_ message: Message) -> Int? {
    message.withPublication { publication in
      guard publication.expiresAt == 0 || publication.expiresAt > self.engine.now else {
        self.engine.counters.expired &+= 1
        return nil
      }
      var memo: Route?
      return self.tenant.publish(&publication, memo: &memo)
    }
  }

  private func pumpTouched() {
    for queue in self.touched.take() { queue.pump() }
  }

  // MARK: Subscribing

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) throws(GodwitError) -> UInt64 {
    let pattern = GodwitPrimitives.TopicPattern(canonical: Array(request.pattern.utf8))
    guard request.isSettled else {
      let tap = EmbeddedTap(tenant: self.tenant, queue: queue)
      let group = request.group.map { Array("godwit:\($0)".utf8) }
      let subscription = GodwitEngine.Subscription(pattern: pattern, group: group, subscriber: tap)
      try self.activate(subscription)
      return self.add(.tap(subscription))
    }
    let member = EmbeddedMember(queue: queue, prefetch: request.prefetch)
    let key = request.group.map { QueueKey(group: $0, pattern: request.pattern) }
    let place: EmbeddedQueue
    if let key, let known = self.groups[key] {
      place = known
    } else {
      place = try self.makeQueue(request, pattern: pattern)
      if let key { self.groups[key] = place }
    }
    place.members.append(member)
    place.pump()
    return self.add(.queue(place, member, key: key))
  }

  private func makeQueue(
    _ request: SubscriptionRequest, pattern: GodwitPrimitives.TopicPattern
  ) throws(GodwitError) -> EmbeddedQueue {
    let queue = EmbeddedQueue(
      name: request.group ?? request.id, tenant: self.tenant,
      messagesMax: self.limits.queueMessagesMax, touched: self.touched)
    let subscription = GodwitEngine.Subscription(pattern: pattern, subscriber: queue)
    try self.activate(subscription)
    self.subscriptions[ObjectIdentifier(queue)] = subscription
    return queue
  }

  private func activate(_ subscription: GodwitEngine.Subscription) throws(GodwitError) {
    do {
      try self.tenant.router.subscribe(subscription)
    } catch {
      throw GodwitError(.overloaded, error.message, isRetriable: false, cause: error)
    }
  }

  private func add(_ place: Place) -> UInt64 {
    self.memberCount += 1
    self.places[self.memberCount] = place
    return self.memberCount
  }

  func settle(_ token: UInt64, _ settlement: Settlement, of number: UInt64) {
    guard case .queue(let queue, let member, _) = self.places[number],
      member.held.remove(token) != nil
    else { return }
    self.renewTime()
    switch settlement {
    case .acknowledge: queue.window.acknowledge(token)
    case .release: queue.window.release(token, countsAsDelivery: false)
    case .retry(let delay):
      queue.window.release(token, delay: delay.nanoseconds)
      let timer = RetryTimer(queue: queue, touched: self.touched)
      _ = self.engine.timers.schedule(
        at: self.engine.now + delay.nanoseconds, timer, kind: 0)
    }
    queue.pump()
  }

  func setPaused(_ isPaused: Bool, member number: UInt64) {
    guard case .queue(let queue, let member, _) = self.places[number] else { return }
    member.isPaused = isPaused
    if !isPaused { queue.pump() }
  }

  /// A member leaves: what it held goes to the others, or waits for the group's next member.
  func leave(_ number: UInt64) {
    guard let place = self.places.removeValue(forKey: number) else { return }
    switch place {
    case .tap(let subscription): self.tenant.router.unsubscribe(subscription)
    case .queue(let queue, let member, let key):
      queue.members.removeAll { $0 === member }
      for offset in member.held.sorted() {
        queue.window.release(offset, countsAsDelivery: false)
      }
      if key == nil, let own = self.subscriptions.removeValue(forKey: ObjectIdentifier(queue)) {
        self.tenant.router.unsubscribe(own)
        queue.noteCrowd()
        queue.letPublishersGo()
      } else {
        queue.pump()
      }
    }
  }
}

/// Looks at a queue again when a retried message may be handed out.
private final class RetryTimer: TimerTarget {
  private let queue: EmbeddedQueue
  private let touched: TouchedQueues

  init(queue: EmbeddedQueue, touched: TouchedQueues) {
    self.queue = queue
    self.touched = touched
  }

  func timerFired(_ kind: Int) {
    self.touched.note(self.queue)
  }
}
