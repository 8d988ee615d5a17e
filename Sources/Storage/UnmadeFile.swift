import NIOCore

/// Stands for a file that is made when something is to be written to it: there is nothing in it.
final class UnmadeFile: DiskFile {
  func size() -> Int { 0 }

  func write(_ bytes: ByteBuffer, at position: Int) throws(DiskError) {
    throw DiskError(call: "write", path: "", code: 2, reason: "the file was not made")
  }

  func read(_ count: Int, at position: Int) -> ByteBuffer { ByteBuffer() }

  func load(
    _ counts: [Int], at position: Int, _ done: @escaping (Result<[ByteBuffer], DiskError>) -> Void
  ) {
    done(.success(counts.map { _ in ByteBuffer() }))
  }

  func truncate(to size: Int) {}
}
