import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NIOCore

/// Records of a log that are sent back, or shown to be what would be sent. It reads in steps, sends
/// at its rate, and counts a record as sent when what keeps it has it.
final class ResendJob: TimerTarget {
  typealias State = ResendProgress.State

  /// So many are on the way to where they last.
  private static var underWayMax: Int { 1_024 }
  /// After so many failures in a row it gives up.
  private static var failuresMax: Int { 10 }
  private static var examplesMax: Int { 20 }
  /// So many parts are looked at before others have a turn.
  private static var stepsMax: Int { 64 }
  /// How long it waits where it has to, in nanoseconds.
  private static var pause: Int64 { 10_000_000 }
  /// How often it is written down how far it is, in nanoseconds.
  static var noteInterval: Int64 { 1_000_000_000 }

  private enum Kind {
    static let pause = 0
    static let note = 1
  }

  /// A record whose copy was sent, and lasts or not.
  private struct Sent {
    var span: Int
    var offset: UInt64
    var isSettled = false
  }

  let id: UInt64
  let startedAt: Int64
  private(set) var plan: ResendPlan
  private let engine: Engine
  /// What is to be sent; only while it is running.
  private var order: ResendOrder?
  /// Where it reads is `span` and `next`.
  private var now = ResendProgress()
  private var failuresInARow = 0
  private var examples: [JSONValue] = []
  /// From the first that is not settled on, in the order of reading.
  private var sent = CircularBuffer<Sent>()
  /// How many were taken from the front of `sent`.
  private var settledCount = 0
  private var underWay = 0
  private var bucket: TokenBucket?
  private var walk: RecordWalk?
  private var isPaused = false
  private var isGoing = false
  private var hasReadAll = false
  private var noteTimer: Timers.Token?
  private var noted: ResendProgress?
  /// How far it was at its end.
  private var passed: Double?
  /// Called when it ends.
  var whenEnded: [() -> Void] = []
  /// Writes down how far it is.
  var note: ((ResendJob) -> Void)?

  init(id: UInt64, _ order: ResendOrder) {
    self.id = id
    self.engine = order.tenant.engine
    self.startedAt = self.engine.now
    self.plan = ResendPlan(order)
    self.now.next = self.plan.spans.first?.start ?? 0
    self.take(order)
  }

  /// One that was written down: what was running is interrupted.
  init?(stored: JSONValue, _ engine: Engine) {
    guard let id = stored["id"]?.integer, id > 0, let startedAt = stored["started_at"]?.integer,
      let plan = ResendPlan(stored)
    else { return nil }
    self.id = UInt64(id)
    self.startedAt = startedAt
    self.plan = plan
    self.engine = engine
    self.read(progress: stored)
  }

  /// Takes up what was written down later.
  func read(progress stored: JSONValue) {
    guard var progress = stored["progress"].flatMap({ ResendProgress($0) }) else { return }
    if progress.state == .running { progress.state = .interrupted }
    self.now = progress
    self.passed = progress.state == .done ? 1 : nil
  }

  var state: State { self.now.state }

  private func take(_ order: ResendOrder) {
    self.order = order
    if order.rate > 0 {
      // A tenth of a second may be made up for.
      self.bucket = TokenBucket(
        perSecond: order.rate, burst: max(1, order.rate / 10), now: self.engine.now)
    }
  }

  func start() {
    self.scheduleNote()
    self.goOn()
  }

  /// Why it cannot go on; `nil` when it can.
  var obstacle: String? {
    switch self.state {
    case .running: return "it is running"
    case .done: return "it is done"
    case .cancelled, .failed, .interrupted: break
    }
    if self.plan.isDryRun { return "it was a dry run" }
    if self.underWay > 0 { return "what it has sent is still under way" }
    if self.plan.document == .null { return "what it was to send is not known any more" }
    return nil
  }

  /// Goes on where it was.
  func resume(_ order: ResendOrder) {
    self.now.state = .running
    self.now.endedAt = nil
    self.now.error = nil
    self.passed = nil
    self.failuresInARow = 0
    self.hasReadAll = false
    self.take(order)
    self.start()
  }

  /// It cannot begin.
  func refuse(_ reason: String) {
    self.now.error = reason
    self.end(.failed)
  }

  /// Ends it; what is under way arrives.
  func cancel() {
    guard self.state == .running || self.state == .interrupted else { return }
    self.walk?.cancel()
    self.walk = nil
    self.end(.cancelled)
  }

  func timerFired(_ kind: Int) {
    if kind == Kind.note {
      self.noteTimer = nil
      self.noteNow()
      self.scheduleNote()
    } else {
      // Of many whose pause is over, each has its own turn.
      self.engine.later {
        self.isPaused = false
        self.goOn()
      }
    }
  }

  // MARK: Noting

  /// What is done with, and what is counted but for records that are sent again if it goes on here.
  var progress: ResendProgress {
    var progress = self.now
    if let first = self.sent.first {
      progress.span = first.span
      progress.next = first.offset
      progress.lookedAt -= self.sent.count
      progress.chosen -= self.sent.count
    }
    return progress
  }

  private func scheduleNote() {
    guard self.note != nil, self.state == .running, self.noteTimer == nil else { return }
    self.noteTimer = self.engine.timers.schedule(
      at: self.engine.now + Self.noteInterval, self, kind: Kind.note)
  }

  private func noteNow() {
    let progress = self.progress
    guard progress != self.noted else { return }
    self.noted = progress
    self.note?(self)
  }

  /// A copy lasts, or never will; what all before it are as well is done with.
  private func settle(_ number: Int) {
    let place = self.sent.index(self.sent.startIndex, offsetBy: number - self.settledCount)
    self.sent[place].isSettled = true
    while self.sent.first?.isSettled == true {
      self.sent.removeFirst()
      self.settledCount += 1
    }
  }

  // MARK: Reading

  private func goOn() {
    // In a loop, for there may be thousands of parts that are short.
    guard !self.isGoing else { return }
    self.isGoing = true
    var steps = 0
    while let order = self.order, self.walk == nil, !self.isPaused, !self.hasReadAll {
      steps += 1
      if self.now.span >= order.parts.count || self.now.chosen >= order.limit {
        self.hasReadAll = true
      } else if steps > Self.stepsMax {
        self.wait()
      } else {
        self.readOn(order)
      }
    }
    self.isGoing = false
    self.endIfDone()
  }

  private func readOn(_ order: ResendOrder) {
    let part = order.parts[self.now.span]
    var wasStopped = false
    let walk = RecordWalk(
      part.view, from: self.now.next, to: part.end,
      visit: { found, message in
        guard self.state == .running, self.now.chosen < order.limit else { return false }
        guard self.take(found, &message, order, part.view) else {
          wasStopped = true
          return false
        }
        self.now.next = found.offset + 1
        return true
      },
      done: { walk in
        self.walk = nil
        guard self.state == .running else { return }
        self.now.unreadable += walk.unreadable
        if wasStopped {
          self.wait()
        } else if self.now.chosen < order.limit {
          self.now.span += 1
          if self.now.span < order.parts.count {
            self.now.next = order.parts[self.now.span].start
          }
        }
        self.goOn()
      })
    self.walk = walk
    walk.start()
  }

  private func wait() {
    guard !self.isPaused else { return }
    self.isPaused = true
    _ = self.engine.timers.schedule(
      at: self.engine.now + Self.pause, self, kind: Kind.pause)
  }

  /// - Returns: whether the record had its turn; if not, it is looked at again.
  private func take(
    _ found: RecordWalk.Found, _ message: inout Publication, _ order: ResendOrder, _ view: LogView
  ) -> Bool {
    guard order.filter.matches(&message, self.engine) else {
      self.now.lookedAt += 1
      return true
    }
    guard let topic = order.destination(of: &message, self.engine) else {
      self.now.lookedAt += 1
      self.now.withoutOrigin += 1
      return true
    }
    if !order.isDryRun {
      guard self.underWay < Self.underWayMax, self.bucket?.take(now: self.engine.now) ?? true
      else { return false }
    }
    self.now.lookedAt += 1
    self.now.chosen += 1
    if self.examples.count < Self.examplesMax {
      self.examples.append(
        .record([
          "partition": view.partition.map { .count($0) } ?? .null,
          "offset": .count(found.offset), "topic": .text(topic),
          "bytes": .count(order.edit.payload?.count ?? message.payload.count),
        ]))
    }
    if !order.isDryRun {
      self.send(order.copy(of: &message, to: topic, self.engine), found.offset, order, view)
    }
    return true
  }

  // MARK: Sending

  private func send(_ record: Record, _ offset: UInt64, _ order: ResendOrder, _ view: LogView) {
    let tenant = order.tenant
    let (taken, kept): (Int, Kept) = record.withPublication { publication in
      var memo: Route?
      let taken = tenant.publish(&publication, memo: &memo)
      return (taken, publication.kept)
    }
    guard !kept.isRefused else { return self.noteFailure("it was refused") }
    guard taken > 0 || !kept.isEmpty else {
      self.now.unheard += 1
      return
    }
    self.underWay += 1
    let number = self.settledCount + self.sent.count
    self.sent.append(Sent(span: self.now.span, offset: offset))
    kept.whenCommitted { error in
      self.underWay -= 1
      self.settle(number)
      if let error {
        self.noteFailure(error.message)
      } else {
        self.failuresInARow = 0
        self.now.sent += 1
        if order.removes { self.remove(offset, view) }
      }
      self.endIfDone()
      // Ended before: what has arrived since is not sent again.
      if self.state != .running, self.underWay == 0 { self.noteNow() }
    }
  }

  private func noteFailure(_ reason: String) {
    self.now.failed += 1
    self.failuresInARow += 1
    self.now.error = reason
    if self.failuresInARow >= Self.failuresMax, self.state == .running { self.end(.failed) }
  }

  private func remove(_ offset: UInt64, _ view: LogView) {
    do throws(EngineError) {
      try view.remove(offset) { if $0 { self.now.removed += 1 } }
    } catch {
      self.now.error = error.message
    }
  }

  // MARK: The end

  private func endIfDone() {
    guard self.state == .running, self.hasReadAll, self.underWay == 0 else { return }
    self.end(.done)
  }

  private func end(_ state: State) {
    self.passed = state == .done ? 1 : self.share
    self.now.state = state
    self.now.endedAt = self.engine.now
    // A job is remembered for a while, and would keep a stream that is deleted in memory.
    self.order = nil
    if state == .done || self.plan.isDryRun { self.plan.close() }
    if let timer = self.noteTimer { self.engine.timers.cancel(timer) }
    self.noteTimer = nil
    self.noteNow()
    let bodies = self.whenEnded
    self.whenEnded = []
    for body in bodies { body() }
  }

  // MARK: JSON

  /// How much of what is to be looked at was, from 0 to 1.
  private var share: Double {
    if let passed = self.passed { return passed }
    var all = 0.0
    var past = 0.0
    for (index, part) in self.plan.spans.enumerated() {
      let length = part.end > part.start ? Double(part.end - part.start) : 0
      all += length
      if index < self.now.span {
        past += length
      } else if index == self.now.span, self.now.next > part.start {
        past += min(length, Double(self.now.next - part.start))
      }
    }
    return all > 0 ? past / all : 1
  }

  /// What it is, and how far.
  var members: [JSONValue.Member] {
    let head: [JSONValue.Member] = [
      .init("id", .count(self.id)), .init("state", .string(self.state.rawValue)),
    ]
    let times: [JSONValue.Member] = [
      .init("started_at", .time(self.startedAt)),
      .init("ended_at", self.now.endedAt.map { .time($0) } ?? .null),
      .init("progress", .double((self.share * 1_000).rounded() / 1_000)),
      .init("can_go_on", .bool(self.obstacle == nil)),
    ]
    return head + self.plan.shown + times + self.now.counts
  }

  /// All of it, with the first records.
  var json: JSONValue {
    .object(self.members + [.init("examples", .array(self.examples))])
  }

  /// What is written down when it begins.
  var stored: JSONValue {
    .object(
      [
        .init("id", .count(self.id)), .init("started_at", .integer(self.startedAt)),
      ] + self.plan.members + [.init("progress", self.progress.json)])
  }

  /// What is written down while it goes on.
  var storedProgress: JSONValue {
    .record(["id": .count(self.id), "progress": self.progress.json])
  }
}
