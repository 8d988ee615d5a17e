import NIOCore

/// Where a stream or a partition keeps the message that an entry of the queues' journal is about,
/// in a log that lasts.
struct QueueCopy {
  private enum Kind {
    static let stream: UInt8 = 1
    static let partition: UInt8 = 2
  }

  private let kind: UInt8
  private let name: String
  private let index: UInt32
  private let offset: UInt64

  /// What one who looked at the message has of it; `nil` for nothing that lasts.
  init?(_ capture: Capture) {
    guard case .stored(let offset) = capture.result else { return nil }
    if let stream = capture.stream, stream.settings.storage == .file {
      self.kind = Kind.stream
      self.name = stream.name
      self.index = 0
    } else if let partition = capture.partition {
      self.kind = Kind.partition
      self.name = partition.topic.name
      self.index = UInt32(truncatingIfNeeded: partition.index)
    } else {
      return nil
    }
    self.offset = offset
  }

  init?(_ entry: inout ByteBuffer) {
    guard
      let (kind, offset, index, count) = entry.readMultipleIntegers(
        as: (UInt8, UInt64, UInt32, UInt16).self),
      let name = entry.readString(length: Int(count))
    else { return nil }
    self.kind = kind
    self.offset = offset
    self.index = index
    self.name = name
  }

  func write(to entry: inout ByteBuffer) {
    let name = Array(self.name.utf8)
    entry.writeMultipleIntegers(
      self.kind, self.offset, self.index, UInt16(truncatingIfNeeded: name.count))
    entry.writeBytes(name)
  }

  /// The log, unless it is gone, or was made after that `time`.
  private func place(_ tenant: Tenant, _ time: Int64) -> (log: any Log, stream: Stream?)? {
    if self.kind == Kind.stream {
      guard let stream = tenant.streams[self.name], stream.createdAt <= time else { return nil }
      return (stream.log, stream)
    }
    guard let topic = tenant.partitionedTopics[self.name], topic.createdAt <= time,
      topic.partitions.indices.contains(Int(self.index))
    else { return nil }
    return (topic.partitions[Int(self.index)].log, nil)
  }

  /// Whether the record of that `time` did not get to its log before the process ended.
  func isMissing(_ tenant: Tenant, _ time: Int64) -> Bool {
    self.place(tenant, time).map { self.offset >= $0.log.nextOffset } ?? false
  }

  /// Takes the record away again.
  func remove(_ tenant: Tenant, _ time: Int64) {
    guard let (log, stream) = self.place(tenant, time) else { return }
    if let stream {
      if let record = log.record(at: self.offset) { stream.drop(self.offset, record) }
    } else {
      log.remove(at: self.offset)
    }
  }
}
