import GodwitEngine
import GodwitSimulator
import GodwitStorage
import GodwitWireTesting
import NIOCore

/// A file log on a simulated disk, driven by a seed, beside what it may and must hold.
final class LogWorld {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let disk: SimulatedDisk
  let settings: StoreSettings
  private(set) var random: SplitMix64
  private(set) var engine = Engine(now: 1)
  private(set) var store: FileStore!
  private(set) var log: (any Log)!
  private(set) var reports: [StorageReport] = []
  private var turns: [() -> Void] = []
  private var number = 0
  /// Everything that was ever appended at an offset and could be there.
  private var possible: [UInt64: Set<String>] = [:]
  /// What was confirmed, and not removed since.
  private(set) var confirmed: [UInt64: String] = [:]
  /// What a reader has seen.
  private var seen: [UInt64: String] = [:]
  private var removed: Set<UInt64> = []
  /// Up to where it was trimmed.
  private var trimmed: UInt64 = 0
  /// Whether what was removed is written down: a disk that refuses takes files away all the same.
  var keepsMarks = true
  /// When what is written down as this was made.
  private var times: [String: Int64] = [:]
  private(set) var refusals = 0

  init(
    seed: UInt64, sync: StoreSettings.Sync, change: (inout StoreSettings) -> Void = { _ in }
  ) throws {
    self.random = SplitMix64(seed: seed)
    self.disk = SimulatedDisk(seed: self.random.next())
    var settings = StoreSettings()
    settings.sync = sync
    settings.segmentBytesMax = Int.random(in: 200...4_000, using: &self.random)
    settings.blockBytes = Int.random(in: 64...600, using: &self.random)
    settings.cacheBytesMax = Int.random(in: 64...4_000, using: &self.random)
    change(&settings)
    self.settings = settings
    try self.open()
  }

  func open() throws {
    self.engine = Engine(now: self.engine.now)
    self.turns = []
    self.compactions += self.store?.compactionCount ?? 0
    var salts = SplitMix64(seed: self.random.next())
    self.store = try FileStore(
      folder: "data", disk: self.disk, engine: self.engine, settings: self.settings,
      makeSalt: { UInt32(truncatingIfNeeded: salts.next()) },
      atTurnEnd: { [unowned self] in self.turns.append($0) },
      report: { [unowned self] in self.reports.append($0) })
    self.log = try self.store.log(named: "log")
  }

  // MARK: Steps

  private func makeBody() -> String {
    self.number += 1
    return String(self.number)
      + String(repeating: "x", count: Int.random(in: 0...80, using: &self.random))
  }

  func append() {
    let body = self.makeBody()
    let record = self.engine.tenant(named: "t").record(
      topic: Array("a.b".utf8), payload: Array(body.utf8))
    self.expect({ try self.log.append(record) }, 1, at: record.receivedAt) { _ in body }
  }

  func appendBatch() {
    let body = self.makeBody()
    let count = self.random.oneIn(20) ? 200 : Int.random(in: 1...6, using: &self.random)
    let time = self.engine.now + Int64.random(in: -3...3, using: &self.random) * 400_000_000
    self.expect(
      {
        try self.log.append(
          batch: ByteBuffer(string: body), form: 7, origin: .engine, count: count, time: time)
      }, count, at: time
    ) { Self.text(batch: body, first: $0, count: count) }
  }

  private func expect(
    _ append: () throws -> UInt64, _ count: Int, at time: Int64, _ text: (UInt64) -> String
  ) {
    do {
      let first = try append()
      let text = text(first)
      let offsets = first..<first + UInt64(count)
      for offset in offsets { self.possible[offset, default: []].insert(text) }
      self.times[text] = time
      self.log.whenCommitted(before: offsets.upperBound) { [unowned self] error in
        if error == nil {
          for offset in offsets { self.confirmed[offset] = text }
        } else {
          self.refusals += 1
        }
      }
    } catch {
      self.refusals += 1
    }
  }

  func endTurn() {
    let turns = self.turns
    self.turns = []
    for turn in turns { turn() }
  }

  func tick() {
    self.engine.advance(to: self.engine.now + 400_000_000)
    _ = self.engine.timers.fireDue()
  }

  func remove() {
    guard let offset = self.confirmed.keys.sorted().randomElement(using: &self.random) else {
      return
    }
    self.removed.insert(offset)
    self.confirmed[offset] = nil
    self.log.remove(at: offset)
  }

  func trim() {
    guard self.log.committedOffset > 0 else { return }
    self.trim(before: UInt64.random(in: 0...self.log.committedOffset, using: &self.random))
  }

  /// Trims for the sake of age or size, and looks whether too much goes.
  func retain() throws {
    if Bool.random(using: &self.random) {
      let time = self.engine.now + Int64.random(in: -6...1, using: &self.random) * 400_000_000
      let end = self.log.trimOffset(olderThan: time)
      for (offset, text) in self.entries() where offset < end {
        guard let own = self.times[text], own < time else {
          throw Failure(description: "\(text) at \(offset) is not older than \(time)")
        }
      }
      self.trim(before: end)
    } else {
      let before = self.log.byteCount
      let bytes = Int.random(in: 0...max(1, before), using: &self.random)
      self.trim(before: self.log.trimOffset(keeping: bytes))
      guard self.log.byteCount >= bytes || self.log.byteCount == before else {
        throw Failure(
          description: "of \(before) bytes \(self.log.byteCount) are left in place of \(bytes)")
      }
    }
  }

  func trim(before end: UInt64) {
    self.log.trim(before: end)
    self.trimmed = max(self.trimmed, end)
    for offset in self.confirmed.keys where offset < end {
      self.confirmed[offset] = nil
      self.removed.insert(offset)
    }
    for offset in self.seen.keys where offset < end { self.removed.insert(offset) }
  }

  func read() throws {
    guard self.log.committedOffset > self.log.firstOffset else { return }
    let offset = UInt64.random(
      in: self.log.firstOffset..<self.log.committedOffset, using: &self.random)
    try self.check(offset)
  }

  func crash(_ kind: SimulatedDisk.Crash) throws {
    self.disk.crash(kind)
    let faults = self.disk.faults
    self.disk.faults = SimulatedDisk.Faults()
    // Policies but `always` promise nothing for a loss of power.
    if kind == .power, self.settings.sync != .always {
      self.confirmed = [:]
      self.seen = [:]
    }
    try self.open()
    self.disk.faults = faults
  }

  /// An orderly end, and a start.
  func restart() throws {
    self.store.close {}
    self.settle()
    try self.crash(.process)
  }

  // MARK: What must hold

  static func text(_ entry: LogEntry) -> String {
    switch entry {
    case .record(let record, _): String(buffer: record.body)
    case .batch(let bytes, _, let first, let count):
      self.text(batch: String(buffer: bytes), first: first, count: count)
    }
  }

  private static func text(batch: String, first: UInt64, count: Int) -> String {
    "\(count) from \(first): \(batch)"
  }

  private func text(_ offset: UInt64) -> String? {
    guard let entry = self.log.entry(at: offset) else { return nil }
    if case .record(let record, _) = entry, self.log.record(at: offset)?.body != record.body {
      return "another by record(at:)"
    }
    return Self.text(entry)
  }

  /// All that is there, with the first offset of each that was not removed.
  private func entries() -> [(offset: UInt64, text: String)] {
    var entries: [(offset: UInt64, text: String)] = []
    var offset = self.log.next(from: 0)
    while offset < self.log.committedOffset {
      let entry = self.log.entry(at: offset)
      if let entry { entries.append((offset, Self.text(entry))) }
      offset = self.log.next(from: entry?.offsets.upperBound ?? offset + 1)
    }
    return entries
  }

  private func checkTimes() throws {
    let time = self.engine.now + Int64.random(in: -9...3, using: &self.random) * 400_000_000
    let expected = self.entries().first { (self.times[$0.text] ?? .min) >= time }?.offset
    let found = self.log.offset(forTime: time)
    guard found == expected else {
      throw Failure(
        description: "\(time) begins at \(found ?? .max) in place of \(expected ?? .max)")
    }
  }

  private func check(_ offset: UInt64) throws {
    let text = self.text(offset)
    if let text {
      guard self.possible[offset]?.contains(text) == true else {
        throw Failure(description: "offset \(offset) holds \(text), which was never appended there")
      }
      if let seen = self.seen[offset], seen != text {
        throw Failure(description: "offset \(offset) was \(seen) and is \(text)")
      }
      self.seen[offset] = text
    }
    if let confirmed = self.confirmed[offset], text != confirmed {
      throw Failure(
        description: "offset \(offset) was confirmed as \(confirmed) and is \(text ?? "gone")")
    }
  }

  /// Everything that was confirmed is there, in its place, and nothing that was never appended.
  func checkAll() throws {
    let end = self.log.committedOffset
    guard self.confirmed.keys.allSatisfy({ $0 < end }) else {
      throw Failure(description: "the log ends at \(end), before \(self.confirmed.keys.max() ?? 0)")
    }
    let (start, first) = (self.log.startOffset, self.log.next(from: 0))
    // Where it was never trimmed, it may begin behind what a crash has taken before anybody saw it.
    let isMoved = start > self.trimmed && self.settings.sync == .always && self.keepsMarks
    let known = self.seen.keys.filter { $0 < start } + self.removed.filter { $0 < start }
    guard start <= first, !isMoved || known.isEmpty else {
      throw Failure(
        description: "trimmed before \(self.trimmed), it begins at \(start), first is \(first)")
    }
    for offset in self.log.firstOffset..<end { try self.check(offset) }
    for offset in self.confirmed.keys.sorted() { try self.check(offset) }
    var found = 0
    var offset = self.log.next(from: 0)
    while offset < end {
      found += 1
      offset = self.log.next(from: offset + 1)
    }
    let uncommitted = Int(self.log.nextOffset - end)
    guard found + uncommitted == self.log.count else {
      throw Failure(
        description: "\(found) records are there, \(uncommitted) to come, of \(self.log.count)")
    }
    try self.checkTimes()
    if self.log.count == 0, self.log.byteCount != 0 {
      throw Failure(description: "no record has \(self.log.byteCount) bytes")
    }
  }

  /// In one of so many steps a good part of the records goes, and some time; 0 for never.
  var removing = 0
  /// How often segments were written anew, over all lives.
  private(set) var compactions: UInt64 = 0

  private func removeMany() {
    for _ in 0..<Int.random(in: 1...12, using: &self.random) { self.remove() }
    if self.random.oneIn(2) { self.tick() }
  }

  /// One random step.
  func step(_ crashes: [SimulatedDisk.Crash]) throws {
    if self.random.oneIn(self.removing) { return self.removeMany() }
    switch Int.random(in: 0..<42, using: &self.random) {
    case 0..<10: self.append()
    case 10..<16: self.appendBatch()
    case 16..<24: self.endTurn()
    case 24..<29: self.disk.answer()
    case 29..<31: self.remove()
    case 31: if self.random.oneIn(3) { self.trim() }
    case 32..<36: try self.read()
    case 36: self.tick()
    case 37: try self.checkAll()
    case 38: self.log.whenAppended {}
    case 39: if self.random.oneIn(3) { try self.retain() }
    case 40:
      if self.random.oneIn(4) {
        try self.restart()
        try self.checkAll()
      }
    default:
      if let kind = crashes.randomElement(using: &self.random), self.random.oneIn(2) {
        try self.crash(kind)
        try self.checkAll()
      }
    }
  }

  /// Lets everything that is under way come to its end.
  func settle() {
    for _ in 0..<200 {
      self.endTurn()
      while self.disk.isBusy { self.disk.answer() }
      if self.turns.isEmpty { return }
    }
  }
}
