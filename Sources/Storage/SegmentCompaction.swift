import GodwitEngine
import GodwitPrimitives
import NIOCore

/// Segments that are being written anew, as one, without what was removed of them.
///
/// Frames that are left keep their offsets, get the new file's checksums, and are followed by one
/// that says up to where the rest is gone. The file stands beside the first of the segments until
/// it takes that one's place.
final class SegmentCompaction {
  enum Stage {
    /// Frames are copied.
    case copying
    /// The file is on the disk, and waits for the next sync of all that was written before.
    case written
    /// That sync is under way.
    case syncing
  }

  /// Blocks that lie one behind the other, and have something left.
  struct Run {
    let segment: Segment
    let position: Int
    let bytes: Int
  }

  /// How much is read, and written, before others have a turn.
  static let stepBytes = 256 << 10
  /// How much is written before it is synced: what must be synced at the end is little.
  static let syncBytes = 4 << 20

  let sources: [Segment]
  let header: FileHeader
  let file: any DiskFile
  let path: String
  /// What the file holds.
  private(set) var scan: SegmentScan
  var stage = Stage.copying
  /// How many bytes batches became smaller by.
  private(set) var savedBytes = 0
  private let blockBytes: Int
  private let trim: BatchTrimmer?
  private var source = 0
  private var block = 0
  private var unsyncedBytes = 0

  /// Begins the file.
  init(
    _ sources: [Segment], path: String, salt: UInt32, blockBytes: Int, trim: BatchTrimmer?,
    disk: any Disk
  ) throws(DiskError) {
    self.sources = sources
    self.path = path
    self.header = FileHeader(.compacted, sources[0].baseOffset, salt: salt)
    self.scan = SegmentScan(self.header)
    self.blockBytes = blockBytes
    self.trim = trim
    self.file = try disk.open(path, isNew: true)
    var bytes = ByteBuffer()
    self.header.write(to: &bytes)
    do {
      try self.file.write(bytes, at: 0)
    } catch {
      try? disk.remove(path)
      throw error
    }
  }

  /// Whether it is time to sync what was written. Asked before each step, and answered once.
  func takeSyncDue() -> Bool {
    guard self.unsyncedBytes >= Self.syncBytes else { return false }
    self.unsyncedBytes = 0
    return true
  }

  /// What is to be copied next; `nil` when all is.
  func nextRun() -> Run? {
    while self.source < self.sources.count {
      let segment = self.sources[self.source]
      while self.block < segment.index.count, !segment.hasAny(inBlock: self.block) {
        self.block += 1
      }
      guard self.block < segment.index.count else {
        self.source += 1
        self.block = 0
        continue
      }
      let start = segment.index[self.block].position
      var end = self.block + 1
      while end < segment.index.count, segment.hasAny(inBlock: end),
        segment.blockEnd(end).position - start <= Self.stepBytes
      {
        end += 1
      }
      self.block = end
      return Run(
        segment: segment, position: start, bytes: segment.blockEnd(end - 1).position - start)
    }
    return nil
  }

  /// Copies what is left of a run.
  ///
  /// - Returns: whether all of its bytes could be read.
  func copy(_ read: ByteBuffer, of run: Run) throws(DiskError) -> Bool {
    guard read.readableBytes == run.bytes else { return false }
    let (old, new) = (run.segment.header.format, self.header.format)
    let position = self.scan.end
    var out = ByteBuffer()
    let isWhole = read.withUnsafeReadableBytes { bytes in
      var start = 0
      while start < bytes.count {
        guard let frame = old.frame(at: start, in: bytes) else { return false }
        start = frame.end
        guard run.segment.hasAny(of: frame.offsets) else { continue }
        let place = out.writerIndex
        let smaller = self.trimmed(frame, of: run.segment, bytes)
        new.write(offset: frame.offset, count: frame.count, kind: frame.kind, to: &out) {
          if let smaller {
            smaller.write(to: &$0)
          } else {
            $0.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[frame.body]))
          }
        }
        let size = out.writerIndex - place
        self.savedBytes += frame.end - frame.start - size
        self.scan.add(
          frame.moved(to: position + place, size: size), at: old.time(of: frame, in: bytes),
          blockBytes: self.blockBytes)
      }
      return true
    }
    guard isWhole else { return false }
    try self.file.write(out, at: position)
    self.unsyncedBytes += out.readableBytes
    return true
  }

  /// A batch without what was removed of it; `nil` where it stays as it is.
  private func trimmed(
    _ frame: FrameFormat.Frame, of segment: Segment, _ bytes: UnsafeRawBufferPointer
  ) -> BatchBody? {
    guard let trim = self.trim, frame.kind == FrameFormat.batchKind,
      !segment.isWhole(frame.offsets),
      var body = BatchBody(
        ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[frame.body])))
    else { return nil }
    guard
      let smaller = trim(
        body.bytes, body.head.form, frame.offset, { !segment.removed.contains($0) })
    else { return nil }
    body.bytes = smaller
    return body
  }

  /// Says in the file up to where offsets are gone behind the last frame.
  func finish() throws(DiskError) {
    let end = self.sources[self.sources.count - 1].endOffset
    let position = self.scan.end
    var out = ByteBuffer()
    while self.scan.endOffset < end {
      let count = UInt32(clamping: end - self.scan.endOffset)
      self.header.format.write(
        offset: self.scan.endOffset, count: count, kind: FrameFormat.holeKind, to: &out
      ) { _ in }
      self.scan.add(
        hole: self.scan.endOffset..<self.scan.endOffset + UInt64(count),
        end: position + out.writerIndex)
    }
    if out.readableBytes > 0 { try self.file.write(out, at: position) }
  }
}

extension Segment {
  /// Whether one of the offsets is left.
  func hasAny(of offsets: Range<UInt64>) -> Bool {
    self.next(from: offsets.lowerBound, to: offsets.upperBound) < offsets.upperBound
  }

  fileprivate func hasAny(inBlock place: Int) -> Bool {
    self.hasAny(of: self.index[place].offset..<self.blockEnd(place).offset)
  }
}
