import Godwit
import GodwitDriverKit
import Synchronization

/// The smallest driver: whoever is there gets the message, and nothing is kept.
final class LoopbackDriver: Driver {
  let system = "loopback"
  let capabilities: Capabilities
  let states = ConnectionStates()

  private let room = Mutex(LoopbackRoom())
  private let ending: AsyncStream<Never>
  private let end: AsyncStream<Never>.Continuation

  init() {
    var capabilities = Capabilities(guarantee: .atMostOnce)
    capabilities.reportsNoResponders = true
    self.capabilities = capabilities
    (self.ending, self.end) = AsyncStream.makeStream(of: Never.self)
  }

  func start() async throws(GodwitError) {
    try self.checkOpen()
    if !self.states.current.isConnected { self.states.move(to: .connected) }
  }

  func run() async throws(GodwitError) {
    if !self.room.withLock(\.isClosed) { try await self.start() }
    for await _ in self.ending {}
    for window in self.room.withLock({ $0.close() }) { window.close() }
    self.states.move(to: .closed)
  }

  func stop() {
    self.end.finish()
  }

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    try self.checkOpen()
    return messages.map { message in
      PublishReceipt(id: message.id, receivers: self.room.withLock { $0.deliver(message) })
    }
  }

  func send(_ message: Message) throws(GodwitError) {
    try self.checkOpen()
    _ = self.room.withLock { $0.deliver(message) }
  }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    try self.checkOpen()
    let window = DeliveryWindow(request, queue: queue, limits: .init())
    let number = self.room.withLock { $0.add(request, window) }
    return LoopbackSubscription(driver: self, number: number, window: window)
  }

  fileprivate func change(_ body: (inout LoopbackRoom) -> Void) {
    self.room.withLock { body(&$0) }
  }

  private func checkOpen() throws(GodwitError) {
    if self.room.withLock(\.isClosed) { throw GodwitError(.closed, "the driver was stopped") }
  }
}

/// One subscription: what waits for it is in its window.
struct LoopbackSubscription: DriverSubscription {
  let driver: LoopbackDriver
  let number: UInt64
  let window: DeliveryWindow

  func settle(_ token: UInt64, _ settlement: Settlement) async { self.window.settle() }

  func setPaused(_ isPaused: Bool) async {
    self.driver.change { $0.setPaused(isPaused, self.number) }
    self.window.setPaused(isPaused)
  }

  func drain() async {
    self.driver.change { $0.remove(self.number) }
    self.window.drain()
  }

  func cancel() async {
    self.driver.change { $0.remove(self.number) }
    self.window.close()
  }
}
