import NIOCore
import Testing

@testable import Godwit

/// A call as a publish or a handler makes it.
func call(
  _ kind: Call.Kind = .consume, _ messages: [Message] = [Message(topic: "t", body: ByteBuffer())],
  subscription: String? = nil
) -> Call {
  Call(kind: kind, system: "test", messages: messages, subscription: subscription)
}

struct Failure: Error {}

@Suite(.timeLimit(.minutes(1))) struct AdmissionTests {
  private let clock = ManualClock()

  @Test func aBucketGivesOutTurns() async throws {
    let limit = RateLimitMiddleware(
      perSecond: 10, burst: 2, policy: .wait(max: .milliseconds(150)), clock: self.clock)
    for _ in 0..<2 { #expect(try await limit.intercept(call()) { _ in 1 } == 1) }
    async let third = limit.intercept(call()) { _ in self.clock.now.offset }
    await self.clock.waitForSleepers()
    await #expect(throws: GodwitError.self) { try await limit.intercept(call()) { _ in 1 } }
    self.clock.advance(by: .milliseconds(100))
    #expect(try await third == .milliseconds(100))
  }

  @Test func whoIsRefusedIsToldAtOnce() async throws {
    let limit = RateLimitMiddleware(perSecond: 1, burst: 1, policy: .refuse, clock: self.clock)
    #expect(try await limit.intercept(call(.publish)) { _ in 1 } == 1)
    #expect(await code { try await limit.intercept(call(.publish)) { _ in 1 } } == .overloaded)
    self.clock.advance(by: .seconds(1))
    #expect(try await limit.intercept(call(.publish)) { _ in 1 } == 1)
  }

  @Test func whoIsCancelledGivesTheTurnBack() async throws {
    let limit = RateLimitMiddleware(perSecond: 1, burst: 1, clock: self.clock)
    _ = try await limit.intercept(call()) { _ in 1 }
    await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask { try await limit.intercept(call()) { _ in 1 } }
      await self.clock.waitForSleepers()
      group.cancelAll()
      await #expect(throws: CancellationError.self) { try await group.next() }
    }
    self.clock.advance(by: .seconds(1))
    #expect(try await limit.intercept(call()) { _ in 1 } == 1)
  }

  @Test func aDeadlineCancelsAndSaysSo() async throws {
    let timeout = TimeoutMiddleware(.seconds(2), clock: self.clock)
    #expect(try await timeout.intercept(call()) { _ in 7 } == 7)
    await #expect(throws: Failure.self) {
      try await timeout.intercept(call()) { _ -> Int in throw Failure() }
    }
    let handler = ManualClock()
    async let result = code {
      try await timeout.intercept(call()) { _ in try await handler.sleep(for: .seconds(9)) }
    }
    await handler.waitForSleepers()
    await self.clock.waitForSleepers()
    self.clock.advance(by: .seconds(2))
    #expect(await result == .timeout)
  }

  @Test func whatSucceedsAllTheSameHasSucceeded() async throws {
    let timeout = TimeoutMiddleware(.seconds(2), clock: self.clock)
    let handler = ManualClock()
    async let result = timeout.intercept(call()) { _ in
      try? await handler.sleep(for: .seconds(9))
      return 7
    }
    await handler.waitForSleepers()
    await self.clock.waitForSleepers()
    self.clock.advance(by: .seconds(2))
    #expect(try await result == 7)
  }

  @Test func aCircuitOpensAndTriesOneByOne() async throws {
    let breaker = CircuitBreakerMiddleware(
      failuresMax: 2, window: 3, openTime: .seconds(5), clock: self.clock)
    func fail() async -> GodwitError.Code? {
      await code { try await breaker.intercept(call(.publish)) { _ -> Int in throw Failure() } }
    }
    func succeed() async -> GodwitError.Code? {
      await code { try await breaker.intercept(call(.publish)) { _ in 1 } }
    }
    // Two failures that are three operations apart do not open it.
    #expect(await fail() == nil)
    for _ in 0..<2 { #expect(await succeed() == nil) }
    #expect(await fail() == nil)
    #expect(breaker.openCircuits == [])
    #expect(await fail() == nil)
    #expect(breaker.openCircuits == ["publish"])
    #expect(await succeed() == .overloaded)
    // Half open: the probe fails.
    self.clock.advance(by: .seconds(5))
    #expect(await fail() == nil)
    #expect(await succeed() == .overloaded)
    self.clock.advance(by: .seconds(5))
    #expect(await succeed() == nil)
    #expect(breaker.openCircuits == [])
    #expect(await fail() == nil)
    #expect(breaker.openCircuits == [])
  }

  @Test func consumptionsWaitForTheOneThatIsTried() async throws {
    let breaker = CircuitBreakerMiddleware(
      failuresMax: 1, window: 1, openTime: .seconds(5), clock: self.clock)
    let tried = Tally<String>()
    @Sendable func attempt(_ id: String) async throws -> Outcome {
      try await breaker.intercept(call(.consume, subscription: "s")) { _ in
        tried.add(id)
        return id == "a" ? .retry() : .ack
      }
    }
    #expect(try await attempt("a") == .retry())
    #expect(breaker.openCircuits == ["s"])
    #expect(try await breaker.intercept(call(.consume, subscription: "other")) { _ in 1 } == 1)
    async let second = attempt("b")
    async let third = attempt("c")
    await self.clock.waitForSleepers(2)
    #expect(tried.values == ["a"])
    self.clock.advance(by: .seconds(5))
    #expect(try await second == .ack)
    #expect(try await third == .ack)
    #expect(breaker.openCircuits == [])
  }

  @Test func errorsAboutOneMessageDoNotCount() async {
    let breaker = CircuitBreakerMiddleware(failuresMax: 1, window: 1, clock: self.clock)
    _ = await code {
      try await breaker.intercept(call()) { _ -> Int in throw GodwitError(.decodingFailed, "") }
    }
    #expect(breaker.openCircuits == [])
  }

  private func code(_ body: () async throws -> some Any) async -> GodwitError.Code? {
    do {
      _ = try await body()
      return nil
    } catch {
      return (error as? GodwitError)?.code
    }
  }
}
