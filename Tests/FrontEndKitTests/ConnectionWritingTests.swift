import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit

@Suite struct ConnectionWritingTests {
  @Test func whatIsAppendedInOneTurnIsOneWrite() throws {
    let rig = try Rig.opened()
    for byte in 1...100 as ClosedRange<UInt8> { rig.append([byte]) }
    #expect(try rig.channel.readOutbound(as: ByteBuffer.self) == nil)
    rig.channel.embeddedEventLoop.run()
    let written = try rig.channel.readOutbound(as: ByteBuffer.self)
    #expect(written.map { Array($0.readableBytesView) } == Array(1...100))
    #expect(try rig.channel.readOutbound(as: ByteBuffer.self) == nil)
    #expect(rig.connection.counters.bytesOut == 100)
    #expect(rig.connection.pendingBytes == 0)
  }

  @Test func twoRunsAreOne() throws {
    let rig = try Rig.opened()
    let first: [UInt8] = [1, 2]
    let second: [UInt8] = [3]
    first.withUnsafeBytes { left in second.withUnsafeBytes { rig.connection.append(left, $0) } }
    rig.connection.append(count: 2) { $0.copyBytes(from: [4, 5]) }
    #expect(try rig.sent() == [1, 2, 3, 4, 5])
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func orderIsKeptWhateverTheSizesAndTheSocketsMoods(seed: UInt64) throws {
    var random = Random(seed: seed)
    let rig = try Rig.opened()
    var expected: [UInt8] = []
    var sent: [UInt8] = []
    for round in 0..<200 {
      let isLarge = Int.random(in: 0..<20, using: &random) == 0
      let size = Int.random(in: 0...(isLarge ? 200_000 : 300), using: &random)
      let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: size)
      expected += bytes
      if Bool.random(using: &random) {
        rig.append(bytes)
      } else {
        rig.connection.append(ByteBuffer(bytes: bytes))
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        let isWritable = Bool.random(using: &random)
        rig.channel.isWritable = isWritable
        rig.channel.pipeline.fireChannelWritabilityChanged()
      }
      if Int.random(in: 0..<3, using: &random) == 0 { sent += try rig.sent() }
    }
    rig.channel.isWritable = true
    rig.channel.pipeline.fireChannelWritabilityChanged()
    sent += try rig.sent()
    #expect(sent == expected, "seed \(seed)")
    #expect(rig.connection.pendingBytes == 0)
    #expect(rig.connection.counters.bytesOut == UInt64(expected.count))
  }

  @Test func bytesWaitForAFullSocket() throws {
    let rig = try Rig.opened()
    rig.channel.isWritable = false
    rig.append([1, 2, 3])
    #expect(try rig.sent() == [])
    #expect(rig.connection.pendingBytes == 3)
    #expect(rig.connection.stuckSince != 0)
    rig.append([4])
    #expect(try rig.sent() == [])
    let before = rig.session.events.count
    rig.channel.isWritable = true
    rig.channel.pipeline.fireChannelWritabilityChanged()
    #expect(try rig.sent() == [1, 2, 3, 4])
    #expect(rig.connection.stuckSince == 0)
    // Who waits for room hears of it although there never was too much.
    #expect(rig.session.events.count == before + 1)
    #expect(rig.session.events.last == "drained")
  }

  @Test func whoWaitsForRoomHearsOfItThoughTheSocketTakesAllAtOnce() throws {
    let rig = try Rig.opened()
    rig.append([1, 2, 3])
    #expect(try rig.sent() == [1, 2, 3])
    let before = rig.session.events
    rig.append([4, 5])
    rig.connection.awaitDrain()
    #expect(try rig.sent() == [4, 5])
    #expect(rig.session.events == before + ["drained"])
    rig.append([6])
    #expect(try rig.sent() == [6])
    #expect(rig.session.events == before + ["drained"])
  }

  @Test func theSessionIsToldOfTooMuchAndOfRelief() throws {
    let rig = try Rig.opened()
    rig.connection.pendingBytesMax = 1_000
    rig.channel.isWritable = false
    rig.append([UInt8](repeating: 0, count: 1_000))
    _ = try rig.sent()
    #expect(rig.session.events == ["opened"])
    rig.append([0])
    _ = try rig.sent()
    #expect(rig.session.events == ["opened", "overflowed"])
    rig.channel.isWritable = true
    rig.channel.pipeline.fireChannelWritabilityChanged()
    #expect(rig.session.events == ["opened", "overflowed", "drained"])
    #expect(try rig.sent().count == 1_001)
  }

  @Test func closingSaysTheLastWordsAndNoMore() throws {
    let rig = try Rig.opened()
    rig.append([1])
    rig.connection.close(.stale)
    #expect(!rig.connection.isOpen)
    rig.append([2])
    rig.connection.append(ByteBuffer(repeating: 3, count: 100_000))
    rig.connection.append(count: 1) { _ in Issue.record("asked after close") }
    rig.connection.close(.protocolError)
    #expect(try rig.sent() == [1])
    rig.wait(seconds: 3)
    #expect(rig.session.reasons == [.stale])
    #expect(rig.loop.connections.count == 0)
    #expect(rig.loop.connections.recentEnds.map(\.reason) == [.stale])
  }

  @Test func closingWaitsForAFullSocketButNotForEver() throws {
    let rig = try Rig.opened()
    rig.channel.isWritable = false
    rig.append([1])
    rig.connection.close(.stale)
    #expect(try rig.sent() == [])
    #expect(rig.channel.isActive)
    rig.wait(seconds: 3)
    #expect(!rig.channel.isActive)
    #expect(rig.session.reasons == [.stale])
  }

  @Test func aClosingConnectionReadsALittleAndThenNoMore() throws {
    let rig = try Rig.opened()
    rig.channel.isWritable = false
    rig.append([1])
    rig.connection.close(.protocolError)
    for _ in 0..<64 { try rig.receive([0]) }
    #expect(rig.channel.isActive)
    try rig.receive([0])
    #expect(!rig.channel.isActive)
    #expect(rig.session.frames == [])
  }

  @Test func abortSendsNothing() throws {
    let rig = try Rig.opened()
    rig.append([1])
    rig.connection.abort(.operatorRequest)
    #expect(try rig.sent() == [])
    #expect(rig.session.reasons == [.operatorRequest])
    rig.connection.abort(.stale)
    rig.connection.close(.stale)
    #expect(rig.session.reasons.count == 1)
  }

  @Test func theEndIsToldOnceWhateverEndsIt() throws {
    let peer = try Rig.opened()
    _ = try peer.channel.finish()
    #expect(peer.session.reasons == [.peerClosed])
    let broken = try Rig.opened()
    broken.channel.pipeline.fireErrorCaught(ChannelError.alreadyClosed)
    _ = try? broken.channel.finish()
    #expect(broken.session.reasons == [.ioError])
    #expect(broken.loop.connections.count == 0)
  }

  @Test func aLateAppendAfterTheEndIsHarmless() throws {
    let rig = try Rig.opened()
    _ = try rig.channel.finish()
    rig.append([1])
    rig.connection.pauseReading()
    rig.connection.resumeReading()
    rig.loop.flushDirty()
    #expect(rig.session.reasons.count == 1)
  }
}
