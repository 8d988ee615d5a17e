import Godwit

extension Conformance {
  /// Requests and their answers.
  static let requests: [Scenario] = [
    Scenario("many requests are answered at once") { stage in
      let square = stage.topic("square")
      let service = Subscription(
        answering: square, on: stage.subscriber, options: .init(concurrency: 8)
      ) { $0.payload * $0.payload }
      try await stage.running([service]) {
        let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
          for number in 0..<100 {
            group.addTask {
              (
                number,
                try await stage.publisher.request(
                  number, to: square, expecting: Int.self, timeout: .seconds(25))
              )
            }
          }
          return try await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
        }
        try expect(
          answers, Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, $0 * $0) }), "answers")
      }
    },
    Scenario("a failure reaches the requester") { stage in
      let square = stage.topic("square")
      let service = Subscription(answering: square, on: stage.subscriber) { _ -> Int in
        throw GodwitError(.invalidArgument, "not that one")
      }
      try await stage.running([service]) {
        do {
          _ = try await stage.publisher.request(1, to: square, expecting: Int.self)
        } catch let error as GodwitError {
          try expect(error.code, .remoteFailure, "the requester's error")
          return try expect(error.message, "not that one", "the requester's sentence")
        }
        throw ConformanceFailure("an answer in place of a failure")
      }
    },
    Scenario(
      "nobody there is said at once",
      unless: { $0.capabilities.reportsNoResponders ? nil : "the broker does not say so" }
    ) { stage in
      try await expectFailure(.noResponders, "a request to nobody") {
        _ = try await stage.publisher.request(
          1, to: stage.topic("nobody"), expecting: Int.self, timeout: .seconds(60))
      }
    },
    Scenario("silence times out") { stage in
      let topic = stage.topic("silence")
      let mute = Subscription(to: topic, on: stage.subscriber) { _ in .ack }
      try await stage.running([mute]) {
        try await expectFailure(.timeout, "a request without answer") {
          _ = try await stage.publisher.request(
            1, to: topic, expecting: Int.self, timeout: .milliseconds(50))
        }
      }
    },
    Scenario(
      "one of a service's instances answers",
      unless: { $0.capabilities.hasGroups ? nil : "no groups" }
    ) { stage in
      let topic = stage.topic("instances")
      let calls = Gathering<Int>()
      let services = (0..<3).map { number in
        Subscription(answering: topic, on: stage.subscriber, id: "instance-\(number)") {
          calls.add($0.payload)
          return $0.payload
        }
      }
      try await stage.running(services) {
        for number in 0..<30 {
          let answer = try await stage.publisher.request(
            number, to: topic, expecting: Int.self, timeout: .seconds(25))
          try expect(answer, number, "an answer")
        }
      }
      try expect(calls.values, Array(0..<30), "calls")
    },
  ]
}
