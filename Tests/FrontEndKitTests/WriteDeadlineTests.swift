import GodwitEngine
import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit

@Suite struct WriteDeadlineTests {
  private static func position(_ taken: Int64, _ waiting: Int) -> WriteWatch.Position {
    WriteWatch.Position(taken: taken, waiting: waiting)
  }

  @Test func onlyWhatTheSocketTookIsProgress() {
    let watch = WriteWatch(Self.position(100, 50), now: 10)
    // More was appended: nothing was taken.
    #expect(watch.idle(at: Self.position(100, 5_000), now: 20) == 10)
    // Framing makes what waits larger than what was handed over.
    #expect(watch.idle(at: Self.position(90, 5_090), now: 30) == 20)
    // The socket takes a byte.
    #expect(watch.idle(at: Self.position(101, 5_089), now: 40) == 0)
    #expect(watch.idle(at: Self.position(101, 6_000), now: 55) == 15)
    // Less waits, under framing that hides that it was taken.
    #expect(watch.idle(at: Self.position(101, 5_000), now: 60) == 0)
    #expect(watch.idle(at: Self.position(9_000, 0), now: 90) == nil)
  }

  private func stuck(deadline: Double) throws -> Rig {
    let rig = try Rig.opened()
    rig.connection.writeDeadlineSeconds = deadline
    rig.channel.isWritable = false
    rig.append([1, 2, 3])
    #expect(try rig.sent() == [])
    return rig
  }

  @Test func aSocketThatTakesNothingIsCut() throws {
    let rig = try self.stuck(deadline: 4)
    for _ in 0..<3 {
      rig.wait(seconds: 1)
      // What is appended meanwhile does not count as progress.
      rig.append([4])
      #expect(try rig.sent() == [])
    }
    #expect(rig.session.reasons == [])
    rig.wait(seconds: 2)
    #expect(rig.session.reasons == [.writeDeadline])
    #expect(rig.loop.connections.recentEnds.map(\.reason) == [.writeDeadline])
  }

  @Test func aSocketThatTakesALittleNowAndThenIsKept() throws {
    let rig = try self.stuck(deadline: 4)
    for _ in 0..<20 {
      rig.wait(seconds: 3)
      rig.append([UInt8](repeating: 0, count: 100_000))
      #expect(try rig.sent() == [])
      rig.channel.isWritable = true
      rig.channel.pipeline.fireChannelWritabilityChanged()
      rig.channel.isWritable = false
      #expect(try !rig.sent().isEmpty)
      rig.append([1])
      #expect(try rig.sent() == [])
    }
    #expect(rig.session.reasons == [])
    for _ in 0..<6 { rig.wait(seconds: 1) }
    #expect(rig.session.reasons == [.writeDeadline])
  }

  @Test func withoutADeadlineItWaitsForEver() throws {
    let rig = try self.stuck(deadline: 0)
    rig.wait(seconds: 100_000)
    #expect(rig.session.reasons == [])
    #expect(rig.loop.engine.timers.fireDue() == nil)
  }

  /// A socket that takes everything at once needs no watch.
  @Test func aHealthyConnectionCostsNoTimer() throws {
    let rig = try Rig.opened()
    rig.connection.writeDeadlineSeconds = 4
    #expect(rig.loop.engine.timers.fireDue() == nil)
    for _ in 0..<50 {
      rig.append([1])
      _ = try rig.sent()
      #expect(rig.loop.engine.timers.fireDue() == nil)
    }
    #expect(rig.session.reasons == [])
  }

  /// One timer for any number of messages, and none once everything is gone.
  @Test func aStuckConnectionCostsOneTimer() throws {
    let rig = try self.stuck(deadline: 4)
    #expect(rig.loop.engine.timers.fireDue() != nil)
    rig.channel.isWritable = true
    rig.channel.pipeline.fireChannelWritabilityChanged()
    #expect(try !rig.sent().isEmpty)
    rig.wait(seconds: 2)
    #expect(rig.loop.engine.timers.fireDue() == nil)
    #expect(rig.session.reasons == [])
  }

  @Test func theEndOfAConnectionEndsTheWatch() throws {
    let rig = try self.stuck(deadline: 4)
    _ = try? rig.channel.finish()
    #expect(rig.session.reasons == [.peerClosed])
    #expect(rig.loop.engine.timers.fireDue() == nil)
  }
}
