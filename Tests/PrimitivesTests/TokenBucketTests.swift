import GodwitPrimitives
import Testing

struct TokenBucketTests {
  /// What a bucket answers to takes at these times.
  private func answers(
    _ bucket: TokenBucket, _ takes: [(count: Double, now: Int64)]
  ) -> [Bool] {
    var bucket = bucket
    return takes.map { bucket.take($0.count, now: $0.now) }
  }

  @Test func burstThenRate() {
    let bucket = TokenBucket(perSecond: 10, burst: 3, now: 0)
    let takes: [(count: Double, now: Int64)] = [
      (1, 0), (1, 0), (1, 0), (1, 0), (1, 99_000_000), (1, 100_000_000), (1, 100_000_000),
    ]
    #expect(self.answers(bucket, takes) == [true, true, true, false, false, true, false])
  }

  @Test func savesNoMoreThanTheBurst() {
    let bucket = TokenBucket(perSecond: 1_000, burst: 2, now: 0)
    let takes: [(count: Double, now: Int64)] = [
      (2, 0), (2, 3_600_000_000_000), (1, 3_600_000_000_000),
    ]
    #expect(self.answers(bucket, takes) == [true, true, false])
  }

  @Test func aClockThatGoesBackGivesNothing() {
    let bucket = TokenBucket(perSecond: 1, burst: 1, now: 10_000_000_000)
    #expect(self.answers(bucket, [(1, 10_000_000_000), (1, 0)]) == [true, false])
  }

  @Test func reservationsStandInLine() {
    var bucket = TokenBucket(perSecond: 10, burst: 1, now: 0)
    let waits = (0..<4).map { _ in bucket.reserve(now: 0, waitMax: 200_000_000) }
    #expect(waits == [0, 100_000_000, 200_000_000, nil])
    bucket.putBack(1)
    #expect(bucket.reserve(now: 0, waitMax: 200_000_000) == 200_000_000)
    #expect(bucket.reserve(now: 300_000_000, waitMax: 0) == 0)
  }
}
