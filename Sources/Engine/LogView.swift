/// One log as somebody looks at it who has no part in it: a stream's, or that of one of a topic's
/// partitions. What operators see, search and send back; it knows no protocol.
public struct LogView {
  /// Whose log it is.
  public enum Owner {
    /// A stream's.
    case stream(Stream)
    /// A partition's.
    case partition(Partition)
  }

  /// Whose log it is.
  public let owner: Owner

  /// A stream's log.
  public init(_ stream: Stream) { self.owner = .stream(stream) }

  /// A partition's log.
  public init(_ partition: Partition) { self.owner = .partition(partition) }

  /// The name of the stream, or of the topic.
  public var name: String {
    switch self.owner {
    case .stream(let stream): stream.name
    case .partition(let partition): partition.topic.name
    }
  }

  /// The number of the partition; `nil` for a stream.
  public var partition: Int? {
    switch self.owner {
    case .stream: nil
    case .partition(let partition): partition.index
    }
  }

  /// Whose topics they are.
  public var tenant: Tenant {
    switch self.owner {
    case .stream(let stream): stream.tenant
    case .partition(let partition): partition.topic.tenant
    }
  }

  /// The offset of the oldest record that is there; `nextOffset` where there is none.
  public var firstOffset: UInt64 {
    switch self.owner {
    case .stream(let stream): stream.firstOffset
    case .partition(let partition): partition.firstOffset
    }
  }

  /// The offset that the next record will get.
  public var nextOffset: UInt64 { self.log.nextOffset }
  /// What lies before this offset may be read.
  public var committedOffset: UInt64 { self.log.committedOffset }
  /// How many records there are.
  public var count: Int {
    switch self.owner {
    case .stream(let stream): stream.count
    case .partition(let partition): partition.log.count
    }
  }

  /// Whether it was deleted.
  public var isDeleted: Bool {
    switch self.owner {
    case .stream(let stream): stream.isDeleted
    case .partition(let partition): partition.topic.isDeleted
    }
  }

  var log: any Log {
    switch self.owner {
    case .stream(let stream): stream.log
    case .partition(let partition): partition.log
    }
  }

  /// The topic of records that do not say theirs: those in batches.
  var topic: [UInt8] {
    switch self.owner {
    case .stream: []
    case .partition(let partition): partition.topic.settings.topic
    }
  }

  /// Removes one record.
  ///
  /// - Parameter body: called with whether it was there, when it is gone.
  /// - Throws: `notAllowed` where the stream's settings deny it.
  public func remove(_ offset: UInt64, _ body: @escaping (Bool) -> Void) throws(EngineError) {
    switch self.owner {
    case .stream(let stream): try stream.delete(offset, body)
    case .partition(let partition): body(partition.log.remove(at: offset))
    }
  }

  /// When the record at `offset`, or the first behind it, came in or was made, in nanoseconds since
  /// 1970; of one in a batch, when the first of the batch was. `nil` where there is none, or the
  /// disk would have to be asked: the answer is on its way then, for whoever asks again.
  public func time(at offset: UInt64) -> Int64? {
    let log = self.log
    let offset = log.next(from: max(offset, log.firstOffset))
    guard offset < log.committedOffset, log.prepare(offset, {}) else { return nil }
    switch log.entry(at: offset) {
    case .record(let record, _): return record.receivedAt
    case .batch(let bytes, let form, _, _):
      return self.tenant.partitionedTopics.keeper?.time(of: bytes, form: form)
    case nil: return nil
    }
  }
}
