import GodwitEngine
import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit

@Suite struct LoopTests {
  private final class Alarm: TimerTarget {
    func timerFired(_ kind: Int) {}
  }

  @Test func anEngineMayOutliveItsLoop() throws {
    let eventLoop = EmbeddedEventLoop()
    var loop: Loop? = Loop(eventLoop: eventLoop, wallNanoseconds: 1)
    weak let gone = loop
    let engine = try #require(loop).engine
    var count = 0
    engine.putOff? { count += 1 }
    eventLoop.advanceTime(by: .milliseconds(1))
    #expect(count == 1)
    loop?.stop()
    loop = nil
    #expect(gone == nil)
    // Nobody is there to do it.
    engine.putOff? { count += 1 }
    _ = engine.timers.schedule(at: engine.now + 1, Alarm(), kind: 0)
    eventLoop.advanceTime(by: .seconds(1))
    #expect(count == 1)
  }
}
