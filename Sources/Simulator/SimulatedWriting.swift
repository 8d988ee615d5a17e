import GodwitStorage
import GodwitWireTesting
import NIOCore

/// Writes that somebody else does, some time.
final class SimulatedWriting: PendingWrites {
  private let writes: [DiskWrite]
  private let done: ([DiskError?]) -> Void
  private(set) var isDone = false

  init(_ writes: [DiskWrite], _ done: @escaping ([DiskError?]) -> Void) {
    self.writes = writes
    self.done = done
  }

  func finish() {
    guard !self.isDone else { return }
    self.isDone = true
    self.done(self.writes.map { $0.result() })
  }

  /// What of it was done when the process died.
  func performSome(_ random: inout SplitMix64) {
    guard !self.isDone else { return }
    self.isDone = true
    for var write in self.writes where !random.oneIn(3) {
      if random.oneIn(2) {
        write.pieces = Self.beginning(of: write.pieces, &random)
      }
      _ = write.result()
    }
  }

  private static func beginning(
    of pieces: [ByteBuffer], _ random: inout SplitMix64
  ) -> [ByteBuffer] {
    var left = Int.random(in: 0...pieces.reduce(0) { $0 + $1.readableBytes }, using: &random)
    return pieces.compactMap { piece in
      var piece = piece
      defer { left -= min(left, piece.readableBytes) }
      return piece.readSlice(length: min(left, piece.readableBytes))
    }
  }
}
