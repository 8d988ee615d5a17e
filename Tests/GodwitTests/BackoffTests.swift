import Godwit
import Testing

@Suite struct BackoffTests {
  @Test func growsUpToItsMaximum() {
    let backoff = Backoff(
      initial: .milliseconds(100), max: .seconds(1), factor: 2, hasJitter: false)
    let delays = [1, 2, 3, 4, 5, 100, .max].map { backoff.delay(afterAttempts: $0) }
    #expect(
      delays == [100, 200, 400, 800, 1_000, 1_000, 1_000].map { Duration.milliseconds($0) })
  }

  @Test func jitterKeepsBetweenHalfAndAll() {
    let backoff = Backoff(initial: .milliseconds(100), max: .seconds(1))
    let delays = (0..<200).map { _ in backoff.delay(afterAttempts: 2) }
    #expect(delays.allSatisfy { $0 >= .milliseconds(100) && $0 <= .milliseconds(200) })
    #expect(Set(delays).count > 100)
  }
}
