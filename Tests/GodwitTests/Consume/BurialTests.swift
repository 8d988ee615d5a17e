import Godwit
import Logging
import Synchronization
import Testing

/// What becomes of messages that wait for another attempt when the service is cut short, on a
/// broker that keeps nothing: their dead letters are published all the same.
@Suite(.timeLimit(.minutes(1))) struct BurialTests {
  /// Something that happens once, and is waited for even by who is cancelled.
  private final class Event: Sendable {
    private let signal = Signal()

    func happen() { self.signal.raise() }
    func wait() async { await Task { await self.signal.wait() }.value }
  }

  /// A driver like others: it publishes nothing for a task that is cancelled.
  private struct Grave {
    let letters = Tally<String>()
    let cancelled = Event()

    var driver: PaperDriver {
      let (letters, cancelled) = (self.letters, self.cancelled)
      return PaperDriver(.atMostOnce) { (messages) async throws(GodwitError) in
        await cancelled.wait()
        if Task.isCancelled { throw GodwitError(.cancelled, "the task was cancelled") }
        for message in messages { letters.add(message.topic) }
      }
    }
  }

  private let silent = Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }

  private func options(_ isOrdered: Bool) -> SubscriptionOptions {
    let hour = Duration.seconds(3_600)
    return SubscriptionOptions(
      isOrderedByKey: isOrdered, retry: RetryPolicy(backoff: Backoff(initial: hour, max: hour)))
  }

  @Test(arguments: [false, true])
  func whatWaitsForItsNextAttempt(_ isOrdered: Bool) async throws {
    let grave = Grave()
    let driver = grave.driver
    let work = Subscription(
      to: Topic<Int>("n"), on: Broker(driver, logger: self.silent),
      options: self.options(isOrdered)
    ) { _ in throw GodwitError(.timeout, "the database is away") }
    try await work.start()
    driver.offer(1...1)
    let run = Task { try await work.run() }
    while work.progress.retried == 0 { await Task.yield() }
    run.cancel()
    grave.cancelled.happen()
    try await run.value
    #expect(grave.letters.values == ["dead-letter.n"])
    #expect(work.progress.dead == 1)
    #expect(work.progress.settled == 1)
    #expect(work.progress.handedBack == 0)
  }

  /// A handler may ask for another attempt when there will be none.
  @Test(arguments: [false, true])
  func whatAsksForAnotherAttemptTooLate(_ isOrdered: Bool) async throws {
    let grave = Grave()
    let driver = grave.driver
    let begun = Signal()
    let work = Subscription(
      to: Topic<Int>("n"), on: Broker(driver, logger: self.silent),
      options: self.options(isOrdered)
    ) { _ in
      begun.raise()
      await grave.cancelled.wait()
      return .retry()
    }
    try await work.start()
    driver.offer(1...1)
    let run = Task { try await work.run() }
    await begun.wait()
    run.cancel()
    grave.cancelled.happen()
    try await run.value
    #expect(grave.letters.values == ["dead-letter.n"])
    #expect(work.progress.dead == 1)
    #expect(work.progress.handedBack == 0)
  }
}
