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

  private final class Counter: TimerTarget {
    var fired: [Int] = []
    func timerFired(_ kind: Int) { self.fired.append(kind) }
  }

  @Test(arguments: [3_600, 60 * 365 * 86_400] as [Int64])
  func theTimeOfDayIsFollowedForward(seconds: Int64) throws {
    let step = seconds * 1_000_000_000
    let loop = Loop(eventLoop: EmbeddedEventLoop(), wallNanoseconds: 1_000_000_000)
    defer { loop.stop() }
    let counter = Counter()
    let engine = loop.engine
    _ = engine.timers.schedule(at: engine.now + step / 2, counter, kind: 1)
    _ = engine.timers.schedule(at: engine.now + step * 2, counter, kind: 2)
    #expect(loop.follow(timeOfDay: engine.now + 1_000_000) < 100_000_000)
    #expect(counter.fired.isEmpty)
    let (before, uptime) = (engine.now, engine.uptime)
    #expect(loop.follow(timeOfDay: before + step) > step / 2)
    #expect(engine.now >= before + step)
    #expect(counter.fired == [1])
    // The engine has not run any longer for it.
    #expect((0..<60_000_000_000).contains(engine.uptime - uptime))
    // It goes on from there.
    loop.renewTime()
    #expect(engine.now < before + step + step / 2)
    // And never back.
    let ahead = engine.now
    #expect(loop.follow(timeOfDay: before) < -step / 2)
    #expect(engine.now >= ahead)
    loop.follow(timeOfDay: ahead + step * 2)
    #expect(counter.fired == [1, 2])
  }
}
