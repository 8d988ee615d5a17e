import NIOCore

/// What the journal beside a log's segments says, entry by entry: some of these in each.
enum RemovalMark {
  /// A stretch of offsets was removed, and frames of so many bytes went with it.
  case range(FileLog.RemovedRange)
  /// So many bytes of the segment that begins there, and has that salt, are dead.
  case state(base: UInt64, bytes: Int, salt: UInt32)
  /// The log begins there: what lies before was trimmed.
  case start(UInt64)

  /// Three numbers of 8 bytes: bounds and bytes; a state has two equal bounds, and then the salt. A
  /// start has the greatest number, itself, and 0.
  func write(to buffer: inout ByteBuffer) {
    switch self {
    case .range(let range):
      buffer.writeMultipleIntegers(range.from, range.to, range.bytes)
    case .state(let base, let bytes, let salt):
      buffer.writeMultipleIntegers(base, base, UInt64(bytes), salt)
    case .start(let offset):
      buffer.writeMultipleIntegers(UInt64.max, offset, UInt64(0))
    }
  }

  /// The marks of an entry, up to the first that is none.
  static func read(_ entry: ByteBuffer) -> [RemovalMark] {
    var entry = entry
    var marks: [RemovalMark] = []
    while let (from, to, bytes) = entry.readMultipleIntegers(as: (UInt64, UInt64, UInt64).self) {
      if from < to {
        marks.append(.range(FileLog.RemovedRange(from: from, to: to, bytes: bytes)))
      } else if from == to, let salt = entry.readInteger(as: UInt32.self) {
        marks.append(.state(base: from, bytes: Int(clamping: bytes), salt: salt))
      } else if from == .max, to < .max {
        marks.append(.start(to))
      } else {
        break
      }
    }
    return marks
  }
}
