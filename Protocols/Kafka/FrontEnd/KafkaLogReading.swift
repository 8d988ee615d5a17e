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

  /// The first record of `partition` that is not older than `timestamp`, in milliseconds.
  ///
  /// - Parameter opened: how many bytes were opened so far.
  static func offset(
    of partition: Partition, notBefore timestamp: Int64, _ engine: Engine, opened: inout Int
  ) -> (offset: UInt64, timestamp: Int64)? {
    guard var offset = partition.offset(forTime: KafkaTopicConfig.nanoseconds(timestamp)) else {
      return nil
    }
    // An entry's time is that of its last record, so the first entry has it, unless its sender's
    // clock was far ahead.
    for _ in 0..<16 {
      guard let entry = partition.entries(from: offset, maxBytes: 1).first else { return nil }
      if let found = records(of: entry, engine, opened: &opened).first(where: {
        $0.timestamp >= timestamp
      }) {
        return (UInt64(clamping: found.offset), found.timestamp)
      }
      offset = entry.offsets.upperBound
    }
    return (offset, timestamp)
  }

  /// The record of the latest time, and its time, as far as the last entries tell.
  static func latest(
    of partition: Partition, _ engine: Engine, opened: inout Int
  ) -> (offset: UInt64, timestamp: Int64)? {
    guard let start = partition.offset(forTime: partition.latestTime),
      let entry = partition.entries(from: start, maxBytes: 1).first
    else { return nil }
    return records(of: entry, engine, opened: &opened).max { $0.timestamp < $1.timestamp }
      .map { (UInt64(clamping: $0.offset), $0.timestamp) }
  }

  /// The records of one entry; none where it cannot be opened, and none of a marker.
  static func records(
    of entry: LogEntry, _ engine: Engine, opened: inout Int
  ) -> [KafkaRecord] {
    switch entry {
    case .record(let record, let offset):
      return [KafkaEnvelope.record(of: record, offset: offset, engine)]
    case .batch(var bytes, _, let first, _):
      placed(&bytes, at: first)
      guard let batch = try? KafkaBatch.next(from: &bytes, checksCRC: false),
        !batch.header.attributes.isControl,
        let records = try? batch.records(sizeMax: openedBytesMax)
      else { return [] }
      opened += records.reduce(0) { $0 + 64 + ($1.value?.readableBytes ?? 0) }
      return records
    }
  }
}
