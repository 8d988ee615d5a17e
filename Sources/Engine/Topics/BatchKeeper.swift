public import NIOCore

/// What a protocol does with the batches of its senders where a topic keeps only the last record of
/// each key. The engine never opens one.
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

  /// A batch without some of its records; those that are left have their offsets still.
  ///
  /// - Parameter isLeft: says it of an offset.
  /// - Returns: `nil` where that cannot be made, or is no smaller.
  func trim(
    _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
  ) -> ByteBuffer?
}

/// Makes a batch smaller; see `BatchKeeper.trim`.
public typealias BatchTrimmer = (
  _ bytes: ByteBuffer, _ form: UInt8, _ first: UInt64, _ isLeft: (UInt64) -> Bool
) -> ByteBuffer?
