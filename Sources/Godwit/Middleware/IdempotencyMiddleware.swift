public import Logging
import Synchronization

/// Acknowledges messages that were handled before without handling them again.
///
/// A message is known by its id, for each subscription. Only what came to its end is remembered:
/// `.ack` and `.drop`. A copy that comes while the first is being worked on in this process waits
/// for it. Copies in one batch are handled as one. Requests pass: who asks twice wants two answers.
public final class IdempotencyMiddleware: Middleware {
  private let store: any IdempotencyStore
  private let key: @Sendable (Message) -> String?
  private let logger: Logger
  private let active = Mutex<[String: Signal]>([:])

  /// A middleware.
  ///
  /// - Parameters:
  ///   - store: what remembers. Default: the memory of this process.
  ///   - key: what copies of a message have in common; `nil` for a message that is always handled.
  ///     Default: its id.
  ///   - logger: told when the store fails after a handler succeeded; the message is acknowledged
  ///     then. When the store fails before, the attempt has failed.
  public init(
    store: any IdempotencyStore = MemoryIdempotencyStore(),
    logger: Logger = Logger(label: "godwit.idempotency"),
    key: @escaping @Sendable (Message) -> String? = { $0.id.isEmpty ? nil : $0.id }
  ) {
    self.store = store
    self.logger = logger
    self.key = key
  }

  /// `identity`.
  public var phase: MiddlewarePhase { .identity }

  /// Leaves out what was handled before.
  public func intercept<Returned: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Returned
  ) async throws -> Returned {
    guard call.kind == .consume else { return try await next(call) }
    let keys = call.messages.map { message in
      // Subscriptions of one group have one id: the pattern tells them apart.
      self.key(message).map { "\(call.subscription ?? "")\u{0}\(call.pattern ?? "")\u{0}\($0)" }
    }
    var entered: [String] = []
    defer { for key in entered { self.leave(key) } }
    var completed: Set<String> = []
    // In one order everywhere, so that two batches never wait for each other.
    for key in Set(keys.compactMap(\.self)).sorted() {
      try await self.enter(key, call)
      entered.append(key)
      if try await self.store.isCompleted(key) { completed.insert(key) }
    }
    var firsts = Set<String>()
    let left = keys.indices.filter { place in
      guard let key = keys[place] else { return true }
      return !completed.contains(key) && firsts.insert(key).inserted
    }
    guard !left.isEmpty else { return try call.result(.ack) }
    guard left.count < keys.count else {
      let returned = try await next(call)
      await self.remember(zip(keys, Call.outcomes(of: returned)), of: call)
      return returned
    }
    var rest = call
    rest.keep(left)
    let outcomes = Call.outcomes(of: try await next(rest))
    guard outcomes.count == left.count else {
      throw GodwitError(.invalidArgument, "middleware changed the number of outcomes")
    }
    await self.remember(zip(left.map { keys[$0] }, outcomes), of: call)
    var all = keys.map { _ in Result<Outcome, any Error>.success(.ack) }
    for (place, outcome) in zip(left, outcomes) {
      // A copy in the same batch shares the fate of the first.
      for copy in keys.indices
      where copy == place || (keys[copy] != nil && keys[copy] == keys[place]) {
        all[copy] = outcome
      }
    }
    return try call.result(of: all)
  }

  /// Remembers what came to its end.
  private func remember(
    _ outcomes: some Sequence<(String?, Result<Outcome, any Error>)>, of call: Call
  ) async {
    for case (let key?, .success(let outcome)) in outcomes where outcome == .ack || outcome == .drop
    {
      do {
        try await self.store.complete(key)
      } catch {
        self.logger.error(
          "a handled message is not remembered: \(error)",
          metadata: ["subscription": "\(call.subscription ?? "")"])
      }
    }
  }

  private func leave(_ key: String) {
    self.active.withLock { $0.removeValue(forKey: key) }?.raise()
  }

  /// Waits until no copy of the message is being worked on.
  private func enter(_ key: String, _ call: Call) async throws {
    while true {
      let other = self.active.withLock { active -> Signal? in
        if let other = active[key] { return other }
        active[key] = Signal()
        return nil
      }
      guard let other else { return }
      try await call.wait(for: other)
    }
  }
}
