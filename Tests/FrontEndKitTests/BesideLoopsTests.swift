import GodwitEngine
import NIOCore
import NIOPosix
import Testing

@testable import GodwitFrontEndKit

struct BesideLoopsTests {
  @Test func whatHasOneNumberComesBackInOrderAndOnTheLoop() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    let results = try await eventLoop.flatSubmit { () -> EventLoopFuture<[[Int]]> in
      let loop = Loop(eventLoop: eventLoop, wallNanoseconds: 0)
      let beside = BesideLoops(beside: loop, count: 3)
      let promise = eventLoop.makePromise(of: [[Int]].self)
      var found: [[Int]] = [[], [], [], []]
      var left = 400
      for index in 0..<400 {
        beside.run(on: index % 4, { eventLoop.inEventLoop ? -1 : index }) { index in
          eventLoop.preconditionInEventLoop()
          if index < 0 { return promise.fail(OnTheLoop()) }
          found[index % 4].append(index)
          left -= 1
          if left == 0 {
            beside.stop()
            loop.stop()
            promise.succeed(found)
          }
        }
      }
      return promise.futureResult
    }.get()
    for number in 0..<4 {
      #expect(results[number] == Array(stride(from: number, to: 400, by: 4)))
    }
    try await group.shutdownGracefully()
  }

  @Test func afterTheEndNothingIsDone() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    let isDone = try await eventLoop.submit { () -> Bool in
      let loop = Loop(eventLoop: eventLoop, wallNanoseconds: 0)
      let beside = BesideLoops(beside: loop, count: 1)
      beside.stop()
      var isDone = false
      beside.run(on: 0, { true }) { isDone = $0 }
      loop.stop()
      return isDone
    }.get()
    #expect(!isDone)
    try await group.shutdownGracefully()
  }

  private struct OnTheLoop: Error {}
}
