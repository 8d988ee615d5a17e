import Godwit
import GodwitEmbedded

/// The embedded engine with a fault: what a scenario must notice.
struct FaultyDriver: Driver {
  enum Fault: Sendable {
    case losesHeaders
    case losesContentTypes
    case losesKeys
    case reversesBatches
    case ignoresPrefetch
    case losesWhatGoesBack
    case countsWhatGoesBack
    case hasNoGroups
  }

  let inner = EmbeddedDriver()
  let fault: Fault

  var system: String { self.inner.system }
  var capabilities: Capabilities { self.inner.capabilities }
  var states: ConnectionStates { self.inner.states }

  func start() async throws(GodwitError) { try await self.inner.start() }
  func run() async throws(GodwitError) { try await self.inner.run() }
  func stop() { self.inner.stop() }

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    let messages = messages.map(self.damaged)
    return try await self.inner.publish(
      self.fault == .reversesBatches ? messages.reversed() : messages)
  }

  func send(_ message: Message) throws(GodwitError) {
    try self.inner.send(self.damaged(message))
  }

  private func damaged(_ message: Message) -> Message {
    var message = message
    switch self.fault {
    case .losesHeaders: message.headers = [:]
    case .losesContentTypes: message.contentType = nil
    case .losesKeys: message.key = nil
    default: break
    }
    return message
  }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    var request = request
    if self.fault == .ignoresPrefetch { request.prefetch *= 4 }
    if self.fault == .hasNoGroups { request.group = nil }
    return FaultySubscription(
      inner: try await self.inner.subscribe(request, into: queue), fault: self.fault)
  }
}

private struct FaultySubscription: DriverSubscription {
  let inner: any DriverSubscription
  let fault: FaultyDriver.Fault

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    switch (self.fault, settlement) {
    case (.losesWhatGoesBack, .release): await self.inner.settle(token, .acknowledge)
    case (.countsWhatGoesBack, .release): await self.inner.settle(token, .retry(after: .zero))
    default: await self.inner.settle(token, settlement)
    }
  }

  func setPaused(_ isPaused: Bool) async { await self.inner.setPaused(isPaused) }
  func drain() async { await self.inner.drain() }
  func cancel() async { await self.inner.cancel() }
}
