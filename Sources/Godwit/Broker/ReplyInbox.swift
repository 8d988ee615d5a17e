import Synchronization

/// Where a broker's requests wait for their answers: one subscription for all of them.
final class ReplyInbox: Sendable {
  private enum Slot {
    /// The request is on its way; nobody waits yet.
    case expected
    case waiting(CheckedContinuation<Message, any Error>)
    /// The answer was there before anybody waited.
    case answered(Result<Message, GodwitError>)
  }

  private let slots = Mutex<[String: Slot]>([:])
  private let opening = AsyncOnce()
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
  ///
  /// - Parameter send: sends it, with the topic that the answer is to go to.
  func answer(
    within timeout: Duration, send: @escaping @Sendable (String) async throws -> Void
  ) async throws -> Message {
    let token = Message.makeID()
    self.slots.withLock { $0[token] = .expected }
    defer { _ = self.slots.withLock { $0.removeValue(forKey: token) } }
    return try await withThrowingTaskGroup(of: Message.self) { group in
      group.addTask {
        try await send("\(self.prefix).\(token)")
        return try await self.wait(for: token)
      }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw GodwitError(.timeout, "no answer within \(timeout)")
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }

  private func wait(for token: String) async throws -> Message {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Message, any Error>? = self.slots.withLock { slots in
          if case .answered(let answer) = slots[token] { return answer.mapError { $0 } }
          if Task.isCancelled { return .failure(CancellationError()) }
          slots[token] = .waiting(continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let slot = self.slots.withLock { $0.removeValue(forKey: token) }
      if case .waiting(let continuation) = slot {
        continuation.resume(throwing: CancellationError())
      }
    }
  }

  /// Gives an answer to whom it is for. Late and second answers have nobody.
  private func take(_ incoming: IncomingMessage) {
    let token = String(incoming.message.topic.dropFirst(self.prefix.count + 1))
    let answer = incoming.failure.map(Result.failure) ?? .success(incoming.message)
    let waiting = self.slots.withLock { slots -> CheckedContinuation<Message, any Error>? in
      switch slots[token] {
      case .waiting(let continuation):
        slots[token] = nil
        return continuation
      case .expected:
        slots[token] = .answered(answer)
        return nil
      case .answered, nil: return nil
      }
    }
    waiting?.resume(with: answer.mapError { $0 })
  }
}
