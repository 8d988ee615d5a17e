import Synchronization

/// Where a broker's requests wait for their answers: one subscription for all of them.
final class ReplyInbox: Sendable {
  private enum State {
    /// The request is on its way; nobody waits yet.
    case expected
    case waiting(CheckedContinuation<Message, any Error>)
    /// The answer was there before anybody waited.
    case answered(Result<Message, GodwitError>)
  }

  private struct Slot {
    var state: State
    var deadline: ContinuousClock.Instant
    var timeout: Duration
  }

  private struct Inner {
    /// By the topic that the answer goes to.
    var slots: [String: Slot] = [:]
    /// When somebody looks after the deadlines next.
    var nextLook: ContinuousClock.Instant?
  }

  private let inner = Mutex(Inner())
  private let opening = AsyncOnce()
  private let clock = ContinuousClock()
  /// What the topics of all answers begin with.
  let prefix = "_INBOX.\(Message.makeID())"

  /// Subscribes, the first time.
  func open(on driver: any Driver) async throws(GodwitError) {
    try await self.opening.run { () async throws(GodwitError) in
      let queue = DeliveryQueue { [weak self] incoming in self?.take(incoming) }
      // Ends with the driver: the inbox is needed as long as the broker.
      _ = try await driver.subscribe(
        SubscriptionRequest(
          pattern: "\(self.prefix).*", group: nil, id: self.prefix, prefetch: .max,
          isSettled: false),
        into: queue)
    }
  }

  /// Sends a request and waits for its answer.
  func answer(
    to request: Message, on driver: any Driver, within timeout: Duration
  ) async throws -> Message {
    var request = request
    let replyTo = "\(self.prefix).\(Message.makeID())"
    request.replyTo = replyTo
    request.correlationID = request.correlationID ?? request.id
    self.expect(replyTo, within: timeout)
    defer { self.forget(replyTo) }
    let posted = try driver.post(request) { [weak self] error in
      self?.settle(replyTo, .failure(error))
    }
    guard let posted else {
      return try await self.publish(request, replyTo, on: driver)
    }
    do {
      return try await self.wait(for: replyTo)
    } catch {
      posted.withdraw()
      throw error
    }
  }

  /// The way of drivers that publish a request like everything else: publishing has an end of its
  /// own, and is part of what the deadline is for.
  private func publish(
    _ request: Message, _ replyTo: String, on driver: any Driver
  ) async throws -> Message {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          let receipt = try await driver.publish([request]).first
          guard receipt?.receivers == 0 else { return }
          self.settle(
            replyTo,
            .failure(GodwitError(.noResponders, "nobody answers on '\(request.topic)'")))
        } catch let error as GodwitError {
          self.settle(replyTo, .failure(error))
        }
      }
      defer { group.cancelAll() }
      return try await self.wait(for: replyTo)
    }
  }

  private func expect(_ replyTo: String, within timeout: Duration) {
    let deadline = self.clock.now + timeout.sleepable
    let mustLook = self.inner.withLock { inner in
      inner.slots[replyTo] = Slot(state: .expected, deadline: deadline, timeout: timeout)
      guard inner.nextLook.map({ deadline < $0 }) ?? true else { return false }
      inner.nextLook = deadline
      return true
    }
    if mustLook { self.look(at: deadline) }
  }

  private func forget(_ replyTo: String) {
    self.inner.withLock { _ = $0.slots.removeValue(forKey: replyTo) }
  }

  private func wait(for replyTo: String) async throws -> Message {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Message, any Error>? = self.inner.withLock { inner in
          guard let slot = inner.slots[replyTo] else { return .failure(CancellationError()) }
          if case .answered(let answer) = slot.state { return answer.mapError { $0 } }
          if Task.isCancelled { return .failure(CancellationError()) }
          inner.slots[replyTo]?.state = .waiting(continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let slot = self.inner.withLock { $0.slots.removeValue(forKey: replyTo) }
      if case .waiting(let continuation) = slot?.state {
        continuation.resume(throwing: CancellationError())
      }
    }
  }

  /// Gives an answer to whom it is for. Late and second answers have nobody.
  private func take(_ incoming: IncomingMessage) {
    self.settle(
      incoming.message.topic, incoming.failure.map(Result.failure) ?? .success(incoming.message))
  }

  private func settle(_ replyTo: String, _ answer: Result<Message, GodwitError>) {
    let waiting = self.inner.withLock { inner -> CheckedContinuation<Message, any Error>? in
      switch inner.slots[replyTo]?.state {
      case .waiting(let continuation):
        inner.slots[replyTo] = nil
        return continuation
      case .expected:
        inner.slots[replyTo]?.state = .answered(answer)
        return nil
      case .answered, nil: return nil
      }
    }
    waiting?.resume(with: answer.mapError { $0 })
  }

  /// Ends the requests whose time is over, and has somebody look again while there are others.
  func expire(at look: ContinuousClock.Instant) {
    let (late, next) = self.inner.withLock { inner in
      // A later deadline's look was overtaken by an earlier one's.
      guard inner.nextLook == look else { return ([:], nil) as ([String: Slot], Instant?) }
      let now = self.clock.now
      let late = inner.slots.filter { $0.value.deadline <= now }
      inner.nextLook = inner.slots.values.lazy.map(\.deadline).filter { $0 > now }.min()
      return (late, inner.nextLook)
    }
    for (replyTo, slot) in late {
      self.settle(
        replyTo, .failure(GodwitError(.timeout, "no answer within \(slot.timeout)")))
    }
    if let next { self.look(at: next) }
  }

  private typealias Instant = ContinuousClock.Instant
}
