import Logging
import NIOCore
import Testing

@testable import Godwit

@Suite(.timeLimit(.minutes(1))) struct MiddlewareTests {
  private struct Named: Middleware {
    let name: String
    let phase: MiddlewarePhase

    func intercept<Result: Sendable>(
      _ call: Call, next: @Sendable (Call) async throws -> Result
    ) async throws -> Result {
      var call = call
      for index in call.messages.indices { call.messages[index].headers.append("by", self.name) }
      return try await next(call)
    }
  }

  @Test func phasesAreInOrderWhateverWasGiven() async throws {
    let given: [any Middleware] = [
      Named(name: "own1", phase: .application), Named(name: "deadline", phase: .deadline),
      Named(name: "log", phase: .observation), Named(name: "own2", phase: .application),
      Named(name: "limit", phase: .admission).on(.consume),
      Named(name: "trace", phase: .observation),
      Named(name: "never", phase: .metadata).on(.publish),
    ]
    let seen = try await given.inPhases().run(call()) { $0.messages[0].headers.map(\.value) }
    #expect(seen == ["log", "trace", "limit", "deadline", "own1", "own2"])
    #expect(MiddlewarePhase.allCases == MiddlewarePhase.allCases.sorted())
  }

  @Test func recoveryNamesTheOutcome() async throws {
    let recovery = RecoveryMiddleware { error, _ in error is Failure ? .drop : nil }
    #expect(
      try await recovery.intercept(call()) { _ -> Outcome in throw Failure() } == .drop)
    await #expect(throws: GodwitError.self) {
      try await recovery.intercept(call()) { _ -> Outcome in throw GodwitError(.closed, "") }
    }
    await #expect(throws: Failure.self) {
      try await recovery.intercept(call(.publish)) { _ -> Outcome in throw Failure() }
    }
  }

  private func message(_ id: String) -> Message {
    var message = Message(topic: "t", body: ByteBuffer())
    message.id = id
    return message
  }

  @Test func onlyWhatWasCompletedIsLeftOut() async throws {
    let middleware = IdempotencyMiddleware(store: MemoryIdempotencyStore())
    let count = Tally<Int>()
    func handle(_ id: String, _ outcome: Outcome, _ subscription: String = "s") async throws
      -> Outcome
    {
      try await middleware.intercept(
        call(.consume, [self.message(id)], subscription: subscription)
      ) { _ in
        count.add(1)
        return outcome
      }
    }
    #expect(try await handle("a", .retry()) == .retry())
    #expect(try await handle("a", .reject(reason: "")) == .reject(reason: ""))
    #expect(try await handle("a", .ack) == .ack)
    #expect(count.values.count == 3)
    #expect(try await handle("a", .retry()) == .ack)
    #expect(count.values.count == 3)
    #expect(try await handle("a", .drop, "another") == .drop)
    #expect(try await handle("", .ack) == .ack)
    #expect(try await handle("", .drop) == .drop)
    #expect(count.values.count == 6)
  }

  @Test func aCopyWaitsForTheFirst() async throws {
    let middleware = IdempotencyMiddleware()
    let clock = ManualClock()
    let count = Tally<Int>()
    let one = call(.consume, [self.message("a")])
    @Sendable func handle() async throws -> Outcome {
      try await middleware.intercept(one) { _ in
        count.add(1)
        try await clock.sleep(for: .seconds(1))
        return .ack
      }
    }
    async let first = handle()
    await clock.waitForSleepers()
    async let second = handle()
    clock.advance(by: .seconds(1))
    #expect(try await first == .ack)
    #expect(try await second == .ack)
    #expect(count.values.count == 1)
  }

  private struct BrokenStore: IdempotencyStore {
    let answers: Bool
    func isCompleted(_ key: String) async throws -> Bool {
      if !self.answers { throw Failure() }
      return false
    }
    func complete(_ key: String) async throws { throw Failure() }
  }

  @Test func aStoreThatFailsFailsTheAttemptBeforeAndNotAfter() async throws {
    let late = IdempotencyMiddleware(store: BrokenStore(answers: true), logger: .init(label: ""))
    #expect(try await late.intercept(call()) { _ in Outcome.ack } == .ack)
    let early = IdempotencyMiddleware(store: BrokenStore(answers: false))
    await #expect(throws: Failure.self) { try await early.intercept(call()) { _ in Outcome.ack } }
    await #expect(throws: Failure.self) { try await early.intercept(call()) { _ in Outcome.ack } }
  }

  @Test func theStoreForgetsTheOldest() {
    let store = MemoryIdempotencyStore(keysMax: 2)
    for key in ["a", "b", "b", "c"] { store.complete(key) }
    #expect(["a", "b", "c"].map { store.isCompleted($0) } == [false, true, true])
    for key in ["d", "e"] { store.complete(key) }
    #expect(["b", "c", "d", "e"].map { store.isCompleted($0) } == [false, false, true, true])
    #expect(store.count == 2)
  }

  @Test func valuesThatCannotBeAreRejected() async throws {
    let middleware = ValidationMiddleware(TopicPattern<[Int]>("n.*")) { value in
      if value.isEmpty { throw GodwitError(.invalidArgument, "empty") }
    }
    func result(_ kind: Call.Kind, _ body: String, topic: String = "n.a") async throws -> Outcome {
      try await middleware.intercept(
        call(kind, [Message(topic: topic, body: ByteBuffer(string: body))])
      ) { _ in .ack }
    }
    #expect(try await result(.consume, "[1]") == .ack)
    #expect(try await result(.consume, "[]") == .reject(reason: "empty"))
    #expect(try await result(.consume, "[]", topic: "other") == .ack)
    #expect(try await result(.consume, "{") == .ack)
    for kind in [Call.Kind.publish, .request, .reply] {
      await #expect(throws: GodwitError.self) { try await result(kind, "[]") }
    }
  }

  @Test func globalMetadataGoesOnAndLocalStays() async throws {
    let middleware = MetadataMiddleware(constants: ["x-md-global-by": "me"])
    var incoming = self.message("a")
    incoming.headers = [
      "X-MD-Global-Tenant": "7", "x-md-local-hint": "8", "x-other": "9", "x-md-global-by": "her",
    ]
    let sent = try await middleware.intercept(call(.consume, [incoming])) { _ in
      #expect(CallMetadata.current.map(\.value) == ["7", "8", "her"])
      var own = self.message("b")
      own.headers = ["x-md-global-tenant": "mine"]
      return try await middleware.intercept(call(.publish, [self.message("c"), own])) {
        $0.messages.map(\.headers)
      }
    }
    #expect(sent[0].map(\.name) == ["X-MD-Global-Tenant", "x-md-global-by", "x-md-global-by"])
    #expect(sent[1]["x-md-global-tenant"] == "mine")
    #expect(CallMetadata.current.isEmpty)
  }

  @Test func aBatchCarriesWhatAllAgreeOn() async throws {
    var one = self.message("a")
    one.headers = ["x-md-a": "1", "x-md-b": "2"]
    var two = self.message("b")
    two.headers = ["x-md-b": "2", "x-md-a": "3"]
    let metadata = try await MetadataMiddleware().intercept(call(.consume, [one, two])) { _ in
      CallMetadata.current
    }
    #expect(metadata == ["x-md-b": "2"])
  }

  @Test func secretsAreNotLogged() {
    let redaction = Redaction(headers: ["Tenant", "Api-Key"])
    let shown = redaction.redacted(["tenant": "a", "API-KEY": "b", "other": "c"])
    #expect(shown.map(\.name) == ["tenant", "api-key"])
    #expect(shown.map(\.value) == ["a", "(redacted)"])
    let long = redaction.redacted(["tenant": String(repeating: "x", count: 300)])
    #expect(long.first?.value.count == Redaction.charactersMax)
    #expect(Redaction().redacted(["tenant": "a"]).isEmpty)
  }
}
