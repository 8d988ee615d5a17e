import Godwit
import GodwitEngine

/// What a group, or a subscription without one, has before it: a log, and who works on it.
final class EmbeddedQueue: Subscriber {
  let log: MemoryLog
  let window: WindowGroup
  var members: [EmbeddedMember] = []
  /// Publishers that wait for room.
  var waiting: [Signal] = []
  private let messagesMax: Int
  private let touched: TouchedQueues
  private var last = 0

  /// Whether publishers have to wait.
  var isCrowded: Bool { !self.members.isEmpty && self.log.count >= self.messagesMax }
  private var isNotedAsCrowded = false

  init(name: String, tenant: Tenant, messagesMax: Int, touched: TouchedQueues) {
    self.messagesMax = messagesMax
    self.touched = touched
    // Bounded here, since what happens to one message too many depends on who is there.
    self.log = MemoryLog(
      name: name, engine: tenant.engine, recordsMax: 0, bytesMax: 0, overflow: .refuse)
    self.window = WindowGroup(
      name: name, log: self.log, engine: tenant.engine, inFlightMax: .max,
      removesAcknowledged: true)
    super.init(tenant: tenant)
  }

  override func deliver(
    _ publication: inout Publication, to subscription: GodwitEngine.Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    let engine = self.tenant.engine
    if self.log.count >= self.messagesMax {
      // Members are there: the publisher did not want to wait. Otherwise the oldest makes room.
      guard self.members.isEmpty else {
        engine.counters.dropped &+= 1
        return false
      }
      self.log.trim(before: self.log.firstOffset + 1)
      engine.counters.dropped &+= 1
    }
    guard (try? self.log.append(publication.record(engine))) != nil else {
      engine.counters.dropped &+= 1
      return false
    }
    self.touched.note(self)
    self.noteCrowd()
    return true
  }

  /// Keeps the number of crowded queues right: to be called when messages or members have come or
  /// gone.
  func noteCrowd() {
    guard self.isCrowded != self.isNotedAsCrowded else { return }
    self.isNotedAsCrowded.toggle()
    self.touched.crowded += self.isNotedAsCrowded ? 1 : -1
  }

  /// Hands out what members have room for, fairly.
  func pump() {
    let now = self.tenant.engine.now
    while let member = self.memberWithRoom(), let lease = self.window.lease() {
      let record = lease.record
      guard record.expiresAt == 0 || record.expiresAt > now else {
        self.tenant.engine.counters.expired &+= 1
        self.window.acknowledge(lease.offset)
        continue
      }
      let incoming = IncomingMessage(
        message: Message(record: record), attempt: lease.deliveryCount, offset: lease.offset,
        token: lease.offset)
      if member.queue.offer([incoming]) {
        member.held.insert(lease.offset)
      } else {
        member.isPaused = true
        self.window.release(lease.offset, countsAsDelivery: false)
      }
    }
    self.noteCrowd()
    self.letPublishersGo()
  }

  /// Wakes as many publishers as there is room for; all of them where nobody is left to make room.
  func letPublishersGo() {
    guard !self.waiting.isEmpty, !self.isCrowded else { return }
    let room = self.members.isEmpty ? Int.max : self.messagesMax - self.log.count
    let lucky = self.waiting.prefix(room)
    self.waiting.removeFirst(lucky.count)
    for waiter in lucky { waiter.raise() }
  }

  /// A publisher does not wait any more. If it had been woken, somebody else may go.
  func forget(_ waiter: Signal) {
    self.waiting.removeAll { $0 === waiter }
    self.letPublishersGo()
  }

  /// The end: publishers need not wait any more.
  func letEverybodyGo() {
    let waiting = self.waiting
    self.waiting = []
    for waiter in waiting { waiter.raise() }
  }

  private func memberWithRoom() -> EmbeddedMember? {
    for _ in self.members.indices {
      self.last = (self.last + 1) % self.members.count
      let member = self.members[self.last]
      if !member.isPaused, member.held.count < member.prefetch { return member }
    }
    return nil
  }
}

/// One subscription that works on a queue.
final class EmbeddedMember {
  let queue: DeliveryQueue
  let prefetch: Int
  var isPaused = false
  /// Offsets that were handed out and not settled.
  var held: Set<UInt64> = []

  init(queue: DeliveryQueue, prefetch: Int) {
    self.queue = queue
    self.prefetch = prefetch
  }
}

/// Queues that have something new to hand out.
final class TouchedQueues {
  private var queues: [EmbeddedQueue] = []
  /// How many queues make publishers wait.
  var crowded = 0

  func note(_ queue: EmbeddedQueue) {
    if self.queues.last !== queue { self.queues.append(queue) }
  }

  func take() -> [EmbeddedQueue] {
    defer { self.queues.removeAll(keepingCapacity: true) }
    return self.queues
  }
}

/// A subscription whose messages are done with when they are handed out.
final class EmbeddedTap: Subscriber {
  let queue: DeliveryQueue

  init(tenant: Tenant, queue: DeliveryQueue) {
    self.queue = queue
    super.init(tenant: tenant)
  }

  override func deliver(
    _ publication: inout Publication, to subscription: GodwitEngine.Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    let message = Message(record: publication.record(self.tenant.engine))
    return self.queue.offer([IncomingMessage(message: message, token: 0)])
  }
}
