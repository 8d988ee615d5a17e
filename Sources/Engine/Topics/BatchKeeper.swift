public import NIOCore

/// What a protocol does with the batches of its senders where the engine wants to know what is in
/// them: a topic that keeps the last record of each key, somebody who looks into a log. The engine
/// never opens one.
public protocol BatchKeeper: AnyObject {
  /// Shows each record of a batch, in order: its offset, its key, and whether it says that the key
  /// is gone.
  ///
  /// - Parameters:
  ///   - form: the sender's number for the form of `bytes`.
  ///   - first: the offset of the batch's first record.
  ///   - body: is called with every record that has a key.
  /// - Returns: `false` where the batch cannot be opened, or has to stay whole; its records count
  ///   as those without a key, and stay.
  func forEachKey(
    of bytes: ByteBuffer, form: UInt8, first: UInt64,
    _ body: (_ offset: UInt64, _ key: UnsafeRawBufferPointer, _ isGone: Bool) -> Void
  ) -> Bool

  /// What a batch is to those who go by keys. Not asked from `settledOffset` on.
  /// Default: it counts.
  func standing(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, in partition: Partition
  ) -> BatchStanding

  /// What lies before this offset stands as it is: from it on, a sender may still take back what it
  /// has sent. Default: no such thing happens.
  func settledOffset(of partition: Partition) -> UInt64

  /// What lays a batch open: it runs beside the loop, and returns one of the same form and records
  /// that takes no time to read; `nil` where it cannot.
  ///
  /// - Parameter bytesMax: the most bytes that the batch may become.
  /// - Returns: `nil` for a batch that takes no time as it is. Default.
  func opening(
    of bytes: ByteBuffer, form: UInt8, bytesMax: Int
  ) -> (@Sendable () -> ByteBuffer?)?

  /// A batch without some of its records; those that are left have their offsets still.
  ///
  /// - Parameter isLeft: says it of an offset.
  /// - Returns: `nil` where that cannot be made, or is no smaller.
  func trim(
    _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
  ) -> ByteBuffer?

  /// Shows each record of a batch as a message of its own, in order, until `body` answers `false`:
  /// its offset, and when it was made, in nanoseconds since 1970. Default: it cannot be opened.
  ///
  /// - Parameters:
  ///   - topic: the canonical topic.
  ///   - bytesMax: the most bytes that the batch may become when it is opened.
  /// - Returns: `false` where the batch cannot be opened.
  func forEachRecord(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, topic: [UInt8], bytesMax: Int,
    _ body: (_ offset: UInt64, _ message: inout Publication, _ time: Int64) -> Bool
  ) -> Bool

  /// When the first record of a batch was made, as far as can be said without opening it, in
  /// nanoseconds since 1970. Default: it cannot be said.
  func time(of bytes: ByteBuffer, form: UInt8) -> Int64?
}

/// What a batch is to those who go by keys.
public enum BatchStanding: Hashable, Sendable {
  /// Its records count, each by its key.
  case counts
  /// Its records count, and are part of what a mark of that number ends.
  case part(of: Int64)
  /// It is such a mark: it stays as long as anything of that is there, and no less than a record
  /// that says that a key is gone.
  case end(of: Int64)
  /// Its sender has taken it back: its records are for nobody.
  case void
  /// It stays as it is, and counts for no key.
  case stays
}

extension BatchKeeper {
  /// It counts.
  public func standing(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, in partition: Partition
  ) -> BatchStanding { .counts }

  /// Nothing is taken back.
  public func settledOffset(of partition: Partition) -> UInt64 { .max }

  /// No batch takes time.
  public func opening(
    of bytes: ByteBuffer, form: UInt8, bytesMax: Int
  ) -> (@Sendable () -> ByteBuffer?)? { nil }

  /// Nothing can be opened.
  public func forEachRecord(
    of bytes: ByteBuffer, form: UInt8, first: UInt64, topic: [UInt8], bytesMax: Int,
    _ body: (_ offset: UInt64, _ message: inout Publication, _ time: Int64) -> Bool
  ) -> Bool { false }

  /// It cannot be said.
  public func time(of bytes: ByteBuffer, form: UInt8) -> Int64? { nil }
}

/// Makes a batch smaller; see `BatchKeeper.trim`.
public typealias BatchTrimmer = (
  _ bytes: ByteBuffer, _ form: UInt8, _ first: UInt64, _ isLeft: (UInt64) -> Bool
) -> ByteBuffer?
