import Godwit
import GodwitEmbedded
import NIOCore
import Testing

/// Dead letters and answers are parts of the operation that they end, not publishes of their own.
@Suite(.timeLimit(.minutes(1))) struct SettlingMiddlewareTests {
  /// Writes operations down, with what came of them, and marks what goes out.
  private struct Marking: Middleware {
    let seen: Collector<String>

    func intercept<Result: Sendable>(
      _ call: Call, next: @Sendable (Call) async throws -> Result
    ) async throws -> Result {
      var call = call
      if call.kind == .publish || call.kind == .request {
        for index in call.messages.indices { call.messages[index].headers["Mark"] = "1" }
      }
      do {
        let result = try await next(call)
        self.seen.add("\(call.kind) \(result is Outcome ? "\(result)" : "went well")")
        return result
      } catch {
        self.seen.add("\(call.kind) failed")
        throw error
      }
    }
  }

  @Test func aDeadLetterPassesNoMiddleware() async throws {
    let seen = Collector<String>()
    try await withEmbeddedBroker(middleware: [Marking(seen: seen)]) { broker in
      let letters = Collector<Message>()
      // A client of its own, so that what it does is not written down.
      let other = Broker(broker.driver)
      let undertaker = Subscription(to: Topic<Int>("dead-letter.jobs"), on: other) {
        letters.add($0.message)
        return .ack
      }
      let work = Subscription(to: Topic<Int>("jobs"), on: broker) { _ in .reject(reason: "no") }
      try await undertaker.whileRunning {
        try await work.whileRunning {
          try await broker.publish(1, to: Topic<Int>("jobs"))
          let letter = await letters.wait(for: 1)[0]
          // What the publish of the message was given travels on.
          #expect(letter.headers.values(named: "Mark") == ["1"])
        }
      }
      #expect(
        Set(seen.values) == ["publish went well", "consume \(Outcome.reject(reason: "no"))"])
      #expect(seen.values.count == 2)
    }
  }

  /// What cannot be written in the request's content type.
  private struct Unwritable: Sendable {}

  @Test func anAnswerIsPartOfItsReply() async throws {
    let seen = Collector<String>()
    try await withEmbeddedBroker(middleware: [Marking(seen: seen)]) { broker in
      let other = Broker(broker.driver)
      let good = Subscription(answering: Topic<Int>("good"), on: broker) { $0.payload + 1 }
      let bad = Subscription(answering: Topic<Int>("bad"), on: broker) { _ in Unwritable() }
      try await good.whileRunning {
        try await bad.whileRunning {
          let answer: Int = try await other.request(1, to: Topic<Int>("good"))
          #expect(answer == 2)
          do {
            let _: Int = try await other.request(1, to: Topic<Int>("bad"))
            Issue.record("an answer that cannot be written")
          } catch let error as GodwitError {
            #expect(error.code == .remoteFailure)
          }
        }
      }
      // The requester may have its answer before the reply is written down.
      #expect(seen.values.sorted() == ["reply \(Outcome.ack)", "reply failed"])
    }
  }
}
