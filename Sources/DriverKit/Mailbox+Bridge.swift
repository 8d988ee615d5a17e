import Godwit

extension Mailbox {
  /// Ends the wait for room when its time is over. Who gets room before cancels the task.
  func giveUp(
    _ room: Confirmation<Void>, at deadline: ContinuousClock.Instant
  ) -> Task<Void, Never> {
    Task {
      guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
      self.forget(room)
      room.settle(
        .failure(GodwitError(.overloaded, "\(self.bytes) bytes wait to be sent: no room in time")))
    }
  }
}
