import GodwitStorage
import GodwitWireTesting
import NIOCore

/// A file of a simulated disk: what the page cache has of it, and what the platter.
final class SimulatedFile: Hashable {
  private enum Change {
    case write(at: Int, [UInt8])
    case truncate(Int)
  }

  let path: String
  private(set) var cached: [UInt8] = []
  private var platter: [UInt8] = []
  private var pending: [Change] = []

  init(path: String) {
    self.path = path
  }

  static func == (left: SimulatedFile, right: SimulatedFile) -> Bool { left === right }
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

  func write(_ bytes: [UInt8], at position: Int) {
    Self.apply(.write(at: position, bytes), to: &self.cached)
    self.pending.append(.write(at: position, bytes))
  }

  func truncate(to size: Int) {
    Self.apply(.truncate(size), to: &self.cached)
    self.pending.append(.truncate(size))
  }

  /// All of it is on the platter.
  func last() {
    self.platter = self.cached
    self.pending.removeAll()
  }

  /// What was not synced is there in part.
  func losePower(_ random: inout SplitMix64) {
    var bytes = self.platter
    for change in self.pending {
      switch change {
      case .truncate:
        if Bool.random(using: &random) { Self.apply(change, to: &bytes) }
      case .write(let position, let written):
        // Pages reach the platter one by one, in any order.
        var start = 0
        while start < written.count {
          let end = min(written.count, start + 64)
          if !random.oneIn(3) {
            Self.apply(.write(at: position + start, Array(written[start..<end])), to: &bytes)
          }
          start = end
        }
      }
    }
    self.platter = bytes
    self.cached = bytes
    self.pending.removeAll()
  }

  /// A failed sync: the pages count as clean now, and may or may not be on the platter.
  func losePending(_ random: inout SplitMix64) {
    let cached = self.cached
    self.losePower(&random)
    self.cached = cached
  }

  func damage(_ random: inout SplitMix64) {
    let start = Int.random(in: 0..<self.cached.count, using: &random)
    let end = min(self.cached.count, start + Int.random(in: 1...8, using: &random))
    for place in start..<end { self.cached[place] ^= UInt8.random(in: 1...255, using: &random) }
    self.last()
  }

  private static func apply(_ change: Change, to bytes: inout [UInt8]) {
    switch change {
    case .truncate(let size):
      if size < bytes.count {
        bytes.removeLast(bytes.count - size)
      } else {
        bytes += [UInt8](repeating: 0, count: size - bytes.count)
      }
    case .write(let position, let written):
      if bytes.count < position + written.count {
        bytes += [UInt8](repeating: 0, count: position + written.count - bytes.count)
      }
      bytes.replaceSubrange(position..<position + written.count, with: written)
    }
  }
}

/// A file that one life of the process has open.
final class SimulatedHandle: DiskFile {
  let file: SimulatedFile
  private unowned let disk: SimulatedDisk
  private let life: Int

  init(_ file: SimulatedFile, _ disk: SimulatedDisk) {
    self.file = file
    self.disk = disk
    self.life = disk.life
  }

  private func check() throws(DiskError) {
    guard self.life == self.disk.life else {
      throw DiskError(call: "use", path: self.file.path, code: 9, reason: "the process is gone")
    }
  }

  func size() throws(DiskError) -> Int {
    try self.check()
    return self.file.cached.count
  }

  func write(_ bytes: ByteBuffer, at position: Int) throws(DiskError) {
    try self.check()
    let bytes = Array(bytes.readableBytesView)
    let growth = max(0, position + bytes.count - self.file.cached.count)
    if self.disk.random.oneIn(self.disk.faults.failingWrites) {
      let part = Int.random(in: 0...bytes.count, using: &self.disk.random)
      self.file.write(Array(bytes[..<part]), at: position)
      throw DiskError(call: "write", path: self.file.path, code: 5, reason: "Input/output error")
    }
    do {
      try self.disk.makeRoom(growth, "write", self.file.path)
    } catch {
      let room = max(0, self.disk.faults.capacity - self.disk.usedBytes)
      self.file.write(Array(bytes[..<min(bytes.count, room)]), at: position)
      throw error
    }
    self.file.write(bytes, at: position)
  }

  func read(_ count: Int, at position: Int) throws(DiskError) -> ByteBuffer {
    try self.check()
    if self.disk.random.oneIn(self.disk.faults.failingReads) {
      throw DiskError(call: "read", path: self.file.path, code: 5, reason: "Input/output error")
    }
    let bytes = self.file.cached
    guard position < bytes.count else { return ByteBuffer() }
    let read = bytes[position..<min(bytes.count, position + count)]
    self.disk.bytesRead += read.count
    return ByteBuffer(bytes: read)
  }

  func load(
    _ counts: [Int], at position: Int, _ done: @escaping (Result<[ByteBuffer], DiskError>) -> Void
  ) {
    let result: Result<[ByteBuffer], DiskError>
    do throws(DiskError) {
      var pieces: [ByteBuffer] = []
      var place = position
      for count in counts {
        pieces.append(try self.read(count, at: place))
        place += count
      }
      result = .success(pieces)
    } catch {
      result = .failure(error)
    }
    self.disk.later { done(result) }
  }

  func truncate(to size: Int) throws(DiskError) {
    try self.check()
    self.file.truncate(to: size)
  }
}
