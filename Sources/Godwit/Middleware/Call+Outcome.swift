extension Call {
  /// Whether a handler is asked, rather than the broker.
  var isConsumption: Bool { self.kind == .consume || self.kind == .reply }

  /// An outcome of each message, in place of what `next` returns.
  ///
  /// - Throws: `unsupported` when the operation has no outcome: a publish, a request.
  public func result<Result: Sendable>(_ outcome: Outcome) throws -> Result {
    try self.result(of: self.messages.map { _ in .success(outcome) })
  }

  /// What `next` would return when the messages had these outcomes.
  func result<Returned: Sendable>(of outcomes: [Result<Outcome, any Error>]) throws -> Returned {
    if Returned.self == Outcome.self, outcomes.count == 1,
      let outcome = try outcomes[0].get() as? Returned
    {
      return outcome
    }
    if let outcomes = outcomes as? Returned { return outcomes }
    throw GodwitError(.unsupported, "a \(self.kind.rawValue) has no outcome")
  }

  /// The outcomes of the messages, by what `next` returned; none of a publish or request.
  static func outcomes(of returned: some Sendable) -> [Result<Outcome, any Error>] {
    if let outcome = returned as? Outcome { return [.success(outcome)] }
    return returned as? [Result<Outcome, any Error>] ?? []
  }

  /// Waits as long as it makes sense.
  ///
  /// - Throws: `NotBegun` when the subscription was asked to stop meanwhile, `CancellationError`
  ///   when the task was cancelled.
  func wait(_ time: Timekeeper, for duration: Duration) async throws {
    let drain = self.subscriber?.drainRequested
    await time.sleep(for: duration, orUntil: drain)
    if drain?.isRaised == true { throw NotBegun() }
    try Task.checkCancellation()
  }

  /// Waits for a signal as long as it makes sense; throws like the other.
  func wait(for signal: Signal) async throws {
    let drain = self.subscriber?.drainRequested
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await signal.wait() }
      if let drain { group.addTask { await drain.wait() } }
      await group.next()
      group.cancelAll()
    }
    if drain?.isRaised == true { throw NotBegun() }
    try Task.checkCancellation()
  }
}
