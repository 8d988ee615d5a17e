import KafkaWire
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaProducersTests {
  private static func batch(
    _ producer: Int64, _ sequence: Int32, count: Int32 = 10, epoch: Int16 = 0
  ) -> KafkaBatchHeader {
    var header = KafkaBatchHeader()
    header.producerID = producer
    header.producerEpoch = epoch
    header.baseSequence = sequence
    header.count = count
    header.lastOffsetDelta = count - 1
    return header
  }

  private static func noted(_ batches: [(KafkaBatchHeader, UInt64)]) -> KafkaProducers {
    var producers = KafkaProducers()
    for (header, offset) in batches {
      producers.note(header, at: offset, now: 0, producersMax: 100)
    }
    return producers
  }

  @Test func whatFollowsIsNewAndWhatIsRepeatedIsNot() {
    let producers = Self.noted([(Self.batch(1, 0), 100), (Self.batch(1, 10), 120)])
    #expect(producers.judge(Self.batch(1, 20)) == .new)
    #expect(producers.judge(Self.batch(1, 10)) == .duplicate(first: 120, count: 10))
    #expect(producers.judge(Self.batch(1, 0)) == .duplicate(first: 100, count: 10))
    #expect(producers.judge(Self.batch(1, 30)) == .refused(.outOfOrderSequenceNumber))
    #expect(producers.judge(Self.batch(1, 10, count: 5)) == .refused(.outOfOrderSequenceNumber))
    #expect(producers.judge(Self.batch(2, 77)) == .new)
  }

  @Test func fiveBatchesAreRemembered() {
    let producers = Self.noted((0..<7).map { (Self.batch(1, $0 * 10), UInt64($0) * 10) })
    #expect(producers.judge(Self.batch(1, 10)) == .refused(.outOfOrderSequenceNumber))
    #expect(producers.judge(Self.batch(1, 20)) == .duplicate(first: 20, count: 10))
  }

  @Test func aNewEpochBeginsAnewAndAnOldOneIsFenced() {
    var producers = Self.noted([(Self.batch(1, 0), 0)])
    #expect(producers.judge(Self.batch(1, 10, epoch: 1)) == .refused(.outOfOrderSequenceNumber))
    #expect(producers.judge(Self.batch(1, 0, epoch: 1)) == .new)
    producers.note(Self.batch(1, 0, epoch: 1), at: 10, now: 0, producersMax: 100)
    #expect(producers.judge(Self.batch(1, 10, epoch: 0)) == .refused(.invalidProducerEpoch))
    #expect(producers.judge(Self.batch(1, 0, epoch: 1)) == .duplicate(first: 10, count: 10))
  }

  @Test func anEpochThatAnEndHasRaisedBeginsAtZero() {
    var producers = Self.noted([(Self.batch(1, 0), 0)])
    producers.fence(1, epoch: 1)
    #expect(producers.judge(Self.batch(1, 10, epoch: 0)) == .refused(.invalidProducerEpoch))
    #expect(producers.judge(Self.batch(1, 10, epoch: 1)) == .refused(.outOfOrderSequenceNumber))
    #expect(producers.judge(Self.batch(1, 0, epoch: 1)) == .new)
    // The same as learnt from the log, by a marker.
    let marker = Self.batch(1, -1, count: 1, epoch: 1)
    let learnt = Self.noted([(Self.batch(1, 0), 0), (marker, 10)])
    #expect(learnt.judge(Self.batch(1, 10, epoch: 1)) == .refused(.outOfOrderSequenceNumber))
    #expect(learnt.judge(Self.batch(1, 0, epoch: 1)) == .new)
    // Of the marker alone nobody knows whether the epoch rose with it.
    #expect(Self.noted([(marker, 10)]).judge(Self.batch(1, 10, epoch: 1)) == .new)
  }

  @Test func sequencesWrap() {
    let producers = Self.noted([(Self.batch(1, .max - 4), 0)])
    #expect(producers.judge(Self.batch(1, 5)) == .new)
    let end = Self.noted([(Self.batch(1, .max - 9), 0)])
    #expect(end.judge(Self.batch(1, 0)) == .new)
  }

  @Test func whatOthersMissIsOwedUntilTheyHaveIt() {
    var producers = Self.noted([(Self.batch(1, 0), 0), (Self.batch(1, 10), 10)])
    #expect(!producers.isOwed(Self.batch(1, 10)))
    producers.setOwed(Self.batch(1, 10), true)
    #expect(producers.isOwed(Self.batch(1, 10)))
    #expect(!producers.isOwed(Self.batch(1, 0)))
    #expect(producers.judge(Self.batch(1, 10)) == .duplicate(first: 10, count: 10))
    producers.setOwed(Self.batch(1, 10), false)
    #expect(!producers.isOwed(Self.batch(1, 10)))
    producers.setOwed(Self.batch(1, 10), true)
    producers.forget(1)
    #expect(!producers.isOwed(Self.batch(1, 10)))
    // Of one who is not known nothing is remembered.
    producers.setOwed(Self.batch(2, 0), true)
    #expect(!producers.isOwed(Self.batch(2, 0)))
  }

  @Test func whatWasNotKeptIsWelcomeAgainAndWhatWasIsKnown() {
    var producers = Self.noted([
      (Self.batch(1, 0), 0), (Self.batch(1, 10), 10), (Self.batch(1, 20), 20),
    ])
    producers.takeBack(1, from: 10)
    producers.takeBack(1, from: 20)
    #expect(producers.judge(Self.batch(1, 0)) == .duplicate(first: 0, count: 10))
    #expect(producers.judge(Self.batch(1, 10)) == .new)
    #expect(producers.judge(Self.batch(1, 20)) == .refused(.outOfOrderSequenceNumber))
    producers.takeBack(1, from: 0)
    #expect(producers.count == 0)
    producers.takeBack(1, from: 0)
  }

  @Test func whoIsForgottenIsWelcome() {
    var producers = Self.noted([(Self.batch(1, 0), 0)])
    producers.forget(1)
    #expect(producers.judge(Self.batch(1, 0)) == .new)
    #expect(producers.judge(Self.batch(1, 500)) == .new)
  }

  @Test func producersAreBounded() {
    var producers = KafkaProducers()
    for id in 0..<1_000 {
      producers.note(Self.batch(Int64(id), 0), at: UInt64(id), now: 0, producersMax: 64)
      #expect(producers.count <= 64)
    }
    #expect(producers.judge(Self.batch(999, 0)) == .duplicate(first: 999, count: 10))
  }

  @Test func whoIsNoProducerIsNeverJudged() {
    var header = KafkaBatchHeader()
    header.count = 1
    var producers = KafkaProducers()
    producers.note(header, at: 0, now: 0, producersMax: 10)
    #expect(producers.count == 0 && producers.judge(header) == .new)
  }
}
