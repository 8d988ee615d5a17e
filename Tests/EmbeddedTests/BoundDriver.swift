import Godwit
import GodwitEmbedded

/// The embedded driver, with another binding for events.
struct BoundDriver: Driver {
  let inner = EmbeddedDriver()
  let capabilities: Capabilities
  var system: String { self.inner.system }
  var states: ConnectionStates { self.inner.states }

  init(binding: CloudEventBinding) {
    var capabilities = self.inner.capabilities
    capabilities.cloudEvents = binding
    self.capabilities = capabilities
  }

  func start() async throws(GodwitError) { try await self.inner.start() }
  func run() async throws(GodwitError) { try await self.inner.run() }
  func stop() { self.inner.stop() }

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    try await self.inner.publish(messages)
  }

  func send(_ message: Message) throws(GodwitError) { try self.inner.send(message) }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    try await self.inner.subscribe(request, into: queue)
  }
}
