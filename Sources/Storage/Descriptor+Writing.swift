import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

#if os(Linux)
  /// Linux's own call, which Swift's module of the C library leaves out; `nil` where that is linked
  /// statically, without the means to look for it.
  private let systemAllocate = dlsym(nil, "fallocate").map {
    unsafeBitCast($0, to: (@convention(c) @Sendable (Int32, Int32, off_t, off_t) -> Int32).self)
  }
#endif

/// Writing, on any thread.
extension Descriptor {
  func write(_ bytes: ByteBuffer, at position: Int) throws(DiskError) {
    var done = 0
    while done < bytes.readableBytes {
      let (written, code) = bytes.withUnsafeReadableBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let written = pwrite(
          self.number, rest.baseAddress, rest.count, off_t(position + done))
        return (written, errno)
      }
      done += try self.checked(written, code)
    }
  }

  /// The pieces that one call takes at most.
  private static let piecesMax = 64

  /// As many pieces in one call as it takes.
  func write(_ pieces: [ByteBuffer], at position: Int) throws(DiskError) {
    var place = position
    var rest = pieces[...]
    while let first = rest.first {
      guard rest.count > 1 else { return try self.write(first, at: place) }
      let (written, code) = self.writeSome(rest.prefix(Self.piecesMax), at: place)
      var done = try self.checked(written, code)
      place += done
      while let piece = rest.first, piece.readableBytes <= done {
        done -= piece.readableBytes
        rest.removeFirst()
      }
      if done > 0 { rest[rest.startIndex].moveReaderIndex(forwardBy: done) }
    }
  }

  private func writeSome(
    _ pieces: ArraySlice<ByteBuffer>, at position: Int
  ) -> (written: Int, code: Int32) {
    // A buffer's memory stays where it is as long as somebody has the buffer.
    withExtendedLifetime(pieces) {
      let vectors = pieces.map { piece in
        piece.withUnsafeReadableBytesWithStorageManagement { bytes, _ in
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        }
      }
      let written = pwritev(
        self.number, vectors, Int32(vectors.count), off_t(position))
      return (written, errno)
    }
  }

  /// How many bytes a call has written; none where it was interrupted.
  private func checked(_ written: Int, _ code: Int32) throws(DiskError) -> Int {
    if written > 0 { return written }
    if written < 0, code == EINTR { return 0 }
    let reason = written == 0 ? "nothing was written" : String(cString: strerror(code))
    throw DiskError(call: "write", path: self.path, code: code, reason: reason)
  }

  #if os(Linux)
    func reserve(behind end: Int, upTo size: Int) {
      guard let allocate = systemAllocate else { return }
      // Mode 1: the file keeps its size. Where not all of it is to be had, others need the rest.
      if allocate(self.number, 1, off_t(end), off_t(size - end)) != 0 {
        self.giveBackReserve(behind: end)
      }
    }

    func giveBackReserve(behind end: Int) {
      // To cut off at the end takes nothing but what lies behind it. What fails here costs room,
      // and the next write says what is wrong.
      _ = ftruncate(self.number, off_t(end))
    }
  #endif
  #if !os(Linux)
    func reserve(behind end: Int, upTo size: Int) {}
    func giveBackReserve(behind end: Int) {}
  #endif
}
