import GodwitPrimitives
import NIOCore

/// What became of a record in a group, as it is written down.
enum StreamNote {
  /// It is lent, kept back, or to be handed out again; so many deliveries there were in all.
  case lent(UInt64, StreamGroup.Open, UInt64)
  /// It was handed out to a group that does not acknowledge.
  case passed(UInt64, UInt64)
  /// The group is done with it.
  case done(UInt64)
  /// It left the group, which is not done with it.
  case left(UInt64)
  /// Nothing before it is of interest.
  case cursor(UInt64)
}

/// The journal of a stream: which groups there are, and how far each has come.
///
/// What happens to records is gathered and written as one entry, within a few milliseconds or when
/// somebody waits for it.
extension Stream {
  private enum Kind {
    static let group: UInt8 = 1
    static let removed: UInt8 = 2
    static let notes: UInt8 = 3
  }

  private enum Code {
    static let lent: UInt8 = 1
    static let passed: UInt8 = 2
    static let done: UInt8 = 3
    static let cursor: UInt8 = 4
    static let left: UInt8 = 5
  }

  /// No note has more bytes.
  private static var noteBytesMax: Int { 4 + 1 + 8 + 8 + StreamGroup.Open.storedBytes }
  private static var notesMax: Int { 32_768 }
  private static var notesKept: Int { 4_096 }
  private static var noteNanoseconds: Int64 { 10_000_000 }

  // MARK: Writing

  func note(_ group: StreamGroup, _ note: StreamNote) {
    guard group.isJournaled else { return }
    self.notes.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.noteBytesMax) { target in
      var writer = NoteWriter(target)
      switch note {
      case .lent(let offset, let open, let sequence):
        writer.write(group.number, Code.lent, offset)
        writer.write(sequence)
        writer.write(open.dated(by: self.engine.stepped))
      case .passed(let offset, let sequence):
        writer.write(group.number, Code.passed, offset)
        writer.write(sequence)
      case .done(let offset): writer.write(group.number, Code.done, offset)
      case .left(let offset): writer.write(group.number, Code.left, offset)
      case .cursor(let offset): writer.write(group.number, Code.cursor, offset)
      }
      return writer.count
    }
    if self.notes.readableBytes > Self.notesMax {
      self.flushNotes()
    } else if self.noteTimer == nil {
      self.noteTimer = self.engine.timers.schedule(
        at: self.engine.now + Self.noteNanoseconds, self, kind: Alarm.notes)
    }
  }

  func flushNotes() {
    guard self.notes.readableBytes > 0, !self.isDeleted else { return }
    var entry = ByteBuffer(integer: Kind.notes)
    entry.writeBuffer(&self.notes)
    // A few are kept room for, many come in waves.
    if self.notes.capacity > Self.notesKept {
      self.notes.clear(minimumCapacity: 0)
    } else {
      self.notes.clear()
    }
    self.journal.append(entry)
    self.snapshotIfWanted()
  }

  /// Writes all of a group down.
  func write(_ group: StreamGroup) {
    guard group.isJournaled else { return }
    // It may become something else, or go.
    guard group.passing == nil else {
      group.isBehind = true
      return
    }
    self.flushNotes()
    self.journal.append(Self.entry(of: group))
    self.snapshotIfWanted()
  }

  /// Writes down what a group is to become, where that is to last; others wait until it does.
  func propose(
    _ change: StreamGroup.Change, of group: StreamGroup,
    _ body: @escaping (EngineError?) -> Void
  ) {
    guard group.isJournaled else { return body(nil) }
    self.flushNotes()
    group.turns.begin()
    group.passing = change
    self.journal.propose([Self.entry(of: group)]) { error in
      group.passing = nil
      body(error)
      if group.isBehind {
        group.isBehind = false
        self.write(group)
      }
      group.turns.end()
    }
    self.snapshotIfWanted()
  }

  private func snapshotIfWanted() {
    guard self.journal.wantsSnapshot else { return }
    self.journal.replace { add in
      for group in self.groupsByNumber.values where group.isJournaled {
        add(Self.entry(of: group))
      }
    }
  }

  /// A group as it is, or is to become.
  private static func entry(of group: StreamGroup) -> ByteBuffer {
    if case .removed = group.passing {
      var entry = ByteBuffer(integer: Kind.removed)
      entry.writeInteger(group.number)
      return entry
    }
    var entry = ByteBuffer(integer: Kind.group)
    group.store(into: &entry)
    return entry
  }

  // MARK: Reading

  /// Makes the groups that were written down.
  func restoreGroups() throws(EngineError) {
    var groups: [UInt32: StreamGroup] = [:]
    var done: Set<UInt64> = []
    try self.journal.replay { entry in
      var entry = entry
      switch entry.readInteger(as: UInt8.self) {
      case Kind.group:
        if let group = StreamGroup(stored: &entry, stream: self) { groups[group.number] = group }
      case Kind.removed:
        if let number = entry.readInteger(as: UInt32.self) { groups[number] = nil }
      case Kind.notes: Self.apply(&entry, to: groups, &done)
      default: break
      }
    }
    for group in groups.values {
      try self.add(group)
      group.goOn(self)
    }
    guard self.settings.retention != .limits else { return }
    // The log may have forgotten that these went.
    for offset in done.sorted() { self.groupIsDone(with: offset) }
    if self.settings.retention == .interest { self.dropUnmatched() }
  }

  private static func apply(
    _ entry: inout ByteBuffer, to groups: [UInt32: StreamGroup], _ done: inout Set<UInt64>
  ) {
    while let (number, code, offset) = entry.readMultipleIntegers(
      as: (UInt32, UInt8, UInt64).self)
    {
      let group = groups[number]
      switch code {
      case Code.lent:
        guard let sequence = entry.readInteger(as: UInt64.self),
          let open = StreamGroup.Open(stored: &entry)
        else { return }
        group?.restore(offset, open, sequence)
      case Code.passed:
        guard let sequence = entry.readInteger(as: UInt64.self) else { return }
        group?.restore(offset, nil, sequence)
      case Code.done:
        group?.restoreDone(offset)
        done.insert(offset)
      case Code.left: group?.restoreDone(offset)
      case Code.cursor: group?.restoreCursor(offset)
      default: return
      }
    }
  }
}

/// Writes a note into memory that has room for it: there are two for each record that is handed out
/// and acknowledged, and a buffer's own calls, number by number, took longer than all else.
private struct NoteWriter {
  private let target: UnsafeMutableRawBufferPointer
  /// How many bytes were written.
  private(set) var count = 0

  init(_ target: UnsafeMutableRawBufferPointer) {
    self.target = target
  }

  mutating func write<Number: FixedWidthInteger>(_ number: Number) {
    self.target.storeBytes(of: number.bigEndian, toByteOffset: self.count, as: Number.self)
    self.count += MemoryLayout<Number>.size
  }

  mutating func write(_ group: UInt32, _ code: UInt8, _ offset: UInt64) {
    self.write(group)
    self.write(code)
    self.write(offset)
  }

  mutating func write(_ open: StreamGroup.Open) {
    self.write(open.sequence)
    self.write(UInt32(truncatingIfNeeded: open.deliveryCount))
    self.write(open.deadline)
    self.write(UInt8(open.isReturned ? 1 : 0))
  }
}

extension StreamGroup.Open {
  /// With its deadline as a date, by which another life counts.
  func dated(by stepped: Int64) -> Self {
    var dated = self
    dated.deadline = self.deadline.addingClamped(stepped)
    return dated
  }

  /// How many bytes it has, written down.
  static var storedBytes: Int { 8 + 4 + 8 + 1 }

  func store(into buffer: inout ByteBuffer) {
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.storedBytes) { target in
      var writer = NoteWriter(target)
      writer.write(self)
      return writer.count
    }
  }

  init?(stored: inout ByteBuffer) {
    guard
      let (sequence, count, deadline, isReturned) = stored.readMultipleIntegers(
        as: (UInt64, UInt32, Int64, UInt8).self)
    else { return nil }
    self.init(
      sequence: sequence, deliveryCount: Int(count), deadline: deadline,
      isReturned: isReturned != 0)
  }
}

/// A group as it is written down whole.
extension StreamGroup {
  func store(into buffer: inout ByteBuffer) {
    var settings = self.settings.stored
    if case .defined(let coming) = self.passing { settings = coming.stored }
    buffer.writeMultipleIntegers(
      self.number, self.createdAt, self.lastDeliveredAt, self.lastAcknowledgedAt)
    buffer.writeMultipleIntegers(self.cursor, self.sequence, self.paceEnd, self.chosenEnd)
    buffer.writeInteger(UInt32(truncatingIfNeeded: settings.readableBytes))
    buffer.writeImmutableBuffer(settings)
    buffer.writeInteger(UInt32(truncatingIfNeeded: self.chosen.count))
    for offset in self.chosen { buffer.writeInteger(offset) }
    buffer.writeInteger(UInt32(truncatingIfNeeded: self.open.count))
    for (offset, open) in self.open.all {
      buffer.writeInteger(offset)
      open.dated(by: self.stream?.engine.stepped ?? 0).store(into: &buffer)
    }
  }

  convenience init?(stored buffer: inout ByteBuffer, stream: Stream) {
    guard
      let (number, createdAt, deliveredAt, acknowledgedAt) = buffer.readMultipleIntegers(
        as: (UInt32, Int64, Int64, Int64).self),
      let (cursor, sequence, paceEnd, chosenEnd) = buffer.readMultipleIntegers(
        as: (UInt64, UInt64, UInt64, UInt64).self),
      let count = buffer.readInteger(as: UInt32.self),
      let definition = buffer.readSlice(length: Int(count)),
      let settings = StreamGroupSettings(stored: definition),
      let chosenCount = buffer.readInteger(as: UInt32.self)
    else { return nil }
    self.init(settings: settings, stream: stream, number: number, createdAt: createdAt)
    self.lastDeliveredAt = deliveredAt
    self.lastAcknowledgedAt = acknowledgedAt
    self.cursor = cursor
    self.sequence = sequence
    self.paceEnd = paceEnd
    self.chosenEnd = chosenEnd
    for _ in 0..<chosenCount {
      guard let offset = buffer.readInteger(as: UInt64.self) else { return nil }
      self.chosen.append(offset)
    }
    guard let openCount = buffer.readInteger(as: UInt32.self) else { return nil }
    var open: [(offset: UInt64, open: Open)] = []
    for _ in 0..<openCount {
      guard let offset = buffer.readInteger(as: UInt64.self), let next = Open(stored: &buffer)
      else { return nil }
      open.append((offset, next))
    }
    self.open = OpenRecords(open)
  }

  func restore(_ offset: UInt64, _ open: Open?, _ sequence: UInt64) {
    self.open[offset] = open
    self.sequence = max(self.sequence, sequence)
    self.restoreCursor(offset + 1)
  }

  func restoreDone(_ offset: UInt64) {
    self.open[offset] = nil
    self.restoreCursor(offset + 1)
  }

  func restoreCursor(_ offset: UInt64) {
    self.cursor = max(self.cursor, offset)
    while let first = self.chosen.first, first < self.cursor { self.chosen.removeFirst() }
  }

  /// Takes up its work after all that was written down is read.
  func goOn(_ stream: Stream) {
    let log = stream.log
    self.cutBack(to: log.nextOffset)
    self.open = OpenRecords(self.open.all.filter { $0.offset < log.nextOffset })
    for (offset, open) in self.open.all {
      if open.isReturned {
        self.returned.insert(offset)
        self.returnedCount += 1
      } else {
        self.watch(offset, open.deadline, stream)
      }
    }
    self.recount(stream)
    self.touch()
  }
}
