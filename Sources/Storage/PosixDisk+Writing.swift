import Dispatch
import GodwitEngine
import NIOCore
import Synchronization

/// What is much is written by event loops: each file by that which its log was dealt, several at
/// the same time.
extension PosixDisk {
  /// Writes to files elsewhere; see `Disk`.
  public func write(
    _ writes: [DiskWrite], _ done: @escaping ([DiskError?]) -> Void
  ) -> (any PendingWrites)? {
    guard let writers = self.writers else {
      done(writes.map { $0.result() })
      return nil
    }
    var shares: [Int: [PosixWrite]] = [:]
    for (place, write) in writes.enumerated() {
      guard let file = write.file as? PosixFile else { continue }
      let number = write.loop % max(1, writers.count)
      shares[number, default: []].append(
        PosixWrite(
          place: place, descriptor: file.descriptor, pieces: write.pieces,
          position: write.position, reservedEnd: write.reservedEnd))
    }
    let round = PosixWriting(count: writes.count, shares: shares.count, done)
    let results = round.results
    for (number, share) in shares {
      writers.run(on: number) {
        for write in share { results.note(write.result(), at: write.place) }
        results.shareIsDone()
      } _: {
        round.shareIsDone()
      }
    }
    return round
  }
}

/// One of the writes, as another thread may have it.
private struct PosixWrite: Sendable {
  var place: Int
  var descriptor: Descriptor
  var pieces: [ByteBuffer]
  var position: Int
  var reservedEnd: Int?

  func result() -> DiskError? {
    if let end = self.reservedEnd { self.descriptor.reserve(behind: self.position, upTo: end) }
    do throws(DiskError) {
      try self.descriptor.write(self.pieces, at: self.position)
      return nil
    } catch {
      return error
    }
  }
}

/// What became of writes, filled in by those who do them.
private final class WriteResults: Sendable {
  private let errors: Mutex<[DiskError?]>
  private let sharesLeft = DispatchGroup()

  init(count: Int, shares: Int) {
    self.errors = Mutex([DiskError?](repeating: nil, count: count))
    for _ in 0..<shares { self.sharesLeft.enter() }
  }

  func note(_ error: DiskError?, at place: Int) {
    if let error { self.errors.withLock { $0[place] = error } }
  }

  func shareIsDone() { self.sharesLeft.leave() }

  /// What became of them, when all are done.
  func wait() -> [DiskError?] {
    self.sharesLeft.wait()
    return self.errors.withLock { $0 }
  }
}

/// Writes that are under way, as the engine's loop sees them.
private final class PosixWriting: PendingWrites {
  let results: WriteResults
  private var sharesLeft: Int
  private var done: (([DiskError?]) -> Void)?

  init(count: Int, shares: Int, _ done: @escaping ([DiskError?]) -> Void) {
    self.results = WriteResults(count: count, shares: shares)
    self.sharesLeft = shares
    self.done = done
  }

  func shareIsDone() {
    self.sharesLeft -= 1
    if self.sharesLeft == 0 { self.finish() }
  }

  func finish() {
    guard let done = self.done else { return }
    self.done = nil
    done(self.results.wait())
  }
}
