import Godwit
import NIOCore
import Synchronization

/// A broker whose messages a test hands over itself, and that notes what becomes of them. Nothing
/// of it waits but `publish`, and that only where the test wants it to.
final class PaperDriver: Driver {
  typealias Publish = @Sendable ([Message]) async throws(GodwitError) -> Void

  struct Settled: Hashable {
    var token: UInt64
    var settlement: Settlement
  }

  private struct Inner {
    var queue: DeliveryQueue?
    var messages: [UInt64: IncomingMessage] = [:]
    /// What comes when the subscription is drained.
    var late: [IncomingMessage] = []
    var settled: [Settled] = []
    var returns = 0
  }

  let system = "paper"
  let capabilities: Capabilities
  let states = ConnectionStates()
  private let inner = Mutex(Inner())
  private let whenPublished: Publish
  /// How many messages that go back are handed out again at once, as long as they are taken.
  private let returnsMax: Int

  init(
    _ guarantee: Capabilities.Guarantee, returnsMax: Int = 0,
    whenPublished: @escaping Publish = { (_) async throws(GodwitError) in }
  ) {
    self.capabilities = Capabilities(guarantee: guarantee)
    self.returnsMax = returnsMax
    self.whenPublished = whenPublished
  }

  /// The tokens of what was settled so, in order.
  func tokens(_ settlement: Settlement) -> [UInt64] {
    self.inner.withLock { $0.settled.filter { $0.settlement == settlement }.map(\.token) }
  }

  /// Hands over numbers as messages, whose tokens they are.
  func offer(_ numbers: ClosedRange<UInt64>) {
    let messages = numbers.map(Self.message)
    let queue = self.inner.withLock { inner in
      for message in messages { inner.messages[message.token] = message }
      return inner.queue
    }
    queue?.offer(messages)
  }

  /// Keeps numbers until the subscription is drained.
  func keep(_ numbers: ClosedRange<UInt64>) {
    self.inner.withLock { $0.late = numbers.map(Self.message) }
  }

  private static func message(_ number: UInt64) -> IncomingMessage {
    let message = Message(
      topic: "n", body: ByteBuffer(string: "\(number)"), contentType: "application/json")
    return IncomingMessage(message: message, token: number)
  }

  func start() async throws(GodwitError) {}
  func run() async throws(GodwitError) {}
  func stop() {}
  func send(_ message: Message) throws(GodwitError) {}

  func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    try await self.whenPublished(messages)
    return messages.map { PublishReceipt(id: $0.id) }
  }

  func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    self.inner.withLock { $0.queue = queue }
    return PaperSubscription(driver: self)
  }

  fileprivate func settle(_ token: UInt64, _ settlement: Settlement) {
    let (queue, message) = self.inner.withLock { inner -> (DeliveryQueue?, IncomingMessage?) in
      inner.settled.append(Settled(token: token, settlement: settlement))
      guard settlement == .release, inner.returns < self.returnsMax else { return (nil, nil) }
      inner.returns += 1
      return (inner.queue, inner.messages[token])
    }
    if let message { queue?.offer([message]) }
  }

  fileprivate func drain() {
    let (queue, late) = self.inner.withLock { ($0.queue, $0.late) }
    queue?.offer(late)
    queue?.close()
  }
}

private struct PaperSubscription: DriverSubscription {
  let driver: PaperDriver

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    self.driver.settle(token, settlement)
  }

  func setPaused(_ isPaused: Bool) async {}
  func drain() async { self.driver.drain() }
  func cancel() async {}
}
