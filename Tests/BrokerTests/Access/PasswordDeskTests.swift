import Dispatch
import GodwitEngine
import NIOCore
import NIOPosix
import Testing

@testable import GodwitBroker

/// The desk takes so many passwords and no more, gives each place back once, and lets everybody
/// have a turn.
struct PasswordDeskTests {
  private struct Offer {
    var address: String
    var name = "u"
    var count = 1
  }

  private struct Course: Equatable, Sendable {
    /// The offers in the order in which they were answered.
    var answered: [Int] = []
    /// How many passwords of each offer were turned away.
    var busy: [Int]
    /// What waited when all were offered.
    var waiting = 0
    var turnedAway: UInt64 = 0
    /// What waited when all were answered.
    var left = -1
  }

  /// Offers passwords while the thread is held, and says how it went.
  private func course(of offers: [Offer]) throws -> Course {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    defer { pool.shutdownGracefully { _ in } }
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let gate = DispatchSemaphore(value: 0)
    let over = eventLoop.makePromise(of: Course.self)
    eventLoop.execute {
      let desk = PasswordDesk(eventLoop: eventLoop, pool: pool)
      var course = Course(busy: offers.map { _ in 0 })
      var open = offers.reduce(0) { $0 + $1.count }
      for (index, offer) in offers.enumerated() {
        for _ in 0..<offer.count {
          desk.accept(from: offer.address, for: offer.name) {
            gate.wait()
            return index
          } completion: { answer in
            switch answer {
            case .success(let index): course.answered.append(index)
            case .failure: course.busy[index] += 1
            }
            open -= 1
            guard open == 0 else { return }
            course.left = desk.waiting
            over.succeed(course)
          }
        }
      }
      course.waiting = desk.waiting
      course.turnedAway = desk.turnedAway
      for _ in 0..<course.waiting { gate.signal() }
    }
    return try over.futureResult.wait()
  }

  @Test func oneAddressHasItsBound() throws {
    let course = try self.course(of: [
      Offer(address: "10.0.0.1", count: 600), Offer(address: "10.0.0.2", count: 5),
    ])
    // One is being checked and waits no longer.
    #expect(course.busy == [87, 0] && course.turnedAway == 87)
    #expect(course.waiting == 518 && course.left == 0)
  }

  @Test func addressesAndNamesTakeTurns() throws {
    let course = try self.course(of: [
      Offer(address: "a", name: "x", count: 4), Offer(address: "a", name: "y"),
      Offer(address: "b", name: "x", count: 2), Offer(address: "c", name: "x"),
    ])
    #expect(course.answered == [0, 0, 2, 3, 1, 2, 0, 0])
  }

  @Test func whoHasMostGivesWayInAFullLine() throws {
    let course = try self.course(of: [
      Offer(address: "a", name: "flooded", count: 513), Offer(address: "a", name: "late"),
      Offer(address: "a", name: "flooded"),
    ])
    #expect(course.busy == [1, 0, 1])
  }

  @Test func whoHasMostGivesWayAtAFullDesk() throws {
    let floods = (1...4).map { Offer(address: "10.0.0.\($0)", count: 512) }
    let course = try self.course(of: floods + [Offer(address: "10.0.0.9", count: 2)])
    #expect(course.busy.last == 0 && course.turnedAway == 2)
    #expect(course.waiting == 2_048 && course.left == 0)
  }
}
