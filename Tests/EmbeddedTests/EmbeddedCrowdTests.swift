import Godwit
import GodwitEngine
import GodwitWireTesting
import NIOCore
import Testing

@testable import GodwitEmbedded

/// Publishers that wait for queues that are full.
@Suite(.timeLimit(.minutes(1))) struct EmbeddedCrowdTests {
  private static func kernel(
    _ messagesMax: Int, timeout: Duration = .seconds(3_600)
  ) -> EmbeddedKernel {
    EmbeddedKernel(
      limits: .init(queueMessagesMax: messagesMax, publishTimeout: timeout),
      wake: AsyncStream.makeStream(of: Void.self).continuation)
  }

  private static func message(_ topic: String = "t") -> Message {
    Message(topic: topic, body: ByteBuffer())
  }

  /// A kernel whose one queue is full, the member that has it, and the tokens that it holds.
  private static func full(
    _ messagesMax: Int, timeout: Duration = .seconds(3_600)
  ) async throws -> (kernel: EmbeddedKernel, member: UInt64, tokens: [UInt64]) {
    let kernel = Self.kernel(messagesMax, timeout: timeout)
    let queue = DeliveryQueue()
    let member = try await kernel.subscribe(
      SubscriptionRequest(pattern: "t", group: nil, id: "s", prefetch: messagesMax), into: queue)
    var tokens: [UInt64] = []
    for _ in 0..<messagesMax {
      _ = try await kernel.publish(Self.message()) { [] }
      tokens.append(try #require(await queue.next()).token)
    }
    return (kernel, member, tokens)
  }

  /// Publishers that wait, one behind the other.
  private static func line(
    _ count: Int, at kernel: EmbeddedKernel
  ) async -> [Task<PublishReceipt, any Error>] {
    var publishers: [Task<PublishReceipt, any Error>] = []
    for number in 1...count {
      publishers.append(Task { try await kernel.publish(Self.message()) { [] } })
      while await kernel.line < number { await Task.yield() }
    }
    return publishers
  }

  @Test func asManyGoAsThereIsRoomFor() async throws {
    let (kernel, member, tokens) = try await Self.full(3)
    let publishers = await Self.line(4, at: kernel)
    for place in 0..<2 {
      try #require(await kernel.line(settling: tokens[place], of: member) == 3 - place)
      #expect(try await publishers[place].value.receivers == 1)
    }
    // With the last member all reason to wait goes.
    try #require(await kernel.line(leaving: member) == 0)
    for publisher in publishers[2...] { #expect(try await publisher.value.receivers == 0) }
  }

  @Test func whoGivesUpLeavesTheLine() async throws {
    let (kernel, member, tokens) = try await Self.full(1)
    let publishers = await Self.line(2, at: kernel)
    publishers[0].cancel()
    let code = await failureCode { _ = try await publishers[0].value }
    #expect(code == .cancelled)
    try #require(await kernel.line == 1)
    // The room is for somebody who is there.
    try #require(await kernel.line(settling: tokens[0], of: member) == 0)
    #expect(try await publishers[1].value.receivers == 1)
  }

  @Test func whoRunsOutOfTimeLeavesTheLine() async throws {
    let (kernel, _, _) = try await Self.full(1, timeout: .milliseconds(1))
    let code = await failureCode { _ = try await kernel.publish(Self.message()) { [] } }
    #expect(code == .overloaded)
    try #require(await kernel.line == 0)
  }

  @Test func whoIsLetGoAndDoesNotGoLetsTheNextGo() throws {
    let engine = Engine(now: 1)
    let queue = EmbeddedQueue(
      name: "q", tenant: engine.tenant(named: "t"), messagesMax: 1, touched: TouchedQueues())
    queue.members = [EmbeddedMember(queue: DeliveryQueue(), prefetch: 1)]
    let line = [Signal(), Signal(), Signal()]
    queue.waiting = line
    queue.letPublishersGo()
    #expect(line.map(\.isRaised) == [true, false, false])
    queue.forget(line[0])
    #expect(line.map(\.isRaised) == [true, true, false])
  }

  @Test func theEndLetsEverybodyGo() async throws {
    let (kernel, _, _) = try await Self.full(1)
    let publishers = await Self.line(3, at: kernel)
    try #require(await kernel.lineAfterTheEnd() == 0)
    for publisher in publishers {
      let code = await failureCode { _ = try await publisher.value }
      #expect(code == .closed)
    }
  }

  /// Publishes look at queues only while one is known to be full: a number that is too small lets
  /// them lose messages, one that is too large costs every later publish.
  @Test(arguments: UInt64(1)...20)
  func theNumberOfCrowdedQueuesStaysRight(_ seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let kernel = Self.kernel(3)
    var members: [(number: UInt64, queue: DeliveryQueue)] = []
    var held: [(token: UInt64, member: UInt64)] = []
    for step in 0..<300 {
      let member = members.randomElement(using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0:
        let queue = DeliveryQueue()
        let request = SubscriptionRequest(
          pattern: ["t", "u", ">"].randomElement(using: &random) ?? "t",
          group: [nil, "g", "h"].randomElement(using: &random) ?? nil, id: "s",
          prefetch: Int.random(in: 1...4, using: &random))
        members.append((try await kernel.subscribe(request, into: queue), queue))
      case 1:
        guard let member else { continue }
        await kernel.leave(member.number)
        members.removeAll { $0.number == member.number }
      case 2:
        guard let member else { continue }
        await kernel.setPaused(Bool.random(using: &random), member: member.number)
      case 3...5:
        guard let member, member.queue.count > 0, let next = await member.queue.next() else {
          continue
        }
        held.append((next.token, member.number))
      case 6...8:
        guard let place = held.indices.randomElement(using: &random) else { continue }
        let (token, number) = held.remove(at: place)
        let settlement: Settlement =
          [.acknowledge, .acknowledge, .release, .retry(after: .zero)]
          .randomElement(using: &random) ?? .acknowledge
        await kernel.settle(token, settlement, of: number)
      default:
        let topic = Bool.random(using: &random) ? "t" : "u"
        _ = await kernel.turn { [Self.message(topic)] }
      }
      let (noted, real) = await kernel.crowds
      try #require(noted == real, "step \(step)")
    }
  }
}

extension EmbeddedKernel {
  private var queues: [EmbeddedQueue] {
    self.subscriptions.values.compactMap { $0.subscriber as? EmbeddedQueue }
  }

  /// How many publishers wait.
  fileprivate var line: Int { self.queues.reduce(0) { $0 + $1.waiting.count } }

  /// How many are said to be full, and are.
  fileprivate var crowds: (noted: Int, real: Int) {
    (self.touched.crowded, self.queues.filter(\.isCrowded).count)
  }

  /// How many wait before anybody who was let go has gone.
  fileprivate func line(settling token: UInt64, of member: UInt64) -> Int {
    self.settle(token, .acknowledge, of: member)
    return self.line
  }

  /// The same of a member's leaving, its queue's too that is gone then.
  fileprivate func line(leaving member: UInt64) -> Int {
    let queues = self.queues
    self.leave(member)
    return queues.reduce(0) { $0 + $1.waiting.count }
  }

  fileprivate func lineAfterTheEnd() -> Int {
    self.close { [] }
    return self.line
  }
}
