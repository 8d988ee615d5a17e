import Logging
import ServiceLifecycle

extension Subscription {
  /// A message that waits in this process for its next attempt, since the broker cannot keep it.
  struct Wait {
    var incoming: IncomingMessage
    var again: Again
  }

  /// Another attempt that is to come.
  struct Again {
    var delay: Duration
    /// Why the one before was not the last.
    var reason: String
  }

  /// What follows from an attempt.
  enum Step {
    /// The message is done with.
    case settle
    case retry(Again)
    /// It was not handled; it goes back.
    case release
  }

  /// Works on messages until `stop`, a graceful shutdown or the task's cancellation, then drains:
  /// no more messages, those at work are finished, the rest goes back to the broker.
  ///
  /// - Throws: what `start` throws.
  public func run() async throws {
    defer { self.whenEnded() }
    try await self.start()
    await withTaskCancellationOrGracefulShutdownHandler {
      await self.work()
    } onCancelOrGracefulShutdown: {
      self.stop()
    }
    await self.release(self.queue.finish())
    await self.driverSubscription?.cancel()
    let handedBack = self.progress.handedBack
    self.broker.logger.log(
      level: handedBack > 0 ? .notice : .debug, "drained",
      metadata: ["subscription": "\(self.id)", "handed_back": "\(handedBack)"])
  }

  /// Runs the subscription while `body` runs, and drains it after. For tests and scripts.
  ///
  /// - Throws: what `start` and `body` throw; `closed` when it has run before.
  @discardableResult
  public func whileRunning<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard !self.drainRequested.isRaised else {
      throw GodwitError(.closed, "the subscription has ended; another one is needed to go on")
    }
    try await self.start()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.run() }
      let result = try await body()
      self.stop()
      try await group.waitForAll()
      return result
    }
  }

  /// Runs the workers until the queue has ended and they are done, or the drain took too long.
  private func work() async {
    let (waits, later) = AsyncStream.makeStream(of: Wait.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await self.wait(waits) }
          group.addTask { await self.takeRests() }
          await self.runLanes(later: later)
          group.cancelAll()
        }
      }
      group.addTask {
        await self.drainRequested.wait()
        if self.broker.capabilities.guarantee == .atMostOnce {
          await self.driverSubscription?.drain()
        } else {
          await self.release(self.queue.finish())
          self.whenEnded()
        }
        try? await Task.sleep(for: self.options.drainTimeout.sleepable)
      }
      await group.next()
      group.cancelAll()
    }
  }

  /// The workers: each takes from the one queue, or, in order, each has the keys of its lane.
  private func runLanes(later: AsyncStream<Wait>.Continuation) async {
    let isOrdered = self.options.isOrderedByKey && self.options.concurrency > 1
    let lanes = isOrdered ? (0..<self.options.concurrency).map { _ in DeliveryQueue() } : []
    await withDiscardingTaskGroup { group in
      guard isOrdered else {
        for _ in 0..<self.options.concurrency {
          group.addTask { await self.takeAll(of: self.queue, later: later) }
        }
        return
      }
      for lane in lanes {
        group.addTask { await self.takeAll(of: lane, later: later) }
      }
      while let incoming = await self.queue.next() {
        var hasher = Hasher()
        hasher.combine(incoming.message.key ?? incoming.message.topic)
        let lane = Int(UInt(bitPattern: hasher.finalize()) % UInt(lanes.count))
        lanes[lane].offer([incoming])
      }
      guard self.broker.capabilities.guarantee == .atMostOnce else {
        for lane in lanes { await self.release(lane.finish()) }
        return
      }
      for lane in lanes { lane.close() }
    }
    for lane in lanes { await self.release(lane.finish()) }
  }

  private func takeAll(of queue: DeliveryQueue, later: AsyncStream<Wait>.Continuation) async {
    let attempt: Attempt
    switch self.handling {
    case .each(let each): attempt = each
    case .batches(let options, let batch):
      return await self.takeBatches(options, of: queue, later: later, attempt: batch)
    }
    let keeps = self.broker.capabilities.guarantee == .atLeastOnce
    while let incoming = await queue.next() {
      if keeps, self.drainRequested.isRaised {
        await self.release([incoming])
        continue
      }
      self.note { $0.active += 1 }
      await self.handle(incoming, later: later, attempt: attempt)
      self.note { $0.active -= 1 }
    }
  }

  /// Works on one message until it is settled, or waits somewhere for its next attempt.
  private func handle(
    _ incoming: IncomingMessage, later: AsyncStream<Wait>.Continuation, attempt: Attempt
  ) async {
    var incoming = incoming
    while true {
      let step = await self.step(incoming, attempt)
      guard let again = await self.conclude(incoming, step, later: later) else { return }
      guard await self.sleep(for: again.delay) else {
        return await self.giveBack(incoming, again.reason)
      }
      incoming.attempt += 1
    }
  }

  /// Does what follows from an attempt.
  ///
  /// - Returns: when the message is to be tried again by who asks; `nil` when it is done with, or
  ///   waits elsewhere.
  func conclude(
    _ incoming: IncomingMessage, _ step: Step, later: AsyncStream<Wait>.Continuation
  ) async -> Again? {
    switch step {
    case .settle:
      await self.driverSubscription?.settle(incoming.token, .acknowledge)
      self.note { $0.settled += 1 }
    case .release:
      await self.release([incoming])
    case .retry(let again):
      self.note { $0.retried += 1 }
      if self.options.isOrderedByKey { return again }
      if self.broker.capabilities.redelivers {
        await self.driverSubscription?.settle(incoming.token, .retry(after: again.delay))
      } else if case .terminated = later.yield(Wait(incoming: incoming, again: again)) {
        // Nobody keeps messages any more.
        await self.giveBack(incoming, again.reason)
      }
    }
    return nil
  }

  /// One attempt at a message, and what follows from its outcome.
  private func step(_ incoming: IncomingMessage, _ attempt: Attempt) async -> Step {
    let result: Result<Outcome, any Error>
    do {
      if self.broker.middleware.isEmpty {
        let outcome = try await attempt(incoming.message, incoming, incoming.attempt)
        return await self.follow(.success(outcome), of: incoming)
      }
      let call = Call(
        kind: self.kind, system: self.broker.driver.system, messages: [incoming.message],
        subscription: self.id, attempt: incoming.attempt, subscriber: self)
      let outcome = try await self.broker.middleware.run(call) { call in
        guard let message = call.messages.first else { return Outcome.drop }
        return try await attempt(message, incoming, incoming.attempt)
      }
      result = .success(outcome)
    } catch {
      result = .failure(error)
    }
    return await self.follow(result, of: incoming)
  }

  /// What follows from the outcome of an attempt.
  func follow(_ result: Result<Outcome, any Error>, of incoming: IncomingMessage) async -> Step {
    let policy = self.options.retry
    var reason = "a handler asked for another attempt"
    let outcome: Outcome
    switch result {
    case .success(let said): outcome = said
    case .failure(let error):
      if Task.isCancelled || error is NotBegun { return .release }
      if let refuse = self.refuse {
        await refuse(error, incoming.message)
        return .settle
      }
      reason = "\(error)"
      guard policy.isRetriable(error) else { return await self.bury(incoming, reason: reason) }
      outcome = .retry()
    }
    switch outcome {
    case .ack, .drop: return .settle
    case .reject(let reason):
      if let refuse = self.refuse {
        await refuse(GodwitError(.invalidArgument, reason), incoming.message)
        return .settle
      }
      return await self.bury(incoming, reason: reason)
    case .retry(let delay):
      guard incoming.attempt < policy.attemptsMax else {
        return await self.bury(incoming, reason: reason)
      }
      return .retry(
        Again(
          delay: delay ?? policy.backoff.delay(afterAttempts: incoming.attempt), reason: reason))
    }
  }

  /// Publishes the dead letter of a message, and only then is the message done with. If that
  /// fails, the message is tried again: it is never lost on the way.
  func bury(_ incoming: IncomingMessage, reason: String) async -> Step {
    let message = incoming.message
    let metadata: Logger.Metadata = [
      "subscription": "\(self.id)", "messaging.destination.name": "\(message.topic)",
      "messaging.message.id": "\(message.id)", "attempts": "\(incoming.attempt)",
    ]
    guard let destination = self.options.deadLetters.destination(of: message.topic) else {
      self.broker.logger.error("a message is given up: \(reason)", metadata: metadata)
      self.note { $0.dead += 1 }
      return .settle
    }
    let letter = DeadLetters.letter(
      of: message, to: destination, reason: reason, attempts: incoming.attempt,
      subscription: self.id)
    do throws(GodwitError) {
      try await self.publish(letter)
    } catch {
      self.broker.logger.error("no dead letter could be published: \(error)", metadata: metadata)
      // Where the broker keeps nothing, one that never can be would only be in the way of others.
      guard self.broker.capabilities.guarantee == .atMostOnce, !error.isRetriable,
        ![.cancelled, .closed].contains(error.code)
      else {
        return .retry(
          Again(
            delay: self.options.retry.backoff.delay(afterAttempts: incoming.attempt),
            reason: reason))
      }
      self.broker.logger.error("a message is given up: \(reason)", metadata: metadata)
      self.note { $0.dead += 1 }
      return .settle
    }
    self.broker.logger.warning("a message is dead: \(reason)", metadata: metadata)
    self.note { $0.dead += 1 }
    return .settle
  }

  /// Publishes a dead letter; what of it the broker does not take is left out.
  private func publish(_ letter: Message) async throws(GodwitError) {
    var letter = letter
    while true {
      do throws(GodwitError) {
        try await self.broker.driver.publish([letter])
        return
      } catch {
        guard let less = DeadLetters.reduced(letter, refusedWith: error) else { throw error }
        letter = less
      }
    }
  }

  /// Hands messages that were not handled back to the broker.
  func release(_ messages: [IncomingMessage]) async {
    for message in messages {
      await self.driverSubscription?.settle(message.token, .release)
    }
    self.note { $0.handedBack += messages.count }
  }

  /// Hands a message back that was waiting for its next attempt. A broker that keeps nothing does
  /// not take it: there it is dead.
  func giveBack(_ incoming: IncomingMessage, _ reason: String) async {
    guard self.broker.capabilities.guarantee == .atMostOnce else {
      return await self.release([incoming])
    }
    let step = await self.buryToTheEnd(
      incoming, reason: "stopped before another attempt: \(reason)")
    guard case .settle = step else { return await self.release([incoming]) }
    await self.driverSubscription?.settle(incoming.token, .acknowledge)
    self.note { $0.settled += 1 }
  }

  /// Keeps messages in this process until their next attempt.
  private func wait(_ waits: AsyncStream<Wait>) async {
    await withDiscardingTaskGroup { group in
      for await wait in waits {
        group.addTask {
          var incoming = wait.incoming
          incoming.attempt += 1
          guard await self.sleep(for: wait.again.delay), self.queue.offer([incoming]) else {
            return await self.giveBack(wait.incoming, wait.again.reason)
          }
        }
      }
    }
  }

  /// Sleeps, but not beyond a drain.
  ///
  /// - Returns: whether it slept all of it.
  func sleep(for delay: Duration) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do {
          try await Task.sleep(for: delay.sleepable)
          return true
        } catch {
          return false
        }
      }
      group.addTask {
        await self.drainRequested.wait()
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }
}
