import GodwitEngine
import NIOCore
import NIOPosix

/// Where passwords are checked: on a thread of their own, one after the other, and no more of them
/// waiting than it says. It outlives a change of the settings, so that its bounds do, too.
///
/// Addresses take turns, and so do the user names that one address asks for: who floods the desk
/// waits behind himself. When there is no room, the newest of those who have most gives way.
///
/// Confined to the loop.
final class PasswordDesk {
  /// Passwords that wait to be checked; further ones are turned away.
  static let waitingMax = 2_048
  /// How many of them come from one address.
  static let waitingPerAddressMax = 512
  /// How many of those who wait are looked at to find one who has more than his share.
  private static let lookedAtMax = 16

  /// A password that waits.
  private struct Job {
    var start: () -> Void
    var turnAway: () -> Void
  }

  /// What waits from one address.
  private final class Line {
    /// The names in the order of their turns; each has jobs.
    var names = CircularBuffer<String>()
    var jobs: [String: CircularBuffer<Job>] = [:]
    var count = 0

    func append(_ job: Job, _ name: String) {
      if self.jobs[name] == nil { self.names.append(name) }
      self.jobs[name, default: CircularBuffer()].append(job)
      self.count += 1
    }

    func popFirst() -> Job? {
      guard let name = self.names.popFirst(), let job = self.jobs[name]?.popFirst() else {
        return nil
      }
      self.count -= 1
      if self.jobs[name]?.isEmpty == true {
        self.jobs[name] = nil
      } else {
        self.names.append(name)
      }
      return job
    }

    /// Takes the newest job of a name that has more than `count`.
    func popLast(ofMoreThan count: Int) -> Job? {
      let greedy = self.names.prefix(PasswordDesk.lookedAtMax).first {
        self.jobs[$0]?.count ?? 0 > max(1, count)
      }
      guard let greedy, let job = self.jobs[greedy]?.popLast() else { return nil }
      self.count -= 1
      return job
    }

    /// Takes the newest job of whoever has several, or that of the last.
    func popAny() -> Job? {
      if let job = self.popLast(ofMoreThan: 1) { return job }
      guard let name = self.names.last, let job = self.jobs[name]?.popLast() else { return nil }
      self.count -= 1
      if self.jobs[name]?.isEmpty == true {
        self.jobs[name] = nil
        _ = self.names.popLast()
      }
      return job
    }
  }

  /// Passwords that wait at this moment, the one that is being checked among them.
  private(set) var waiting = 0
  /// Passwords that were turned away because too many waited.
  private(set) var turnedAway: UInt64 = 0
  /// The addresses in the order of their turns; each has a line.
  private var addresses = CircularBuffer<String>()
  private var lines: [String: Line] = [:]
  private var isChecking = false
  private let eventLoop: any EventLoop
  private let pool: NIOThreadPool

  init(eventLoop: any EventLoop, pool: NIOThreadPool) {
    self.eventLoop = eventLoop
    self.pool = pool
  }

  /// Runs `check` on the thread when it is its turn, and `completion` on the loop: with `busy` when
  /// too many wait, perhaps before this returns, and with `badCredentials` when the thread is gone.
  func accept<Answer: Sendable>(
    from address: String, for name: String, check: @escaping @Sendable () -> Answer,
    completion: @escaping (Result<Answer, AccessRefusal>) -> Void
  ) {
    guard self.makeRoom(address, name) else {
      self.turnedAway &+= 1
      completion(.failure(.busy))
      return
    }
    let start = { [eventLoop, pool] in
      let bound = NIOLoopBound((self, completion), eventLoop: eventLoop)
      pool.runIfActive(eventLoop: eventLoop, check).whenComplete { result in
        let (this, completion) = bound.value
        this.waiting -= 1
        this.isChecking = false
        this.checkNext()
        completion(result.mapError { _ in .badCredentials })
      }
    }
    let line = self.lines[address] ?? Line()
    if self.lines.updateValue(line, forKey: address) == nil { self.addresses.append(address) }
    line.append(Job(start: start) { completion(.failure(.busy)) }, name)
    self.waiting += 1
    self.checkNext()
  }

  /// Whether there is room for one more, or somebody who has more gives way.
  private func makeRoom(_ address: String, _ name: String) -> Bool {
    let own = self.lines[address]
    let ownCount = own?.count ?? 0
    var leaving: Job?
    if let own, ownCount >= Self.waitingPerAddressMax {
      leaving = own.popLast(ofMoreThan: (own.jobs[name]?.count ?? 0) + 1)
    } else if self.waiting >= Self.waitingMax {
      let greedy = self.addresses.prefix(Self.lookedAtMax).first {
        self.lines[$0]?.count ?? 0 > ownCount + 1
      }
      leaving = greedy.flatMap { self.lines[$0]?.popAny() }
    } else {
      return true
    }
    guard let leaving else { return false }
    self.waiting -= 1
    self.turnedAway &+= 1
    leaving.turnAway()
    return true
  }

  private func checkNext() {
    guard !self.isChecking, let address = self.addresses.popFirst(),
      let line = self.lines[address], let job = line.popFirst()
    else { return }
    if line.count == 0 {
      self.lines[address] = nil
    } else {
      self.addresses.append(address)
    }
    self.isChecking = true
    job.start()
  }
}
