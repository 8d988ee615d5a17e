import Godwit
import GodwitEmbedded
import Testing

@Suite(.timeLimit(.minutes(1))) struct EmbeddedRequestTests {
  struct Refusal: Error {}
  let square = Topic<Int>("math.square")

  @Test func manyRequestsOverOneInbox() async throws {
    try await withEmbeddedBroker { broker in
      let service = Subscription(answering: self.square, on: broker) { $0.payload * $0.payload }
      try await service.whileRunning {
        let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
          for number in 0..<200 {
            group.addTask { (number, try await broker.request(number, to: self.square)) }
          }
          return try await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
        }
        #expect(answers == Dictionary(uniqueKeysWithValues: (0..<200).map { ($0, $0 * $0) }))
      }
    }
  }

  @Test func nobodyThereIsSaidAtOnce() async throws {
    try await withEmbeddedBroker { broker in
      let code = await failureCode {
        _ = try await broker.request(
          1, to: self.square, expecting: Int.self, timeout: .seconds(60))
      }
      #expect(code == .noResponders)
    }
  }

  @Test func aFailureReachesTheRequester() async throws {
    try await withEmbeddedBroker { broker in
      let service = Subscription(answering: self.square, on: broker) { delivery -> Int in
        if delivery.payload == 1 { throw GodwitError(.invalidArgument, "not one") }
        throw Refusal()
      }
      try await service.whileRunning {
        for (number, sentence) in [(1, "not one"), (2, "Refusal")] {
          do throws(GodwitError) {
            let answer = try await broker.request(number, to: self.square, expecting: Int.self)
            Issue.record("an answer: \(answer)")
          } catch {
            #expect(error.code == .remoteFailure)
            #expect(error.message == sentence)
          }
        }
      }
    }
  }

  @Test func silenceTimesOut() async throws {
    try await withEmbeddedBroker { broker in
      let mute = Subscription(to: self.square, on: broker) { _ in .ack }
      try await mute.whileRunning {
        let code = await failureCode {
          _ = try await broker.request(
            1, to: self.square, expecting: Int.self, timeout: .milliseconds(10))
        }
        #expect(code == .timeout)
      }
    }
  }
}
