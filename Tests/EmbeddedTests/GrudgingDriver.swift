import Godwit
import GodwitEmbedded

/// The embedded driver as a broker that keeps nothing, and that does not take every publish.
struct GrudgingDriver: Driver {
  let inner = EmbeddedDriver()
  let capabilities: Capabilities
  /// Why it does not take a message.
  let refusal: @Sendable (Message) -> GodwitError?
  var system: String { self.inner.system }
  var states: ConnectionStates { self.inner.states }

  init(
    _ guarantee: Capabilities.Guarantee = .atMostOnce,
    refusal: @escaping @Sendable (Message) -> GodwitError?
  ) {
    var capabilities = self.inner.capabilities
    capabilities.guarantee = guarantee
    capabilities.redelivers = false
    self.capabilities = capabilities
    self.refusal = refusal
  }

  func start() async throws(GodwitError) { try await self.inner.start() }
  func run() async throws(GodwitError) { try await self.inner.run() }
  func stop() { self.inner.stop() }

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    for message in messages {
      if let refusal = self.refusal(message) { throw refusal }
    }
    return try await self.inner.publish(messages)
  }

  func send(_ message: Message) throws(GodwitError) { try self.inner.send(message) }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    let subscription = try await self.inner.subscribe(request, into: queue)
    return Undrained(inner: subscription, queue: queue)
  }

  /// Closes the queue when drained, as brokers do that keep nothing.
  private struct Undrained: DriverSubscription {
    let inner: any DriverSubscription
    let queue: DeliveryQueue

    func settle(_ token: UInt64, _ settlement: Settlement) async {
      await self.inner.settle(token, settlement)
    }
    func setPaused(_ isPaused: Bool) async { await self.inner.setPaused(isPaused) }
    func drain() async { self.queue.close() }
    func cancel() async { await self.inner.cancel() }
  }
}
