extension ReplyInbox {
  /// Looks after deadlines when the first of them has come. One look serves all requests until
  /// then; a timer for each would stay behind long after its answer.
  func look(at time: ContinuousClock.Instant) {
    Task { [weak self] in
      try? await Task.sleep(until: time, clock: .continuous)
      self?.expire(at: time)
    }
  }
}
