public import NIOCore

/// A moment as MessagePack's timestamp extension has it: seconds since 1970 and nanoseconds.
public struct MessagePackTimestamp: Hashable, Sendable {
  /// The type number of the extension.
  public static let extensionType: Int8 = -1

  /// Whole seconds since 1970, negative before.
  public let seconds: Int64
  /// The rest: 0 to 999,999,999, forward in time also before 1970.
  public let nanoseconds: UInt32

  /// A moment; `nil` when there are a billion nanoseconds or more.
  public init?(seconds: Int64, nanoseconds: UInt32 = 0) {
    guard nanoseconds < 1_000_000_000 else { return nil }
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// The moment that an extension's data stand for: 4, 8 or 12 bytes; `nil` for all else.
  public init?(data: ByteBuffer) {
    var data = data
    switch data.readableBytes {
    case 4:
      guard let seconds = data.readInteger(as: UInt32.self) else { return nil }
      self.init(seconds: Int64(seconds))
    case 8:
      guard let bits = data.readInteger(as: UInt64.self) else { return nil }
      self.init(
        seconds: Int64(bits & 0x3_FFFF_FFFF), nanoseconds: UInt32(truncatingIfNeeded: bits >> 34))
    case 12:
      guard let nanoseconds = data.readInteger(as: UInt32.self),
        let seconds = data.readInteger(as: Int64.self)
      else { return nil }
      self.init(seconds: seconds, nanoseconds: nanoseconds)
    default: return nil
    }
  }

  /// The extension's data, in the shortest form.
  public var data: ByteBuffer {
    var data = ByteBuffer()
    if let short = UInt32(exactly: self.seconds), self.nanoseconds == 0 {
      data.writeInteger(short)
    } else if (0...0x3_FFFF_FFFF).contains(self.seconds) {
      data.writeInteger(UInt64(self.nanoseconds) << 34 | UInt64(self.seconds))
    } else {
      data.writeInteger(self.nanoseconds)
      data.writeInteger(self.seconds)
    }
    return data
  }
}
