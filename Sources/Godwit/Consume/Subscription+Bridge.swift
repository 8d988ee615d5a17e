extension Subscription {
  /// Makes a dead letter of a message although the subscription is ending: the cancellation of its
  /// tasks does not cut this short, which the driver's own time limits bound.
  func buryToTheEnd(_ incoming: IncomingMessage, reason: String) async -> Step {
    await Task { await self.bury(incoming, reason: reason) }.value
  }
}
