/// What one stream, or partitioned topic, made of a published message.
///
/// `Publication.captures` has them when `Tenant.publish` returns. Acknowledge the message when
/// `whenCommitted` says so.
public struct Capture {
  /// What became of the message.
  public enum Result {
    /// It will have this offset.
    case stored(UInt64)
    /// A message of the same id is there at this offset; this one was not kept.
    case duplicate(of: UInt64)
    /// It was not kept.
    case refused(AppendRefusal)
  }

  /// The stream that looked at it; `nil` where a partition did.
  public let stream: Stream?
  /// The partition that looked at it; `nil` where a stream did.
  public let partition: Partition?
  /// What became of the message.
  public let result: Result

  /// Who looked at it.
  public var name: String { self.stream?.name ?? self.partition?.topic.name ?? "" }

  init(stream: Stream, result: Result) {
    self.stream = stream
    self.partition = nil
    self.result = result
  }

  init(partition: Partition, result: Result) {
    self.stream = nil
    self.partition = partition
    self.result = result
  }

  /// Calls `body` when the message is as durable as the stream promises, at once where it is
  /// already; or with the error, when it never will be. A refused message is not waited for: `body`
  /// is called at once, without an error.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    switch self.result {
    case .stored(let offset), .duplicate(of: let offset):
      if let stream = self.stream {
        stream.whenCommitted(before: offset + 1, body)
      } else if let partition = self.partition {
        partition.whenCommitted(before: offset + 1, body)
      }
    case .refused: body(nil)
    }
  }
}

/// What all streams and partitioned topics made of a published message: mostly there is one, which
/// needs no memory of its own.
public struct Captures: RandomAccessCollection {
  @usableFromInline var first: Capture?
  @usableFromInline var others: [Capture] = []

  @usableFromInline init() {}

  /// 0.
  @inlinable public var startIndex: Int { 0 }
  /// How many there are.
  @inlinable public var endIndex: Int { self.first == nil ? 0 : 1 &+ self.others.count }

  /// One of them.
  @inlinable
  public subscript(position: Int) -> Capture {
    if position == 0, let first = self.first { return first }
    return self.others[position - 1]
  }

  mutating func append(_ capture: Capture) {
    if self.first == nil {
      self.first = capture
    } else {
      self.others.append(capture)
    }
  }
}

extension Collection<Capture> {
  /// The first refusal, if anyone refused the message.
  public var refusal: AppendRefusal? {
    for capture in self {
      if case .refused(let refusal) = capture.result { return refusal }
    }
    return nil
  }

  /// Calls `body` once, when everyone who kept the message has it as durable as it promises;
  /// or with the first error.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    var left = self.count
    guard left > 0 else { return body(nil) }
    var failure: EngineError?
    for capture in self {
      capture.whenCommitted { error in
        failure = failure ?? error
        left -= 1
        if left == 0 { body(failure) }
      }
    }
  }
}
