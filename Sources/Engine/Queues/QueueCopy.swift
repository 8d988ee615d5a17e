import NIOCore

/// Where a stream or a partition keeps the message that an entry of the queues' journal is about,
/// in a log that lasts.
struct QueueCopy {
  private enum Kind {
    static let stream: UInt8 = 1
    static let partition: UInt8 = 2
    /// Set where it follows when the stream or topic was made: earlier versions did not write that.
    static let isDated: UInt8 = 4
  }

  private let kind: UInt8
  private let name: String
  private let index: UInt32
  private let offset: UInt64
  /// Which of those of that name it is: when it was made, where that is known.
  private let madeAt: Int64?

  /// What one who looked at the message has of it; `nil` for nothing that lasts.
  init?(_ capture: Capture) {
    guard case .stored(let offset) = capture.result else { return nil }
    if let stream = capture.stream, stream.settings.storage == .file {
      self.kind = Kind.stream
      self.name = stream.name
      self.index = 0
      self.madeAt = stream.createdAt
    } else if let partition = capture.partition {
      self.kind = Kind.partition
      self.name = partition.topic.name
      self.index = UInt32(truncatingIfNeeded: partition.index)
      self.madeAt = partition.topic.createdAt
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
    self.kind = kind & ~Kind.isDated
    self.offset = offset
    self.index = index
    self.name = name
    guard kind & Kind.isDated != 0 else {
      self.madeAt = nil
      return
    }
    guard let madeAt = entry.readInteger(as: Int64.self) else { return nil }
    self.madeAt = madeAt
  }

  func write(to entry: inout ByteBuffer) {
    let name = Array(self.name.utf8)
    entry.writeMultipleIntegers(
      self.kind | (self.madeAt == nil ? 0 : Kind.isDated), self.offset, self.index,
      UInt16(truncatingIfNeeded: name.count))
    entry.writeBytes(name)
    if let madeAt = self.madeAt { entry.writeInteger(madeAt) }
  }

  /// Whether what was made then is what had the record, of that `time`. The clock may have been set
  /// back between the two.
  private func isMeant(_ createdAt: Int64, _ time: Int64) -> Bool {
    self.madeAt.map { $0 == createdAt } ?? (createdAt <= time)
  }

  /// The log, unless it is gone, or another has its name.
  private func place(_ tenant: Tenant, _ time: Int64) -> (log: any Log, stream: Stream?)? {
    if self.kind == Kind.stream {
      guard let stream = tenant.streams[self.name], self.isMeant(stream.createdAt, time) else {
        return nil
      }
      return (stream.log, stream)
    }
    guard let topic = tenant.partitionedTopics[self.name], self.isMeant(topic.createdAt, time),
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
