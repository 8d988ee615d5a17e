public import NIOCore

/// What the file store asks of an operating system. The clock and the disk are arguments, so that
/// the simulator can put failing ones in their place.
///
/// Everything is called on the engine's loop, and answers there. Calls without a callback are done
/// when they return: they touch the page cache, as a rule. What waits for the device, `sync` and
/// `load`, is done elsewhere, and so is what is much, `write`.
public protocol Disk: AnyObject {
  /// Makes a folder, and those above it, where they are missing.
  func makeFolder(_ path: String) throws(DiskError)
  /// The names in a folder, in no particular order.
  func list(_ path: String) throws(DiskError) -> [String]
  /// Opens a file for reading and writing.
  ///
  /// - Parameter isNew: whether it is made, in place of one that may be there.
  func open(_ path: String, isNew: Bool) throws(DiskError) -> any DiskFile
  /// Removes a file; one that is not there is no error.
  func remove(_ path: String) throws(DiskError)
  /// Removes a folder and all in it.
  func removeFolder(_ path: String) throws(DiskError)
  /// Gives a file another name, in place of one that may have it; whoever looks sees either.
  func rename(_ path: String, to newPath: String) throws(DiskError)
  /// Calls `done` when what was written to `files`, and the names in `folders`, would survive a
  /// loss of power; or with the first error.
  func sync(files: [any DiskFile], folders: [String], _ done: @escaping (DiskError?) -> Void)
  /// Writes to some files, of which each stands there once, and calls `done` with what became of
  /// each.
  ///
  /// - Returns: `nil` where it is done already.
  func write(
    _ writes: [DiskWrite], _ done: @escaping ([DiskError?]) -> Void
  ) -> (any PendingWrites)?
  /// As `sync`, and waits for it: when a store is opened.
  func syncNow(files: [any DiskFile], folders: [String]) throws(DiskError)
  /// Whether there may be more logs and journals than there are, when those that are there have
  /// opened so many more files.
  func hasRoom(besides files: Int) -> Bool
}

extension Disk {
  /// Here, and at once.
  public func write(
    _ writes: [DiskWrite], _ done: @escaping ([DiskError?]) -> Void
  ) -> (any PendingWrites)? {
    done(writes.map { $0.result() })
    return nil
  }

  /// Always, where nobody counts.
  public func hasRoom(besides files: Int) -> Bool { true }
}

/// An open file. It is closed when nobody keeps it.
public protocol DiskFile: AnyObject {
  /// How long it is.
  func size() throws(DiskError) -> Int
  /// Writes all of `bytes` at `position`.
  func write(_ bytes: ByteBuffer, at position: Int) throws(DiskError)
  /// Writes all pieces, one behind the other, from `position` on.
  func write(_ pieces: [ByteBuffer], at position: Int) throws(DiskError)
  /// Reads `count` bytes at `position`; fewer where the file ends.
  func read(_ count: Int, at position: Int) throws(DiskError) -> ByteBuffer
  /// As `read`, without holding up the loop: so many bytes, and so many behind them, and so on,
  /// each time in memory of their own.
  func load(
    _ counts: [Int], at position: Int, _ done: @escaping (Result<[ByteBuffer], DiskError>) -> Void)
  /// Cuts it off.
  func truncate(to size: Int) throws(DiskError)
  /// Asks for room on the device behind `end`, where the file ends, so that it is found once for
  /// many writes. The file becomes no longer by it, and no disk has to heed it.
  func reserve(behind end: Int, upTo size: Int)
  /// Gives back what was set aside behind `end`, where the file ends.
  func giveBackReserve(behind end: Int)
}

extension DiskFile {
  /// One after the other.
  public func write(_ pieces: [ByteBuffer], at position: Int) throws(DiskError) {
    var place = position
    for piece in pieces {
      try self.write(piece, at: place)
      place += piece.readableBytes
    }
  }

  /// Does nothing.
  public func reserve(behind end: Int, upTo size: Int) {}

  /// Does nothing.
  public func giveBackReserve(behind end: Int) {}

  /// As `read`, without holding up the loop.
  func load(
    _ count: Int, at position: Int, _ done: @escaping (Result<ByteBuffer, DiskError>) -> Void
  ) {
    self.load([count], at: position) { result in done(result.map { $0.first ?? ByteBuffer() }) }
  }
}

/// What an operating system refused.
public struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The call, such as `write`.
  public let call: String
  /// The file or folder.
  public let path: String
  /// The system's number, such as `ENOSPC`.
  public let code: Int32
  /// The system's words for it.
  public let reason: String

  /// An error of the operating system.
  public init(call: String, path: String, code: Int32, reason: String) {
    self.call = call
    self.path = path
    self.code = code
    self.reason = reason
  }

  /// Whether there is no such file or folder (`ENOENT`, the same everywhere).
  var isNotThere: Bool { self.code == 2 }

  /// Such as `write data/x.log: No space left on device`.
  public var description: String { "\(self.call) \(self.path): \(self.reason)" }
}
