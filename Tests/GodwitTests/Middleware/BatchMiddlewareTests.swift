import NIOCore
import Testing

@testable import Godwit

@Suite(.timeLimit(.minutes(1))) struct BatchMiddlewareTests {
  typealias Outcomes = [Result<Outcome, any Error>]

  private func batch(_ ids: [String], bodies: [String]? = nil) -> Call {
    call(
      .consume,
      ids.enumerated().map { place, id in
        Message(topic: "t", body: ByteBuffer(string: bodies?[place] ?? ""), id: id)
      })
  }

  private func described(_ outcomes: Outcomes) -> [String] {
    outcomes.map { outcome in
      switch outcome {
      case .success(let outcome): "\(outcome)"
      case .failure(let error): "\(error)"
      }
    }
  }

  @Test func copiesAreLeftOutAndTheRestKeepsItsPlaces() async throws {
    let middleware = IdempotencyMiddleware()
    func handle(_ ids: [String]) async throws -> (seen: [String], kept: [Int]?, said: [String]) {
      let seen = Tally<(ids: [String], kept: [Int]?)>()
      let outcomes = try await middleware.intercept(self.batch(ids)) { call -> Outcomes in
        seen.add((call.messages.map(\.id), call.kept))
        return call.messages.map {
          $0.id == "bad"
            ? .failure(Failure()) : $0.id == "later" ? .success(.retry()) : .success(.ack)
        }
      }
      return (seen.values.first?.ids ?? [], seen.values.first?.kept, self.described(outcomes))
    }
    let first = try await handle(["a", "bad", "later", "a"])
    #expect(first.seen == ["a", "bad", "later"])
    #expect(first.kept == [0, 1, 2])
    #expect(first.said == ["ack", "Failure()", "retry(after: nil)", "ack"])
    let second = try await handle(["x", "a", "bad", "x", "later"])
    #expect(second.seen == ["x", "bad", "later"])
    #expect(second.kept == [0, 2, 4])
    #expect(second.said == ["ack", "ack", "Failure()", "ack", "retry(after: nil)"])
    let third = try await handle(["a", "x"])
    #expect(third.seen == [])
    #expect(third.said == ["ack", "ack"])
  }

  @Test func oneRefusedValueDoesNotHoldBackTheOthers() async throws {
    let middleware = ValidationMiddleware(Topic<Int>("t")) { if $0 < 0 { throw Failure() } }
    let given = self.batch(["a", "b", "c"], bodies: ["1", "-1", "2"])
    let outcomes = try await middleware.intercept(given) { call -> Outcomes in
      #expect(call.messages.map(\.id) == ["a", "c"])
      return [.success(.ack), .success(.drop)]
    }
    #expect(self.described(outcomes) == ["ack", #"reject(reason: "Failure()")"#, "drop"])
  }

  @Test func recoveryAndBreakerSeeEachMessage() async throws {
    let recovery = RecoveryMiddleware { error, _ in error is Failure ? .drop : nil }
    let outcomes = try await recovery.intercept(self.batch(["a", "b", "c"])) { _ -> Outcomes in
      [.success(.ack), .failure(Failure()), .failure(GodwitError(.closed, "x"))]
    }
    #expect(self.described(outcomes) == ["ack", "drop", "closed: x"])
    #expect(MessagingAttributes.errorType(ofResult: outcomes) == "closed")
    let breaker = CircuitBreakerMiddleware(failuresMax: 1, window: 1, clock: ManualClock())
    _ = try await breaker.intercept(self.batch(["a", "b"])) { _ -> Outcomes in
      [.success(.ack), .failure(Failure())]
    }
    #expect(breaker.openCircuits == ["consume"])
  }

  @Test func placesAreThoseOfTheWholeBatch() {
    var batch = self.batch(["a", "b", "c", "d"])
    batch.keep([1, 2, 3])
    batch.keep([0, 2])
    #expect(batch.messages.map(\.id) == ["b", "d"])
    #expect(batch.kept == [1, 3])
  }
}
