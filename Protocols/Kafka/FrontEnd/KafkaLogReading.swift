import GodwitEngine
import KafkaWire
import NIOCore

/// A partition's records as Kafka's clients read them: batches as they were sent, and messages of
/// other protocols as batches made on the way.
enum KafkaLogReading {
  /// How large a batch may become when it is opened, in bytes.
  static let openedBytesMax = 64 << 20
  /// How many bytes one request may have opened.
  static let openedPerRequestMax = 128 << 20
  /// How many messages of other protocols make one batch.
  private static let gatheredMax = 1_000

  /// The batches from `offset` on.
  ///
  /// - Parameters:
  ///   - end: nothing from there on.
  ///   - bytesMax: the most bytes; one batch comes in any case.
  /// - Returns: the batches, and the offset behind the last of them.
  static func batches(
    of partition: Partition, from offset: UInt64, before end: UInt64, bytesMax: Int,
    _ engine: Engine
  ) -> (ByteBuffer, end: UInt64) {
    var entries = partition.entries(from: offset, maxBytes: bytesMax)
    if let beyond = entries.firstIndex(where: { $0.offsets.lowerBound >= end }) {
      entries.removeSubrange(beyond...)
    }
    let last = entries.last.map { max(offset, $0.offsets.upperBound) } ?? offset
    return (batches(of: entries, engine), last)
  }

  /// Entries as batches.
  static func batches(of entries: [LogEntry], _ engine: Engine) -> ByteBuffer {
    var output = ByteBuffer()
    if entries.count > 1 { output.reserveCapacity(entries.reduce(0) { $0 + $1.byteCount }) }
    var gathered: [(record: Record, offset: UInt64)] = []
    for entry in entries {
      switch entry {
      case .record(let record, let offset):
        if let last = gathered.last, last.offset + 1 != offset || gathered.count >= gatheredMax {
          write(&gathered, to: &output, engine)
        }
        gathered.append((record, offset))
      case .batch(var batch, _, let first, _):
        write(&gathered, to: &output, engine)
        placed(&batch, at: first)
        if output.readableBytes == 0, entries.count == 1 { return batch }
        output.writeImmutableBuffer(batch)
      }
    }
    write(&gathered, to: &output, engine)
    return output
  }

  /// A batch says where it stands. It was told when it was appended; this makes sure.
  private static func placed(_ batch: inout ByteBuffer, at offset: UInt64) {
    let said = batch.getInteger(at: batch.readerIndex, as: Int64.self)
    guard said != Int64(clamping: offset) else { return }
    batch.withUnsafeMutableReadableBytes {
      KafkaBatchHeader.assign(baseOffset: Int64(clamping: offset), leaderEpoch: 0, in: $0)
    }
  }

  private static func write(
    _ gathered: inout [(record: Record, offset: UInt64)], to output: inout ByteBuffer,
    _ engine: Engine
  ) {
    guard let first = gathered.first else { return }
    var builder = KafkaBatchBuilder()
    builder.baseOffset = Int64(clamping: first.offset)
    builder.leaderEpoch = 0
    do throws(KafkaBatchError) {
      for (record, offset) in gathered {
        try builder.append(KafkaEnvelope.record(of: record, offset: offset, engine))
      }
      output.writeImmutableBuffer(try builder.finish())
    } catch {
      // More than 2 GiB in one batch, which the limits do not let come so far.
      engine.counters.dropped &+= UInt64(gathered.count)
    }
    gathered.removeAll(keepingCapacity: true)
  }

  /// Finds the first record of `partition` that is not older than `timestamp`, in milliseconds.
  ///
  /// - Parameters:
  ///   - isBeside: whether batches are opened on the partition's event loop; if not, all is done at
  ///     once. Default true.
  ///   - done: called once, with it and with how many bytes were opened for it.
  static func offset(
    of partition: Partition, notBefore timestamp: Int64, _ engine: Engine, isBeside: Bool = true,
    _ done: @escaping (KafkaFoundOffset?, _ opened: Int) -> Void
  ) {
    guard let offset = partition.offset(forTime: KafkaTopicConfig.nanoseconds(timestamp)) else {
      return done(nil, 0)
    }
    search(partition, timestamp, from: offset, tries: 16, opened: 0, engine, isBeside, done)
  }

  /// An entry's time is that of its last record, so the first entry has it, unless its sender's
  /// clock was far ahead.
  private static func search(
    _ partition: Partition, _ timestamp: Int64, from offset: UInt64, tries: Int, opened: Int,
    _ engine: Engine, _ isBeside: Bool, _ done: @escaping (KafkaFoundOffset?, _ opened: Int) -> Void
  ) {
    guard tries > 0, opened < openedPerRequestMax else {
      return done(KafkaFoundOffset(offset: offset, timestamp: timestamp), opened)
    }
    guard let entry = partition.entries(from: offset, maxBytes: 1).first else {
      return done(nil, opened)
    }
    pick(.notBefore(timestamp), entry, of: partition, engine, isBeside) { found, size in
      if let found { return done(found, opened + size) }
      search(
        partition, timestamp, from: entry.offsets.upperBound, tries: tries - 1,
        opened: opened + size, engine, isBeside, done)
    }
  }

  /// Finds the record of the latest time, as far as the last entries tell.
  ///
  /// - Parameter done: called once, with it and with how many bytes were opened for it.
  static func latest(
    of partition: Partition, _ engine: Engine,
    _ done: @escaping (KafkaFoundOffset?, _ opened: Int) -> Void
  ) {
    guard let start = partition.offset(forTime: partition.latestTime),
      let entry = partition.entries(from: start, maxBytes: 1).first
    else { return done(nil, 0) }
    pick(.latest, entry, of: partition, engine, true, done)
  }

  /// Which record of an entry is meant.
  private enum Choice: Sendable {
    case notBefore(Int64)
    case latest

    func takes(_ timestamp: Int64, over chosen: KafkaFoundOffset?) -> Bool {
      switch self {
      case .notBefore(let least): chosen == nil && timestamp >= least
      case .latest: chosen.map { timestamp > $0.timestamp } ?? true
      }
    }
  }

  /// Chooses a record of an entry; none where it cannot be opened, and none in a marker.
  private static func pick(
    _ choice: Choice, _ entry: LogEntry, of partition: Partition, _ engine: Engine,
    _ isBeside: Bool, _ done: @escaping (KafkaFoundOffset?, _ opened: Int) -> Void
  ) {
    switch entry {
    case .record(let record, let offset):
      let time = KafkaEnvelope.record(of: record, offset: offset, engine).timestamp
      let isMeant = choice.takes(time, over: nil)
      done(isMeant ? KafkaFoundOffset(offset: offset, timestamp: time) : nil, 0)
    case .batch(var bytes, _, let first, _):
      placed(&bytes, at: first)
      let batch = bytes
      // The oldest batch may be cut.
      let start = partition.startOffset
      let work: @Sendable () -> (KafkaFoundOffset?, Int) = { pick(choice, in: batch, from: start) }
      if isBeside {
        partition.elsewhere(work) { done($0.0, $0.1) }
      } else {
        let (found, opened) = work()
        done(found, opened)
      }
    }
  }

  private static func pick(
    _ choice: Choice, in batch: ByteBuffer, from start: UInt64
  ) -> (KafkaFoundOffset?, opened: Int) {
    var bytes = batch
    guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      !batch.header.attributes.isControl,
      let plain = try? batch.plainBody(sizeMax: openedBytesMax)
    else { return (nil, 0) }
    var chosen: KafkaFoundOffset?
    plain.withUnsafeReadableBytes { records in
      var reader = KafkaRecordReader(records, count: Int(batch.header.count))
      while let view = try? reader.next() {
        let time = KafkaEnvelope.timestamp(view, batch.header)
        let offset = UInt64(clamping: batch.header.baseOffset &+ Int64(view.offsetDelta))
        guard offset >= start, choice.takes(time, over: chosen) else { continue }
        chosen = KafkaFoundOffset(offset: offset, timestamp: time)
        if case .notBefore = choice { break }
      }
    }
    return (chosen, plain.readableBytes)
  }
}

/// Where a record is, and its time in milliseconds since 1970.
struct KafkaFoundOffset: Hashable, Sendable {
  let offset: UInt64
  let timestamp: Int64
}
