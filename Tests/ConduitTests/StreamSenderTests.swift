import Godwit
import NIOCore
import Testing

@testable import GodwitConduit

@Suite struct StreamSenderTests {
  private func peer(
    _ subject: String, credit: Int = 100, chunk: Int? = nil, error: String = ""
  ) -> Acknowledgement {
    Acknowledgement(dataSubject: subject, credit: credit, chunkBytesMax: chunk, error: error)
  }

  @Test func everybodyWhoAnswersGetsIt() throws {
    var sender = StreamSender()
    #expect(sender.receive(Acknowledgement(dataSubject: "a")) == .destination(0))
    #expect(sender.receive(self.peer("b")) == .destination(1))
    #expect(!sender.isPaced)
    #expect(sender.subjects == ["a", "b"])
    _ = try sender.chunk(ByteBuffer(string: "x"))
    #expect(sender.receive(Acknowledgement(dataSubject: "c")) == .late)
    #expect(sender.subjects == ["a", "b"])
  }

  @Test func aSecondAnswerIsNoSecondDestination() {
    var sender = StreamSender()
    #expect(sender.receive(self.peer("a")) == .destination(0))
    #expect(sender.receive(self.peer("a")) == .known)
    #expect(sender.subjects == ["a"])
  }

  @Test func creditOnlyGrows() throws {
    var sender = StreamSender()
    _ = sender.receive(self.peer("a", credit: 100))
    _ = sender.receive(self.peer("b", credit: 50))
    #expect(sender.room == 50)
    _ = try sender.chunk(ByteBuffer(repeating: 0, count: 50))
    #expect(sender.room == 0)
    _ = sender.receive(self.peer("b", credit: 10))
    #expect(sender.room == 0)
    _ = sender.receive(self.peer("b", credit: 90))
    #expect(sender.room == 40)
    #expect(sender.isPaced)
  }

  @Test func theSlowestIsGivenUp() throws {
    var sender = StreamSender()
    _ = sender.receive(self.peer("a", credit: 100))
    _ = sender.receive(self.peer("b", credit: 50))
    _ = try sender.chunk(ByteBuffer(repeating: 0, count: 50))
    #expect(sender.giveUpStalled(GodwitError(.timeout, "slow")) == ["b"])
    #expect(sender.subjects == ["a"])
    #expect(sender.lastRefusal?.code == .timeout)
    #expect(sender.room == 50)
  }

  @Test func aReaderThatLeavesIsNoDestination() {
    var sender = StreamSender()
    _ = sender.receive(self.peer("a"))
    #expect(sender.receive(self.peer("a", error: "bye")) == .gone)
    #expect(!sender.hasLive)
    #expect(sender.lastRefusal?.code == .streamAbandoned)
    // It does not come back.
    #expect(sender.receive(self.peer("a", credit: 1_000)) == .known)
    #expect(!sender.hasLive)
  }

  @Test func whoIsUnboundOrFullIsCounted() {
    var sender = StreamSender()
    #expect(sender.receive(Acknowledgement(dataSubject: "", isBound: false)) == .unbound)
    #expect(sender.unbound == 1)
    #expect(sender.receive(self.peer("", error: "full")) == .gone)
    #expect(sender.lastRefusal?.code == .overloaded)
    #expect(!sender.hasLive)
  }

  @Test func addressesThatAreNoneAreNotPublishedTo() {
    var sender = StreamSender()
    for subject in ["", "a.>", "*", "a b", "a..b"] {
      #expect(sender.receive(Acknowledgement(dataSubject: subject)) == .invalid)
    }
    for number in 0..<StreamSender.destinationsMax {
      _ = sender.receive(Acknowledgement(dataSubject: "a\(number)"))
    }
    #expect(sender.receive(Acknowledgement(dataSubject: "b")) == .invalid)
    #expect(sender.destinations.count == StreamSender.destinationsMax)
  }

  @Test func chunksAreAsLargeAsAllTake() {
    var sender = StreamSender()
    #expect(sender.chunkBytesMax == nil)
    _ = sender.receive(self.peer("a", chunk: 100))
    _ = sender.receive(self.peer("b", chunk: 50))
    #expect(sender.chunkBytesMax == 50)
    _ = sender.receive(Acknowledgement(dataSubject: "c"))
    #expect(sender.chunkBytesMax == nil)
    _ = sender.receive(self.peer("d", chunk: 100))
    #expect(sender.chunkBytesMax == nil)
  }

  @Test func theOriginalKnowsNoCredit() {
    var sender = StreamSender()
    var ack = Acknowledgement(dataSubject: "a")
    ack.credit = 1
    _ = sender.receive(ack)
    #expect(sender.room == .max)
  }
}
