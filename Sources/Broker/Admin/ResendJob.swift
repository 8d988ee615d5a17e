import GodwitEngine
import GodwitPrimitives
import GodwitWire

/// Records of a log that are sent back, or shown to be what would be sent. It reads in steps, sends
/// at its rate, and counts a record as sent when what keeps it has it.
final class ResendJob: TimerTarget {
  enum State: String {
    case running, done, cancelled, failed
  }

  /// So many are on the way to where they last.
  private static var underWayMax: Int { 1_024 }
  /// After so many failures in a row it gives up.
  private static var failuresMax: Int { 10 }
  private static var examplesMax: Int { 20 }
  /// So many parts are looked at before others have a turn.
  private static var stepsMax: Int { 64 }
  /// How long it waits where it has to, in nanoseconds.
  private static var pause: Int64 { 10_000_000 }

  let id: UInt64
  private(set) var order: ResendOrder
  let startedAt: Int64
  private(set) var endedAt: Int64?
  private(set) var state = State.running
  private(set) var lookedAt = 0
  /// Records that are to be sent.
  private(set) var chosen = 0
  private(set) var sent = 0
  private(set) var removed = 0
  private(set) var failed = 0
  /// Sent where nobody kept or took it: such a one is not removed.
  private(set) var unheard = 0
  /// Those that do not say where they come from.
  private(set) var withoutOrigin = 0
  private(set) var unreadable = 0
  private var failuresInARow = 0
  private var lastError: String?
  private var examples: [JSONValue] = []
  private var underWay = 0
  private var bucket: TokenBucket?
  private var part = 0
  private var next: UInt64
  private var walk: RecordWalk?
  private var isPaused = false
  private var isGoing = false
  private var hasReadAll = false
  /// How far it was at its end.
  private var passed: Double?
  /// Called when it ends.
  var whenEnded: [() -> Void] = []

  init(id: UInt64, _ order: ResendOrder) {
    let now = order.tenant.engine.now
    self.id = id
    self.order = order
    self.startedAt = now
    self.next = order.parts.first?.start ?? 0
    if order.rate > 0 {
      // A tenth of a second may be made up for.
      self.bucket = TokenBucket(
        perSecond: order.rate, burst: max(1, order.rate / 10), now: now)
    }
  }

  private var engine: Engine { self.order.tenant.engine }

  func start() { self.goOn() }

  /// Ends it; what is under way arrives.
  func cancel() {
    guard self.state == .running else { return }
    self.walk?.cancel()
    self.walk = nil
    self.end(.cancelled)
  }

  func timerFired(_ kind: Int) {
    self.isPaused = false
    self.goOn()
  }

  // MARK: Reading

  private func goOn() {
    // In a loop, for there may be thousands of parts that are short.
    guard !self.isGoing else { return }
    self.isGoing = true
    var steps = 0
    while self.state == .running, self.walk == nil, !self.isPaused, !self.hasReadAll {
      steps += 1
      if self.part >= self.order.parts.count || self.chosen >= self.order.limit {
        self.hasReadAll = true
      } else if steps > Self.stepsMax {
        self.wait()
      } else {
        self.readOn()
      }
    }
    self.isGoing = false
    self.endIfDone()
  }

  private func readOn() {
    let part = self.order.parts[self.part]
    var wasStopped = false
    let walk = RecordWalk(
      part.view, from: self.next, to: part.end,
      visit: { found, message in
        guard self.state == .running, self.chosen < self.order.limit else { return false }
        guard self.take(found, &message, part.view) else {
          wasStopped = true
          return false
        }
        self.next = found.offset + 1
        return true
      },
      done: { walk in
        self.walk = nil
        guard self.state == .running else { return }
        self.unreadable += walk.unreadable
        if wasStopped {
          self.wait()
        } else if self.chosen < self.order.limit {
          self.part += 1
          if self.part < self.order.parts.count { self.next = self.order.parts[self.part].start }
        }
        self.goOn()
      })
    self.walk = walk
    walk.start()
  }

  private func wait() {
    guard !self.isPaused else { return }
    self.isPaused = true
    _ = self.engine.timers.schedule(at: self.engine.now + Self.pause, self, kind: 0)
  }

  /// - Returns: whether the record had its turn; if not, it is looked at again.
  private func take(
    _ found: RecordWalk.Found, _ message: inout Publication, _ view: LogView
  ) -> Bool {
    guard self.order.filter.matches(&message, self.engine) else {
      self.lookedAt += 1
      return true
    }
    guard let topic = self.order.destination(of: &message, self.engine) else {
      self.lookedAt += 1
      self.withoutOrigin += 1
      return true
    }
    if !self.order.isDryRun {
      guard self.underWay < Self.underWayMax,
        self.bucket?.take(now: self.engine.now) ?? true
      else { return false }
    }
    self.lookedAt += 1
    self.chosen += 1
    if self.examples.count < Self.examplesMax {
      self.examples.append(
        .record([
          "partition": view.partition.map { .count($0) } ?? .null,
          "offset": .count(found.offset), "topic": .text(topic),
          "bytes": .count(self.order.edit.payload?.count ?? message.payload.count),
        ]))
    }
    if !self.order.isDryRun {
      self.send(self.order.copy(of: &message, to: topic, self.engine), found.offset, view)
    }
    return true
  }

  // MARK: Sending

  private func send(_ record: Record, _ offset: UInt64, _ view: LogView) {
    let tenant = self.order.tenant
    let (taken, kept): (Int, Kept) = record.withPublication { publication in
      var memo: Route?
      let taken = tenant.publish(&publication, memo: &memo)
      return (taken, publication.kept)
    }
    guard !kept.isRefused else { return self.noteFailure("it was refused") }
    guard taken > 0 || !kept.isEmpty else {
      self.unheard += 1
      return
    }
    self.underWay += 1
    kept.whenCommitted { error in
      self.underWay -= 1
      if let error {
        self.noteFailure(error.message)
      } else {
        self.failuresInARow = 0
        self.sent += 1
        if self.order.removes { self.remove(offset, view) }
      }
      self.endIfDone()
    }
  }

  private func noteFailure(_ reason: String) {
    self.failed += 1
    self.failuresInARow += 1
    self.lastError = reason
    if self.failuresInARow >= Self.failuresMax, self.state == .running { self.end(.failed) }
  }

  private func remove(_ offset: UInt64, _ view: LogView) {
    do throws(EngineError) {
      try view.remove(offset) { if $0 { self.removed += 1 } }
    } catch {
      self.lastError = error.message
    }
  }

  // MARK: The end

  private func endIfDone() {
    guard self.state == .running, self.hasReadAll, self.underWay == 0 else { return }
    self.end(.done)
  }

  private func end(_ state: State) {
    self.passed = state == .done ? 1 : self.progress
    self.state = state
    self.endedAt = self.engine.now
    // A job is remembered for a while, and would keep a stream that is deleted in memory.
    self.order.parts = []
    let bodies = self.whenEnded
    self.whenEnded = []
    for body in bodies { body() }
  }

  // MARK: JSON

  /// How much of what is to be looked at was, from 0 to 1.
  private var progress: Double {
    if let passed = self.passed { return passed }
    var all = 0.0
    var past = 0.0
    for (index, part) in self.order.parts.enumerated() {
      let span = part.end > part.start ? Double(part.end - part.start) : 0
      all += span
      if index < self.part {
        past += span
      } else if index == self.part, self.next > part.start {
        past += min(span, Double(self.next - part.start))
      }
    }
    return all > 0 ? past / all : 1
  }

  /// What it is, and how far.
  var members: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("id", .count(self.id)),
      .init("state", .string(self.state.rawValue)),
      .init("tenant", .string(self.order.tenant.name)),
      .init("stream", .string(self.order.name)),
      .init("kind", .string(self.order.kind)),
      .init("dry_run", .bool(self.order.isDryRun)),
      .init("remove", .bool(self.order.removes)),
      .init("edited", .bool(!self.order.edit.isEmpty)),
      .init("rate", self.order.rate > 0 ? .double(self.order.rate) : .null),
      .init("topic", self.order.topic.map { .text($0) } ?? .null),
    ]
    members += self.order.said
    members += [
      .init("started_at", .time(self.startedAt)),
      .init("ended_at", self.endedAt.map { .time($0) } ?? .null),
      .init("progress", .double((self.progress * 1_000).rounded() / 1_000)),
      .init("looked_at", .count(self.lookedAt)),
      .init("chosen", .count(self.chosen)),
      .init("sent", .count(self.sent)),
      .init("failed", .count(self.failed)),
      .init("unheard", .count(self.unheard)),
      .init("without_origin", .count(self.withoutOrigin)),
      .init("unreadable", .count(self.unreadable)),
      .init("removed", .count(self.removed)),
      .init("error", self.lastError.map { .string($0) } ?? .null),
    ]
    return members
  }

  /// All of it, with the first records.
  var json: JSONValue {
    .object(self.members + [.init("examples", .array(self.examples))])
  }
}
