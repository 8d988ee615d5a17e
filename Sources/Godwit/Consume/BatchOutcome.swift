/// What a handler says became of a batch of messages.
public enum BatchOutcome: Hashable, Sendable {
  /// The same of each message.
  case all(Outcome)
  /// One outcome for each message, in the order of the batch. A different number of outcomes is
  /// the failure of the handler.
  case each([Outcome])

  /// The outcomes of that many messages.
  func outcomes(_ count: Int) throws(GodwitError) -> [Outcome] {
    switch self {
    case .all(let outcome): return Array(repeating: outcome, count: count)
    case .each(let outcomes):
      guard outcomes.count == count else {
        throw GodwitError(
          .invalidArgument, "a handler gave \(outcomes.count) outcomes for \(count) messages")
      }
      return outcomes
    }
  }
}
