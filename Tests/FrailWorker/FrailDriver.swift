import Godwit

/// A driver that takes its process with it at one step.
struct FrailDriver: Driver {
  let inner: any Driver
  let step: Step
  /// Called when two messages have arrived, for `draining`.
  let drain: @Sendable () -> Void

  var system: String { self.inner.system }
  var capabilities: Capabilities { self.inner.capabilities }
  var states: ConnectionStates { self.inner.states }

  func start() async throws(GodwitError) { try await self.inner.start() }
  func run() async throws(GodwitError) { try await self.inner.run() }
  func stop() { self.inner.stop() }
  func send(_ message: Message) throws(GodwitError) { try self.inner.send(message) }

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    if self.step == .beforePublish || self.step == .dying { Death.come() }
    let receipts = try await self.inner.publish(messages)
    if self.step == .published || self.step == .requested { Death.come() }
    return receipts
  }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    var before = queue
    if request.isSettled, [.received, .gathering, .draining].contains(self.step) {
      before = DeliveryQueue()
      Task { [before] in await self.forward(before, to: queue) }
    }
    return FrailSubscription(
      inner: try await self.inner.subscribe(request, into: before), step: self.step)
  }

  private func forward(_ before: DeliveryQueue, to queue: DeliveryQueue) async {
    var count = 0
    while let message = await before.next() {
      if self.step == .received { Death.come() }
      queue.offer([message])
      count += 1
      if self.step == .gathering { Death.come() }
      if count == 2 { self.drain() }
    }
  }
}

/// A subscription that takes its process with it at one step.
struct FrailSubscription: DriverSubscription {
  let inner: any DriverSubscription
  let step: Step

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    if self.step == .handled || self.step == .dead { Death.come() }
    await self.inner.settle(token, settlement)
    if self.step == .draining { Death.come() }
  }

  func setPaused(_ isPaused: Bool) async { await self.inner.setPaused(isPaused) }

  func drain() async {
    if self.step == .draining { Death.come() }
    await self.inner.drain()
  }

  func cancel() async { await self.inner.cancel() }
}
