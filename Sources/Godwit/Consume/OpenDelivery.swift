/// A message that a reader of `Deliveries` was given, and has to settle.
///
/// It has all that a `Delivery` has: `order.payload`, `order.message`, `order.attempt`. One that is
/// let go of without being settled counts as failed and follows the retry policy.
@dynamicMemberLookup
public final class OpenDelivery<Payload: Sendable>: Sendable {
  /// The message, as a handler would see it.
  public let delivery: Delivery<Payload>
  private let verdict: Verdict

  init(_ delivery: Delivery<Payload>, verdict: Verdict) {
    self.delivery = delivery
    self.verdict = verdict
  }

  deinit {
    self.verdict.say(
      .failure(GodwitError(.unsettled, "the delivery was let go of without being settled")))
  }

  /// What the delivery has.
  public subscript<Member>(dynamicMember path: KeyPath<Delivery<Payload>, Member>) -> Member {
    self.delivery[keyPath: path]
  }

  /// Says what became of the message. The subscription then tells the broker.
  ///
  /// - Throws: `alreadySettled` the second time, and when the message was handed back meanwhile
  ///   because a drain took too long.
  public func settle(_ outcome: Outcome) throws(GodwitError) {
    try self.say(.success(outcome))
  }

  /// Says that the work on the message failed: it follows the retry policy.
  ///
  /// - Throws: `alreadySettled`, as `settle` does.
  public func fail(_ error: any Error) throws(GodwitError) {
    try self.say(.failure(error))
  }

  private func say(_ result: Result<Outcome, any Error>) throws(GodwitError) {
    guard self.verdict.say(result) else {
      throw GodwitError(.alreadySettled, "the delivery was settled before, or handed back")
    }
  }
}

extension GodwitError.Code {
  /// A delivery was let go of without being settled.
  public static var unsettled: Self { Self(rawValue: "unsettled") }
}
