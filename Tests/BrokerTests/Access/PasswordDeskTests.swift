import Dispatch
import NIOCore
import NIOPosix
import Testing

@testable import GodwitBroker

/// The desk takes so many passwords and no more, and gives each place back once.
struct PasswordDeskTests {
  private struct Course: Equatable {
    var accepted: [Int] = []
    var waiting = 0
    var turnedAway: UInt64 = 0
  }

  /// Offers passwords while the thread is held, and says how it went before and after.
  private func course(of offers: [(address: String, count: Int)]) throws -> (Course, Course) {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    defer { pool.shutdownGracefully { _ in } }
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let gate = DispatchSemaphore(value: 0)
    let over = eventLoop.makePromise(of: Course.self)
    let during = try eventLoop.submit {
      let desk = PasswordDesk(eventLoop: eventLoop, pool: pool)
      var course = Course()
      var answers = 0
      var expected = 0
      for (index, offer) in offers.enumerated() {
        course.accepted.append(0)
        for _ in 0..<offer.count {
          let isAccepted = desk.accept(from: offer.address) {
            gate.wait()
            return index
          } completion: { answer in
            #expect(answer == index)
            answers += 1
            guard answers == expected else { return }
            let again = desk.accept(from: offers[0].address, check: { 1 }, completion: { _ in })
            over.succeed(
              Course(
                accepted: [again ? 1 : 0], waiting: desk.waiting - 1,
                turnedAway: desk.turnedAway))
          }
          if isAccepted {
            course.accepted[index] += 1
            expected += 1
          }
        }
      }
      course.waiting = desk.waiting
      course.turnedAway = desk.turnedAway
      return course
    }.wait()
    for _ in 0..<during.waiting { gate.signal() }
    return (during, try over.futureResult.wait())
  }

  @Test func oneAddressGetsHalf() throws {
    let (during, after) = try self.course(of: [("10.0.0.1", 200), ("10.0.0.2", 5)])
    #expect(during == Course(accepted: [128, 5], waiting: 133, turnedAway: 72))
    #expect(after == Course(accepted: [1], waiting: 0, turnedAway: 72))
  }

  @Test func allTogetherGetSoMany() throws {
    let offers = (1...4).map { (address: "10.0.0.\($0)", count: 100) }
    let (during, after) = try self.course(of: offers)
    #expect(during == Course(accepted: [100, 100, 56, 0], waiting: 256, turnedAway: 144))
    #expect(after == Course(accepted: [1], waiting: 0, turnedAway: 144))
  }
}
