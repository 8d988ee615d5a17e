import GodwitPrimitives
import Testing

struct TimerWheelTests {
  @Test(arguments: 1...10)
  func agreesWithASortedList(seed: UInt64) {
    var random = Random(seed: seed)
    let tick: Int64 = 10
    var now: Int64 = Int64.random(in: 0..<100_000, using: &random)
    var wheel = TimerWheel<Int>(tickNanoseconds: tick, now: now)
    var expected: [Int: (deadline: Int64, token: TimerWheelToken)] = [:]
    var next = 0
    for _ in 0..<1_500 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let reach: Int64 = [100, 5_000, 500_000, 80_000_000].randomElement(using: &random) ?? 1
        let deadline = now + Int64.random(in: -20...reach, using: &random)
        expected[next] = (max(deadline, now), wheel.schedule(at: deadline, next))
        next += 1
      case 5:
        if let victim = expected.keys.randomElement(using: &random),
          let entry = expected.removeValue(forKey: victim)
        {
          let cancelled = wheel.cancel(entry.token)
          let again = wheel.cancel(entry.token)
          #expect(cancelled == victim)
          #expect(again == nil)
        }
      default:
        let reach: Int64 = [30, 1_000, 100_000, 9_000_000].randomElement(using: &random) ?? 1
        if let announced = wheel.nextDeadline,
          let earliest = expected.values.map(\.deadline).min()
        {
          let rounded = max(earliest, now + 1)
          #expect(announced <= rounded + tick, "\(announced) \(rounded)")
        }
        now += Int64.random(in: 0...reach, using: &random)
        var due: [Int] = []
        var piece: [Int] = []
        let max = Int.random(in: 1...20, using: &random)
        repeat {
          piece = []
          wheel.advance(to: now, atMost: max, into: &piece)
          due += piece
        } while piece.count == max
        for fired in due {
          let entry = expected.removeValue(forKey: fired)
          #expect(entry != nil)
          if let entry { #expect(entry.deadline <= now) }
        }
        for entry in expected.values {
          // Nothing is more than two ticks late: one for rounding, one for a deadline in the past.
          #expect(entry.deadline + 2 * tick > now, "\(entry.deadline) at \(now)")
        }
      }
      let count = wheel.count
      #expect(count == expected.count)
    }
  }

  @Test func announcesTheEarliestAcrossLevels() {
    var wheel = TimerWheel<String>(tickNanoseconds: 1, now: 0)
    _ = wheel.schedule(at: 70, "far")
    var due: [String] = []
    wheel.advance(to: 60, into: &due)
    _ = wheel.schedule(at: 110, "farther")
    let announced = wheel.nextDeadline ?? .max
    #expect(announced <= 70)
    wheel.advance(to: 70, into: &due)
    #expect(due == ["far"])
  }

  @Test func aDeadlineBeyondTheWheelStillFires() {
    var wheel = TimerWheel<Int>(tickNanoseconds: 1, now: 0)
    let far = Int64(1) << 38
    _ = wheel.schedule(at: far, 1)
    var due: [Int] = []
    wheel.advance(to: far - 1, into: &due)
    #expect(due.isEmpty)
    wheel.advance(to: far + 1, into: &due)
    #expect(due == [1])
  }

  @Test func handsOutNoMoreThanIsAskedFor() {
    var wheel = TimerWheel<Int>(tickNanoseconds: 10, now: 0)
    let tokens = (0..<10).map { wheel.schedule(at: 50, $0) }
    _ = wheel.schedule(at: 60, 10)
    _ = wheel.schedule(at: 6_000, 11)
    var due: [Int] = []
    wheel.advance(to: 100, atMost: 4, into: &due)
    #expect(due.count == 4)
    let next = wheel.nextDeadline
    #expect(next == 50)
    // What is left over is still there to be cancelled, and what comes now is later.
    let left = tokens.indices.filter { !due.contains($0) }
    let cancelled = wheel.cancel(tokens[left[0]])
    #expect(cancelled == left[0])
    _ = wheel.schedule(at: 50, 12)
    var rest: [Int] = []
    wheel.advance(to: 100, atMost: 5, into: &rest)
    #expect(Set(rest) == Set(left.dropFirst()))
    rest = []
    wheel.advance(to: 100, atMost: 5, into: &rest)
    #expect(Set(rest) == [10, 12])
    let last = wheel.nextDeadline ?? 0
    #expect(last > 100)
    wheel.advance(to: 7_000, atMost: 5, into: &rest)
    #expect(Set(rest) == [10, 11, 12])
  }

  @Test func anEmptyWheelAnnouncesNothing() {
    var wheel = TimerWheel<Int>(tickNanoseconds: 1, now: 0)
    let before = wheel.nextDeadline
    #expect(before == nil)
    let token = wheel.schedule(at: 5, 1)
    wheel.cancel(token)
    let after = wheel.nextDeadline
    #expect(after == nil)
  }
}
