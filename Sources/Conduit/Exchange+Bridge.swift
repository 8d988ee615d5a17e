import Godwit

/// What goes on behind the caller's back, where nobody is there who could wait.
extension Exchange {
  /// Something with an end of its own: the conduit's clock, which ends with the conduit, and the
  /// rest of a request whose reply is there already, which ends with its source, its readers or the
  /// conduit.
  @discardableResult
  static func background<Result: Sendable>(
    _ work: @escaping @Sendable () async -> Result
  ) -> Task<Result, Never> {
    Task { await work() }
  }

  /// Closes when the conduit is let go of.
  func leave() {
    let subscriptions = self.close()
    guard !subscriptions.isEmpty else { return }
    Self.background { for subscription in subscriptions { await subscription.cancel() } }
  }
}
