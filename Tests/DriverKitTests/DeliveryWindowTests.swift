import Godwit
import GodwitDriverKit
import GodwitWireTesting
import NIOCore
import Testing

@Suite struct DeliveryWindowTests {
  private let queue = DeliveryQueue()

  private func window(prefetch: Int, messagesMax: Int = 4, bytesMax: Int = 101) -> DeliveryWindow {
    DeliveryWindow(
      SubscriptionRequest(pattern: "a", group: nil, id: "a", prefetch: prefetch), queue: self.queue,
      limits: .init(messagesMax: messagesMax, bytesMax: bytesMax))
  }

  private func messages(_ tokens: ClosedRange<UInt64>, bytes: Int = 1) -> [IncomingMessage] {
    tokens.map {
      IncomingMessage(
        message: Message(topic: "a", body: ByteBuffer(repeating: 0, count: bytes)), token: $0)
    }
  }

  private func take(_ count: Int) async -> [UInt64] {
    var tokens: [UInt64] = []
    for _ in 0..<count { tokens.append(await self.queue.next()?.token ?? 0) }
    return tokens
  }

  @Test func thePrefetchIsHandedOutAndMoreAsItIsSettled() async {
    let window = self.window(prefetch: 2)
    #expect(window.receive(self.messages(1...4)) == 0)
    #expect(self.queue.count == 2)
    #expect(await self.take(2) == [1, 2])
    window.settle()
    #expect(self.queue.count == 1)
    window.settle()
    #expect(await self.take(2) == [3, 4])
  }

  @Test func whoWaitsIsServedAndTheRestIsKept() async {
    let window = self.window(prefetch: 4)
    let readers = (0..<2).map { _ in Task { await self.queue.next()?.token } }
    // Whether they wait already or come later, each gets one.
    #expect(window.receive(self.messages(1...4)) == 0)
    var tokens: Set<UInt64?> = []
    for reader in readers { tokens.insert(await reader.value) }
    #expect(tokens.count == 2)
    #expect(self.queue.count == 2)
    tokens.formUnion(await self.take(2))
    #expect(tokens == [1, 2, 3, 4])
  }

  @Test func whatIsBeyondTheBoundsIsLostAndCounted() async {
    let window = self.window(prefetch: 1)
    // One is handed out only when all were looked at: four fit.
    #expect(window.receive(self.messages(1...6)) == 2)
    #expect(window.dropped == 2)
    #expect(window.receive(self.messages(7...8)) == 1)
    #expect(window.dropped == 3)
    window.drain()
    #expect(await self.take(5) == [1, 2, 3, 4, 7])
  }

  @Test func bytesAreBounded() {
    let window = self.window(prefetch: 1)
    #expect(window.receive(self.messages(1...1, bytes: 100)) == 0)
    #expect(window.receive(self.messages(2...2, bytes: 101)) == 1)
    #expect(window.receive(self.messages(3...4, bytes: 60)) == 1)
  }

  @Test func aPauseHandsNothingOut() async {
    let window = self.window(prefetch: 2)
    window.setPaused(true)
    #expect(window.receive(self.messages(1...3)) == 0)
    #expect(self.queue.count == 0)
    window.setPaused(false)
    #expect(await self.take(2) == [1, 2])
  }

  @Test func aDrainHandsOutTheRestAndEnds() async {
    let window = self.window(prefetch: 1)
    _ = window.receive(self.messages(1...3))
    window.drain()
    #expect(await self.take(4) == [1, 2, 3, 0])
    #expect(window.receive(self.messages(4...4)) == 1)
  }

  @Test func headersAndNamesTakeUpRoomToo() {
    let window = self.window(prefetch: 1)
    var message = Message(topic: "a", body: ByteBuffer())
    message.headers = ["h": String(repeating: "x", count: 60)]
    let incoming = (1...3).map { IncomingMessage(message: message, token: $0) }
    #expect(window.receive(incoming) == 2)
    message.headers = [:]
    message.topic = String(repeating: "x", count: 200)
    #expect(window.receive([IncomingMessage(message: message, token: 4)]) == 1)
  }

  /// However messages come and are settled: each once, in order, and never more than the prefetch.
  @Test(arguments: UInt64(1)...50)
  func nothingIsOvertakenOrHandedOutTwice(seed: UInt64) async {
    var random = SplitMix64(seed: seed)
    let prefetch = Int.random(in: 1...9, using: &random)
    let window = self.window(prefetch: prefetch, messagesMax: 10_000, bytesMax: 1 << 20)
    var sent: UInt64 = 0
    var taken: UInt64 = 0
    var settled: UInt64 = 0
    for _ in 0..<400 {
      if Bool.random(using: &random) {
        let next = sent + UInt64.random(in: 1...12, using: &random)
        #expect(window.receive(self.messages(sent + 1...next)) == 0)
        sent = next
      }
      let waiting = min(sent - settled, UInt64(prefetch)) - (taken - settled)
      #expect(self.queue.count == Int(waiting))
      for _ in 0..<UInt64.random(in: 0...waiting, using: &random) {
        taken += 1
        #expect(await self.queue.next()?.token == taken)
      }
      for _ in 0..<UInt64.random(in: 0...taken - settled, using: &random) {
        settled += 1
        window.settle()
      }
    }
    window.drain()
    #expect(await self.take(Int(sent - taken) + 1) == (taken..<sent).map { $0 + 1 } + [0])
  }
}
