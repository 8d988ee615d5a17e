import Godwit

extension Conformance {
  /// Starts, pauses and ends.
  static let endings: [Scenario] = [
    Scenario("a drain finishes what is at work") { stage in
      let topic = stage.topic("drained")
      let begun = Gathering<Int>()
      let go = Gathering<Void>()
      let done = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber, group: "drained") {
        begun.add($0.payload)
        _ = try await go.wait(for: 1)
        done.add($0.payload)
        return .ack
      }
      let kept = stage.capabilities.guarantee == .atLeastOnce
      try await subscription.start()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await subscription.run() }
        try await stage.publisher.publish(contentsOf: 0..<20, to: topic)
        _ = try await begun.wait(for: 1)
        subscription.stop()
        go.add(())
        try await group.waitForAll()
      }
      try expect(
        subscription.progress.settled, UInt64(done.values.count), "messages counted as settled")
      try expect(done.values, Array(0..<done.values.count), "messages worked on")
      guard kept else {
        // Nobody else would get them: what had arrived is worked on.
        return try expect(done.values.count, 20, "messages worked on")
      }
      let rest = Gathering<Int>()
      let successor = Subscription(to: topic, on: stage.subscriber, group: "drained") {
        rest.add($0.payload)
        return .ack
      }
      let left = 20 - done.values.count
      try await stage.running([successor]) { _ = try await rest.wait(for: left) }
      try expect(rest.values, Array(done.values.count..<20), "messages of the next member")
    },
    Scenario("a drain ends in time, whatever handlers do") { stage in
      let topic = stage.topic("stuck")
      let begun = Gathering<Int>()
      let subscription = Subscription(
        to: topic, on: stage.subscriber, options: .init(drainTimeout: .milliseconds(50))
      ) {
        begun.add($0.payload)
        try await Task.sleep(for: .seconds(600))
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(1, to: topic)
        _ = try await begun.wait(for: 1)
      }
      try expect(subscription.progress.settled, 0, "messages settled")
      try expect(subscription.progress.handedBack, 1, "messages handed back")
    },
    Scenario("a drain says what it hands back, and the broker has it") { stage in
      let topic = stage.topic("returned")
      let begun = Gathering<Int>()
      let go = Gathering<Void>()
      let witness = Gathering<Int>()
      let subscription = Subscription(
        to: topic, on: stage.subscriber, group: "returned", options: .init(prefetch: 8)
      ) {
        begun.add($0.payload)
        _ = try await go.wait(for: 1)
        return .ack
      }
      let other = Subscription(to: topic, on: stage.subscriber, id: "witness") {
        witness.add($0.payload)
        return .ack
      }
      try await stage.running([other]) {
        try await subscription.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await subscription.run() }
          try await stage.publisher.publish(contentsOf: 0..<20, to: topic)
          _ = try await begun.wait(for: 1)
          _ = try await witness.wait(for: 20)
          // Another connection may be a moment behind the witness's.
          while subscription.waitingCount < 7 { try await moment() }
          subscription.stop()
          go.add(())
          try await group.waitForAll()
        }
      }
      let progress = subscription.progress
      guard stage.capabilities.guarantee == .atLeastOnce else {
        try expect(progress.settled, 20, "messages settled")
        return try expect(progress.handedBack, 0, "messages handed back")
      }
      try expect(progress.settled, 1, "messages settled")
      try expect(progress.handedBack, 7, "messages handed back")
      let rest = Gathering<Int>()
      let attempts = Gathering<Int>()
      let successor = Subscription(to: topic, on: stage.subscriber, group: "returned") {
        attempts.add($0.attempt)
        rest.add($0.payload)
        return .ack
      }
      try await stage.running([successor]) { _ = try await rest.wait(for: 19) }
      try expect(rest.values, Array(1..<20), "messages of the next member")
      if stage.capabilities.redelivers {
        try expect(Set(attempts.values), [1], "attempts that the next member is told of")
      }
    },
    Scenario(
      "a drain hands back what waits for its next attempt",
      unless: { $0.capabilities.redelivers ? "it waits at the broker" : nil }
    ) { stage in
      let topic = stage.topic("waits")
      let begun = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        begun.add($0.payload)
        return $0.payload == 1 ? .retry(after: .seconds(600)) : .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(contentsOf: 1...2, to: topic)
        _ = try await begun.wait(for: 2)
      }
      // A broker that keeps nothing takes nothing back: there it is dead.
      let isKept = stage.capabilities.guarantee == .atLeastOnce
      try expect(subscription.progress.dead, isKept ? 0 : 1, "dead messages")
      try expect(subscription.progress.settled, isKept ? 1 : 2, "messages settled")
      try expect(subscription.progress.handedBack, isKept ? 1 : 0, "messages handed back")
    },
    Scenario("a paused subscription takes nothing, and goes on") { stage in
      let topic = stage.topic("paused")
      let seen = Gathering<Int>()
      let witness = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber, id: "paused") {
        seen.add($0.payload)
        return .ack
      }
      let other = Subscription(to: topic, on: stage.subscriber, id: "witness") {
        witness.add($0.payload)
        return .ack
      }
      try await stage.running([subscription, other]) {
        try await stage.publisher.publish(1, to: topic)
        _ = try await seen.wait(for: 1)
        await subscription.pause()
        // The answer to a request comes behind everything the client said before.
        await Self.settle(stage)
        try await stage.publisher.publish(2, to: topic)
        _ = try await witness.wait(for: 2)
        try expect(seen.values, [1], "messages while paused")
        await subscription.resume()
        await Self.settle(stage)
        try await stage.publisher.publish(3, to: topic)
        let kept = stage.capabilities.guarantee == .atLeastOnce
        let all = try await seen.wait(for: kept ? 3 : 2)
        try expect(all, kept ? [1, 2, 3] : [1, 3], "messages in all")
      }
    },
    Scenario("what a broker cannot promise is refused at start") { stage in
      let topic = stage.topic("promised")
      let subscription = Subscription(
        to: topic, on: stage.subscriber, options: .init(guarantee: .atLeastOnce)
      ) { _ in .ack }
      if stage.capabilities.guarantee == .atLeastOnce {
        return try await subscription.whileRunning {}
      }
      try await expectFailure(.unsupported, "a subscription that insists on at least once") {
        try await subscription.start()
      }
    },
    Scenario("after the end everything is refused") { stage in
      let topic = stage.topic("late")
      let subscription = Subscription(to: topic, on: stage.subscriber) { _ in .ack }
      stage.subscriber.driver.stop()
      for await state in stage.subscriber.states() {
        if case .closed = state { break }
      }
      try await expectFailure(.closed, "publishing after the end") {
        try await stage.subscriber.publish(1, to: topic)
      }
      try await expectFailure(.closed, "sending after the end") {
        try await stage.subscriber.send(1, to: topic)
      }
      try await expectFailure(.closed, "subscribing after the end") {
        try await subscription.start()
      }
    },
    Scenario(
      "the end of a client confirms what was sent before",
      unless: { $0.publisher === $0.subscriber ? "one client does everything" : nil }
    ) { stage in
      let topic = stage.topic("last")
      let seen = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        for number in 0..<200 { try await stage.publisher.send(number, to: topic) }
        stage.publisher.driver.stop()
        try expect(try await seen.wait(for: 200), Array(0..<200), "messages")
      }
    },
  ]

  /// Returns when the subscriber's broker has seen what the subscriber told it.
  private static func settle(_ stage: Stage) async {
    _ = try? await stage.subscriber.publish(0, to: stage.topic("settle"))
  }
}
