public import NIOCore

/// Bytes that go to a file elsewhere than on the engine's loop.
///
/// Until it is done nobody writes to the file, or cuts it off.
public struct DiskWrite {
  /// The file.
  public var file: any DiskFile
  /// What goes there, one piece behind the other.
  public var pieces: [ByteBuffer]
  /// Where the first begins: nothing lies behind it.
  public var position: Int
  /// Up to where room is asked for before; see `DiskFile.reserve`. `nil` for not at all.
  public var reservedEnd: Int?
  /// The number of the event loop that the file's log was dealt; see `PartitionLoops`.
  public var loop: Int

  /// Such a write.
  public init(
    file: any DiskFile, pieces: [ByteBuffer], position: Int, reservedEnd: Int? = nil, loop: Int
  ) {
    self.file = file
    self.pieces = pieces
    self.position = position
    self.reservedEnd = reservedEnd
    self.loop = loop
  }

  /// Does it here, and at once.
  public func perform() throws(DiskError) {
    if let end = self.reservedEnd { self.file.reserve(behind: self.position, upTo: end) }
    try self.file.write(self.pieces, at: self.position)
  }

  /// Does it here, and at once.
  ///
  /// - Returns: what the disk had against it.
  public func result() -> DiskError? {
    do throws(DiskError) {
      try self.perform()
      return nil
    } catch {
      return error
    }
  }
}

/// Writes that were handed to a disk together.
public protocol PendingWrites: AnyObject {
  /// Holds the loop up until they are done. Who asked for them has been told when it returns.
  func finish()
}
