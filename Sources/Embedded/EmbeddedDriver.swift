public import Godwit
import Synchronization

/// The broker's engine inside this process, as a broker of the framework: no socket, no server,
/// the same groups, retries, order and back-pressure.
///
/// Messages live in memory, as long as the driver. Several in one process share nothing.
public final class EmbeddedDriver: Driver {
  /// `godwit`.
  public var system: String { "godwit" }
  /// What it can do: everything but outliving its process.
  public let capabilities: Capabilities
  /// Connected from the first `start` to `stop`.
  public let states = ConnectionStates()

  private struct Mailbox {
    var messages: [Message] = []
    var isClosed = false
  }

  private let limits: EmbeddedLimits
  private let kernel: EmbeddedKernel
  private let mailbox = Mutex(Mailbox())
  private let wakeUps: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// An engine of its own.
  public init(limits: EmbeddedLimits = .defaults) {
    self.limits = limits
    var capabilities = Capabilities(guarantee: .atLeastOnce)
    capabilities.redelivers = true
    capabilities.reportsNoResponders = true
    capabilities.bodyBytesMax = limits.bodyBytesMax
    self.capabilities = capabilities
    let (wakeUps, wake) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.wakeUps = wakeUps
    self.wake = wake
    self.kernel = EmbeddedKernel(limits: limits, wake: wake)
  }

  /// Ready at once.
  public func start() async throws(GodwitError) {
    try self.checkOpen()
    if !self.states.current.isConnected { self.states.move(to: .connected) }
  }

  /// Drives the timers (delayed retries, expiry) and the messages of `send` until `stop`.
  public func run() async throws(GodwitError) {
    if !self.isClosed { try await self.start() }
    await withTaskGroup(of: Void.self) { group in
      let (deadlines, deadline) = AsyncStream.makeStream(
        of: Duration?.self, bufferingPolicy: .bufferingNewest(1))
      group.addTask {
        for await _ in self.wakeUps {
          deadline.yield(await self.kernel.turn { self.takeMail() })
          if self.isClosed { break }
        }
        deadline.finish()
      }
      group.addTask { await self.keepTime(deadlines) }
      self.wake.yield()
      await group.waitForAll()
    }
    await self.kernel.close { self.takeMail() }
    self.states.move(to: .closed)
  }

  /// Wakes the kernel when its next timer is due. A sleep that an earlier deadline has overtaken
  /// goes on and wakes the kernel for nothing; there are never many.
  private func keepTime(_ deadlines: AsyncStream<Duration?>) async {
    await withTaskGroup(of: Void.self) { group in
      let clock = ContinuousClock()
      var planned: ContinuousClock.Instant?
      for await deadline in deadlines {
        let now = clock.now
        if let known = planned, known <= now { planned = nil }
        guard let deadline, planned.map({ now + deadline < $0 }) ?? true else { continue }
        planned = now + deadline
        group.addTask {
          try? await Task.sleep(for: deadline)
          self.wake.yield()
        }
      }
      group.cancelAll()
    }
  }

  /// Lets `run` send what `send` was given, and return.
  public func stop() {
    self.mailbox.withLock { $0.isClosed = true }
    self.wake.yield()
  }

  /// Publishes; a full queue that has members makes the publisher wait.
  ///
  /// - Throws: `closed`; `overloaded` when there was no room within the limits' time.
  @discardableResult
  public func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    try self.checkOpen()
    var receipts: [PublishReceipt] = []
    receipts.reserveCapacity(messages.count)
    for message in messages {
      receipts.append(try await self.kernel.publish(message) { self.takeMail() })
    }
    return receipts
  }

  /// Leaves a message for the engine, which drops it where a queue is full.
  ///
  /// - Throws: `closed`; `overloaded` when too many messages wait to be looked at.
  public func send(_ message: Message) throws(GodwitError) {
    let refusal = self.mailbox.withLock { mailbox -> GodwitError? in
      guard !mailbox.isClosed else { return Self.closed }
      guard mailbox.messages.count < self.limits.unsentMax else {
        return GodwitError(.overloaded, "\(mailbox.messages.count) messages wait to be sent")
      }
      mailbox.messages.append(message)
      return nil
    }
    if let refusal { throw refusal }
    self.wake.yield()
  }

  /// Subscribes; members of a group share a queue, which outlives them.
  public func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    try self.checkOpen()
    let member = try await self.kernel.subscribe(request, into: queue)
    return EmbeddedSubscription(kernel: self.kernel, member: member)
  }

  private static let closed = GodwitError(.closed, "the embedded broker was stopped")

  private var isClosed: Bool { self.mailbox.withLock { $0.isClosed } }

  private func checkOpen() throws(GodwitError) {
    if self.isClosed { throw Self.closed }
  }

  private func takeMail() -> [Message] {
    self.mailbox.withLock { mailbox in
      defer { mailbox.messages.removeAll(keepingCapacity: mailbox.messages.count <= 1_024) }
      return mailbox.messages
    }
  }
}

/// A subscription of the embedded broker.
struct EmbeddedSubscription: DriverSubscription {
  let kernel: EmbeddedKernel
  let member: UInt64

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    await self.kernel.settle(token, settlement, of: self.member)
  }

  func setPaused(_ isPaused: Bool) async {
    await self.kernel.setPaused(isPaused, member: self.member)
  }

  func cancel() async {
    await self.kernel.leave(self.member)
  }
}
