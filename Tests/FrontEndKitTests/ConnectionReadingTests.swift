import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit

@Suite struct ConnectionReadingTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func framesArriveWholeAndInOrderHoweverTheyAreCut(seed: UInt64) throws {
    var random = Random(seed: seed)
    let rig = try Rig.opened()
    rig.session.saysNeeds = seed.isMultiple(of: 2)
    var frames: [[UInt8]] = []
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      let count = Int.random(in: 0...5, using: &random) == 0 ? 9_000 : 40
      let size = Int.random(in: 0...count, using: &random)
      frames.append((0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
    var rest = frames.flatMap(frame)[...]
    while !rest.isEmpty {
      let step = Int.random(in: 1...(seed.isMultiple(of: 3) ? 3_000 : 60), using: &random)
      try rig.receive(rest.prefix(step))
      rest = rest.dropFirst(step)
    }
    #expect(rig.session.frames == frames, "seed \(seed)")
    #expect(!rig.session.broughtTooLittle, "seed \(seed)")
    #expect(rig.connection.counters.bytesIn == UInt64(frames.reduce(0) { $0 + $1.count + 2 }))
  }

  @Test func aLargeFrameIsNotScannedWithEveryPiece() throws {
    let rig = try Rig.opened()
    let body = [UInt8](repeating: 7, count: 60_000)
    var rest = frame(body)[...]
    while !rest.isEmpty {
      try rig.receive(rest.prefix(500))
      rest = rest.dropFirst(500)
    }
    #expect(rig.session.frames == [body])
    #expect(rig.session.shown.count <= 3, "\(rig.session.shown)")
  }

  @Test func theRestOfAReadIsShownAfterAPauseAndWhatCameMeanwhileAfterThat() throws {
    let rig = try Rig.opened()
    rig.session.pausesAfter = 2
    try rig.receive((1...4).flatMap { frame([$0]) } + [0])
    #expect(rig.session.frames == [[1], [2]])
    // A channel may hand over what it had read already.
    try rig.receive([1, 5])
    #expect(rig.session.frames.count == 2)
    rig.connection.resumeReading()
    #expect(rig.session.frames == [[1], [2], [3], [4], [5]])
    try rig.receive(frame([6]))
    #expect(rig.session.frames.last == [6])
  }

  @Test func aSessionMayPauseAgainWhileItIsResumed() throws {
    let rig = try Rig.opened()
    rig.session.pausesAfter = 1
    try rig.receive((1...3).flatMap { frame([$0]) })
    rig.session.pausesAfter = 2
    rig.connection.resumeReading()
    #expect(rig.session.frames == [[1], [2]])
    rig.connection.resumeReading()
    #expect(rig.session.frames == [[1], [2], [3]])
  }

  /// Were each of them a task of its own, one would be due whenever another ends, and the loop
  /// would never look at its sockets.
  @Test func whatIsPutOffTakesTurns() throws {
    let rig = try Rig.opened()
    var ran: [String] = []
    func work(_ name: String) {
      rig.loop.later {
        ran.append(name)
        let end = NIODeadline.now() + .milliseconds(3)
        while NIODeadline.now() < end {}
        if ran.count < 4 { work(name) }
      }
    }
    work("a")
    work("b")
    for turn in 1...4 {
      // After a long turn the next is longer away.
      var steps = 0
      while ran.count < turn, steps < 10_000 {
        rig.channel.embeddedEventLoop.advanceTime(by: .microseconds(50))
        steps += 1
      }
      #expect(ran == Array(["a", "b", "a", "b"].prefix(turn)))
      #expect(turn == 1 || steps > 4)
    }
  }

  /// A session may hand parts of what it is shown on, for as long as somebody wants them.
  @Test func whoHoldsAPartOfAReadHoldsWhatWasInIt() {
    let shared = SharedReceiveBuffer()
    let allocator = ByteBufferAllocator()
    var read = shared.take(allocator)
    read.writeString("first")
    var held = read.getSlice(at: 1, length: 3)
    shared.giveBack(read)
    read = shared.take(allocator)
    read.writeString("other")
    #expect(held == ByteBuffer(string: "irs"))
    held = nil
    let place = read.withUnsafeReadableBytes { $0.baseAddress }
    shared.giveBack(read)
    read = ByteBuffer()
    read = shared.take(allocator)
    read.writeString("third")
    #expect(read.withUnsafeReadableBytes { $0.baseAddress } == place)
  }

  @Test func nothingIsShownAfterClose() throws {
    let rig = try Rig.opened()
    rig.session.onFrame = { if $0 == [2] { rig.connection.close(.protocolError) } }
    try rig.receive((1...3).flatMap { frame([$0]) })
    #expect(rig.session.frames == [[1], [2]])
    try rig.receive(frame([4]))
    #expect(rig.session.frames == [[1], [2]])
  }

  @Test func theEndOfInputWaitsForAPausedReader() throws {
    let rig = try Rig.opened()
    rig.session.pausesAfter = 1
    try rig.receive(frame([1]) + frame([2]))
    rig.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(rig.session.events == ["opened"])
    rig.connection.resumeReading()
    #expect(rig.session.frames == [[1], [2]])
    #expect(rig.session.events == ["opened", "input closed"])
  }

  @Test func aSlowHandshakeIsCut() throws {
    let rig = try Rig(transport: .tls)
    try rig.channel.pipeline.syncOperations.addHandler(rig.connection)
    rig.channel.connect(to: try SocketAddress(ipAddress: "192.0.2.1", port: 7), promise: nil)
    #expect(rig.session.events == [])
    rig.wait(seconds: 9)
    #expect(rig.session.reasons == [])
    rig.wait(seconds: 2)
    #expect(rig.session.reasons == [.tlsError])
    #expect(!rig.channel.isActive)
  }
}
