import NIOCore

/// Connects the clients of a measurement, has them play their parts, and adds up.
struct BenchRun: Sendable {
  /// What came out.
  struct Outcome: Sendable {
    /// What was measured.
    var plan: BenchPlan
    /// Of the publishers, or of those who ask.
    var publishers: BenchTally
    /// Of the subscribers.
    var subscribers: BenchTally
    /// Whether somebody pressed Ctrl-C.
    var wasInterrupted = false

    /// Messages that were expected and did not come.
    var lost: Int {
      switch self.plan.mode {
      case .pub: 0
      case .request: max(0, self.publishers.published - self.publishers.received)
      case .sub, .pubsub:
        self.wasInterrupted ? 0 : max(0, self.plan.deliveries - self.subscribers.received)
      }
    }
  }

  /// What to measure.
  var plan: BenchPlan
  /// How to connect.
  var configuration: ClientConfiguration
  /// Is told now and then how far it is: messages published and received.
  var progress: @Sendable (_ published: Int, _ received: Int) -> Void

  /// Connections that are made at the same time.
  private static let connectsMax = 32
  private static let pollMilliseconds = 50
  /// Without a message for so long, the rest is lost.
  private static let stallSeconds = 5.0

  /// Measures.
  func run() async throws -> Outcome {
    var subscribers: [Client] = []
    var publishers: [Client] = []
    do {
      if self.plan.mode != .pub {
        let count = self.plan.mode == .request ? self.responderCount : self.plan.subscribers
        subscribers = try await self.connect(count)
        try await self.prepareSubscribers(subscribers)
      }
      if self.plan.mode != .sub {
        publishers = try await self.connect(self.plan.publishers)
        try await self.preparePublishers(publishers)
      }
      let wasInterrupted = try await self.measure(publishers, subscribers)
      var outcome = Outcome(
        plan: self.plan, publishers: await Self.results(publishers),
        subscribers: await Self.results(subscribers))
      outcome.wasInterrupted = wasInterrupted
      await Self.close(publishers + subscribers)
      return outcome
    } catch {
      await Self.close(publishers + subscribers)
      throw error
    }
  }

  private var responderCount: Int { self.plan.hasResponder ? 1 : 0 }

  private func connect(_ count: Int) async throws -> [Client] {
    var clients: [Client] = []
    while clients.count < count {
      let size = min(Self.connectsMax, count - clients.count)
      clients += try await withThrowingTaskGroup(of: Client.self) { group in
        for index in 0..<size {
          var configuration = self.configuration
          configuration.name += "-\(UniqueName.make().prefix(6))\(clients.count + index)"
          group.addTask { [configuration] in try await Client.connect(configuration) }
        }
        var made: [Client] = []
        for try await client in group { made.append(client) }
        return made
      }
    }
    return clients
  }

  private func prepareSubscribers(_ clients: [Client]) async throws {
    let plan = self.plan
    let request = SubscriptionRequest(pattern: plan.topic, group: plan.group, qos: plan.qos)
    for client in clients {
      await client.play { handler, _ in
        if plan.mode == .request { return BenchResponder(handler) }
        return BenchSubscriber(plan: plan)
      }
      _ = try await client.subscribe(request)
    }
  }

  private func preparePublishers(_ clients: [Client]) async throws {
    let plan = self.plan
    for (number, client) in clients.enumerated() {
      guard plan.mode == .request else {
        await client.play { BenchPublisher($0, on: $1, plan: plan, number: number) }
        continue
      }
      let separator = await client.separator
      let inbox = await client.inbox(UniqueName.make()) + separator
      let wildcard = await client.language == .mqtt ? "+" : "*"
      await client.play {
        BenchRequester($0, on: $1, plan: plan, number: number, inbox: inbox)
      }
      _ = try await client.subscribe(SubscriptionRequest(pattern: inbox + wildcard))
    }
  }

  /// Starts everyone and waits for the end; true when somebody pressed Ctrl-C.
  private func measure(_ publishers: [Client], _ subscribers: [Client]) async throws -> Bool {
    for client in publishers { await client.startRole() }
    var published = 0
    var received = 0
    var quietSince = ContinuousClock.now
    while true {
      let (sending, publishersDone) = await Self.progress(publishers)
      let (receiving, _) = await Self.progress(subscribers)
      if let failure = sending.failure ?? receiving.failure { throw failure }
      let receivedNow = self.plan.mode == .request ? sending.received : receiving.received
      if sending.published != published || receivedNow != received {
        published = sending.published
        received = receivedNow
        quietSince = .now
        self.progress(published, received)
      }
      if publishersDone, received >= self.plan.deliveries { return false }
      let hasBegun = self.plan.mode != .sub || received > 0
      let quiet = quietSince.duration(to: .now) / .seconds(1)
      if hasBegun, quiet > Self.stallSeconds + (self.plan.rate.map { 1 / $0 } ?? 0) {
        return false
      }
      do {
        try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
      } catch {
        return true
      }
    }
  }

  private static func progress(_ clients: [Client]) async -> (BenchTally, isDone: Bool) {
    var sum = BenchTally()
    var isDone = true
    for client in clients {
      let (tally, clientIsDone) = await client.roleProgress()
      sum.add(tally)
      isDone = isDone && clientIsDone
    }
    return (sum, isDone)
  }

  private static func results(_ clients: [Client]) async -> BenchTally {
    var sum = BenchTally()
    for client in clients { sum.add(await client.roleResult()) }
    return sum
  }

  private static func close(_ clients: [Client]) async {
    await withTaskGroup(of: Void.self) { group in
      for client in clients { group.addTask { await client.close() } }
    }
  }
}
