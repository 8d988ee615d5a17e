extension Subscription {
  /// A pause that ends by itself.
  struct Rest {
    var duration: Duration
    var time: Timekeeper
  }

  /// Pauses at once, and takes messages again after a time.
  func rest(for duration: Duration, _ time: Timekeeper) async {
    await self.setResting(true)
    self.rests.continuation.yield(Rest(duration: duration, time: time))
  }

  /// Ends pauses when their time is over, while the subscription runs. Who has called `pause`
  /// meanwhile is who calls `resume`.
  func takeRests() async {
    for await rest in self.rests.stream {
      // Again, since the end of the rest before may have come between.
      await self.setResting(true)
      await rest.time.sleep(for: rest.duration, orUntil: self.drainRequested)
      // Who is leaving takes no more messages.
      if Task.isCancelled || self.drainRequested.isRaised { return }
      await self.setResting(false)
    }
  }
}
