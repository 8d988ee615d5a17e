import NIOCore
import NIOPosix

/// Where passwords are checked: on a thread of their own, one after the other, and no more of them
/// waiting than it says. It outlives a change of the settings, so that its bounds do, too.
///
/// Confined to the loop.
final class PasswordDesk {
  /// Passwords that wait to be checked; further ones are turned away.
  static let waitingMax = 256
  /// How many of them come from one address, so that nobody shuts the others out alone.
  static let waitingPerAddressMax = 128

  /// Passwords that wait at this moment, the one that is being checked among them.
  private(set) var waiting = 0
  /// Passwords that were turned away because too many waited.
  private(set) var turnedAway: UInt64 = 0
  private var waitingByAddress: [String: Int] = [:]
  private let eventLoop: any EventLoop
  private let pool: NIOThreadPool

  init(eventLoop: any EventLoop, pool: NIOThreadPool) {
    self.eventLoop = eventLoop
    self.pool = pool
  }

  /// Runs `check` on the thread and `completion` on the loop, with `nil` when the thread is gone.
  ///
  /// - Returns: false when too many wait; neither is called then.
  func accept<Answer: Sendable>(
    from address: String, check: @escaping @Sendable () -> Answer,
    completion: @escaping (Answer?) -> Void
  ) -> Bool {
    let own = self.waitingByAddress[address] ?? 0
    guard self.waiting < Self.waitingMax, own < Self.waitingPerAddressMax else {
      self.turnedAway &+= 1
      return false
    }
    self.waiting += 1
    self.waitingByAddress[address] = own + 1
    let bound = NIOLoopBound((self, completion), eventLoop: self.eventLoop)
    self.pool.runIfActive(eventLoop: self.eventLoop, check).whenComplete { result in
      let (this, completion) = bound.value
      this.waiting -= 1
      let left = (this.waitingByAddress[address] ?? 1) - 1
      this.waitingByAddress[address] = left > 0 ? left : nil
      completion(try? result.get())
    }
    return true
  }
}
