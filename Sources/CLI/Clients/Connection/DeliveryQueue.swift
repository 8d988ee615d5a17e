/// What came in and was not taken yet, for one reader that waits. Lives on an event loop.
///
/// Beyond `bytesMax` the connection is not read any more until the reader has caught up.
final class DeliveryQueue: ClientObserver {
  /// What happened since the last time somebody asked.
  struct Burst: Sendable {
    /// Messages in the order of their arrival.
    var messages: [IncomingMessage] = []
    /// What the server complained about.
    var warnings: [ClientError] = []
  }

  /// How messages with QoS 1 and 2 were taken.
  struct Settlements: Hashable, Sendable {
    /// How many had no receiver.
    var withoutReceiver = 0
    /// Why messages were refused.
    var refusals: [ClientError] = []
  }

  private static let bytesMax = 8 << 20

  private var burst = Burst()
  private var bytes = 0
  private var waiter: CheckedContinuation<Burst?, any Error>?
  private var ending: Result<Void, ClientError>?
  private var isStopped = false
  /// How messages with QoS 1 and 2 were taken.
  private(set) var settlements = Settlements()
  /// Whose messages they are.
  unowned let handler: ClientHandler

  init(_ handler: ClientHandler) {
    self.handler = handler
  }

  /// Resumes `waiter` with what there is as soon as there is something; with `nil` at the end.
  func next(_ waiter: CheckedContinuation<Burst?, any Error>) {
    self.waiter = waiter
    self.handOver()
  }

  /// Has the reader see the end of its task, now or the next time it would wait.
  func stop() {
    self.isStopped = true
    self.cancel()
  }

  /// Lets the waiting reader go.
  func cancel() {
    self.waiter?.resume(throwing: CancellationError())
    self.waiter = nil
  }

  /// Takes the complaints and leaves the messages.
  func takeWarnings() -> [ClientError] {
    defer { self.burst.warnings.removeAll() }
    return self.burst.warnings
  }

  private func handOver() {
    guard let waiter = self.waiter else { return }
    if !self.burst.messages.isEmpty || !self.burst.warnings.isEmpty {
      self.waiter = nil
      let burst = self.burst
      self.burst = Burst()
      if self.bytes > Self.bytesMax { self.handler.setPaused(false) }
      self.bytes = 0
      waiter.resume(returning: burst)
    } else if let ending = self.ending {
      self.waiter = nil
      switch ending {
      case .success: waiter.resume(returning: nil)
      case .failure(let error): waiter.resume(throwing: error)
      }
    } else if self.isStopped {
      self.cancel()
    }
  }

  func deliver(_ delivery: Delivery) {
    self.burst.messages.append(IncomingMessage(delivery))
    // The fields' own memory counts too.
    self.bytes += delivery.payload.count + delivery.metadata.count + 256
  }

  func burstEnded() {
    self.handOver()
    if self.bytes > Self.bytesMax { self.handler.setPaused(true) }
  }

  func roomMade() {}

  func settled(_ settlement: SessionEvent.Settlement) {
    switch settlement {
    case .accepted: break
    case .withoutReceiver: self.settlements.withoutReceiver += 1
    case .refused(let error):
      if self.settlements.refusals.count < 100 { self.settlements.refusals.append(error) }
    }
  }

  func warned(_ warning: ClientError) {
    if self.burst.warnings.count < 100 { self.burst.warnings.append(warning) }
  }

  func ended(_ error: ClientError?) {
    if let error { self.ending = .failure(error) } else { self.ending = .success(()) }
    self.handOver()
  }
}
