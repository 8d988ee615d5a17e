extension Subscription {
  /// One attempt at a batch: a result for each message.
  typealias BatchAttempt =
    @Sendable ([Message], [IncomingMessage]) async throws -> [Result<Outcome, any Error>]

  /// A subscription that works on the messages of a topic in batches.
  ///
  /// Each message is settled by itself: it has an outcome, attempts and a dead letter of its own.
  /// What the handler throws is the failure of every message in the batch. A message that cannot
  /// be decoded does not reach the handler, and does not hold the others back.
  ///
  /// - Parameters:
  ///   - group: whose members share the topic's messages; `nil`: this subscription gets them all.
  ///   - batch: how many messages are gathered, and for how long.
  ///   - options: `concurrency` is the number of batches at work. With `isOrderedByKey` a batch
  ///     holds whole keys: messages of one key are never in two batches at a time.
  ///   - handler: works on the messages of a batch, at least one.
  public convenience init<Payload: Sendable>(
    batchesOf topic: Topic<Payload>, on broker: Broker, group: String? = nil, id: String? = nil,
    batch: BatchOptions = .defaults, options: SubscriptionOptions = .defaults,
    handler: @escaping @Sendable ([Delivery<Payload>]) async throws -> BatchOutcome
  ) {
    self.init(
      batchesOf: TopicPattern(topic), on: broker, group: group, id: id, batch: batch,
      options: options, handler: handler)
  }

  /// A subscription that works in batches on every topic that a pattern matches.
  public convenience init<Payload: Sendable>(
    batchesOf pattern: TopicPattern<Payload>, on broker: Broker, group: String? = nil,
    id: String? = nil, batch: BatchOptions = .defaults, options: SubscriptionOptions = .defaults,
    handler: @escaping @Sendable ([Delivery<Payload>]) async throws -> BatchOutcome
  ) {
    let id = id ?? group ?? pattern.pattern
    self.init(
      kind: .consume, pattern: pattern.pattern, on: broker, group: group, id: id,
      options: options, batches: batch
    ) { messages, incoming in
      var results: [Result<Outcome, any Error>] = []
      var deliveries: [Delivery<Payload>] = []
      var places: [Int] = []
      for (message, incoming) in zip(messages, incoming) {
        do {
          let payload = try broker.payload(
            Payload.self, of: message, unlessSaid: pattern.contentType)
          places.append(results.count)
          deliveries.append(
            Delivery(
              payload: payload, message: message, attempt: incoming.attempt,
              offset: incoming.offset, subscription: id))
          results.append(.success(.ack))
        } catch {
          results.append(.failure(error))
        }
      }
      guard !deliveries.isEmpty else { return results }
      do {
        let outcomes = try await handler(deliveries).outcomes(deliveries.count)
        for (place, outcome) in zip(places, outcomes) { results[place] = .success(outcome) }
      } catch {
        for place in places { results[place] = .failure(error) }
      }
      return results
    }
  }
}

extension Subscription {
  /// Takes batches until the queue has ended.
  func takeBatches(
    _ options: BatchOptions, of queue: DeliveryQueue, later: AsyncStream<Wait>.Continuation,
    attempt: BatchAttempt
  ) async {
    while let first = await queue.next() {
      let batch = await Self.gather(options, from: queue, after: first)
      // A batch that was gathering when the end was asked for was not worked on: it goes back,
      // where it can.
      if self.drainRequested.isRaised, self.broker.capabilities.guarantee == .atLeastOnce {
        await self.release(batch)
        continue
      }
      self.note { $0.active += batch.count }
      await self.handle(batch, later: later, attempt: attempt)
      self.note { $0.active -= batch.count }
    }
  }

  /// More messages, until there are enough, the time is over, or the queue has ended.
  private static func gather(
    _ options: BatchOptions, from queue: DeliveryQueue, after first: IncomingMessage
  ) async -> [IncomingMessage] {
    guard options.size > 1 else { return [first] }
    return await withTaskGroup(of: [IncomingMessage]?.self) { group in
      group.addTask {
        var batch = [first]
        while batch.count < options.size, let next = await queue.next() { batch.append(next) }
        return batch
      }
      group.addTask {
        try? await Task.sleep(for: options.within.sleepable)
        return nil
      }
      var batch: [IncomingMessage] = []
      for await part in group {
        // Whichever is first ends the other; what was gathered by then comes with the first task.
        group.cancelAll()
        if let part { batch = part }
      }
      return batch
    }
  }

  /// Works on a batch until each message is settled, or waits somewhere for its next attempt.
  private func handle(
    _ batch: [IncomingMessage], later: AsyncStream<Wait>.Continuation, attempt: BatchAttempt
  ) async {
    var batch = batch
    while !batch.isEmpty {
      var again: [(incoming: IncomingMessage, reason: String)] = []
      var longest = Duration.zero
      for (incoming, step) in zip(batch, await self.steps(batch, attempt)) {
        guard let next = await self.conclude(incoming, step, later: later) else { continue }
        again.append((incoming, next.reason))
        longest = max(longest, next.delay)
      }
      guard !again.isEmpty else { return }
      guard await self.sleep(for: longest) else {
        for (incoming, reason) in again { await self.giveBack(incoming, reason) }
        return
      }
      batch = again.map { incoming, _ in
        var incoming = incoming
        incoming.attempt += 1
        return incoming
      }
    }
  }

  /// One attempt at a batch, and what follows for each message.
  private func steps(_ batch: [IncomingMessage], _ attempt: BatchAttempt) async -> [Step] {
    var results: [Result<Outcome, any Error>]
    do {
      let call = Call(
        kind: self.kind, system: self.broker.driver.system, messages: batch.map(\.message),
        subscription: self.id, attempt: batch.map(\.attempt).max() ?? 1, subscriber: self)
      results = try await self.broker.middleware.run(call) { call in
        let batch = call.kept.map { $0.map { batch[$0] } } ?? batch
        guard call.messages.count == batch.count else {
          throw GodwitError(.invalidArgument, "middleware changed the number of messages")
        }
        return try await attempt(call.messages, batch)
      }
      guard results.count == batch.count else {
        throw GodwitError(.invalidArgument, "middleware changed the number of outcomes")
      }
    } catch {
      results = batch.map { _ in .failure(error) }
    }
    var steps: [Step] = []
    for (incoming, result) in zip(batch, results) {
      steps.append(await self.follow(result, of: incoming))
    }
    return steps
  }
}
