/// Walks the dot-separated levels of a canonical topic without copying them.
public struct TopicLevels {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline var start: Int

  /// The levels of `bytes`. An empty topic has one, empty level.
  @inlinable
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    self.start = 0
  }

  /// How many levels `bytes` have.
  public static func count(_ bytes: UnsafeRawBufferPointer) -> Int {
    var count = 1
    for byte in bytes where byte == UInt8(ascii: ".") { count &+= 1 }
    return count
  }

  /// Whether every level has been handed out.
  @inlinable public var isAtEnd: Bool { self.start > self.bytes.count }

  /// The next level, or `nil` after the last.
  @inlinable
  public mutating func next() -> UnsafeRawBufferPointer? {
    guard self.start <= self.bytes.count else { return nil }
    var end = self.start
    while end < self.bytes.count, self.bytes[end] != UInt8(ascii: ".") { end &+= 1 }
    let level = UnsafeRawBufferPointer(rebasing: self.bytes[self.start..<end])
    self.start = end &+ 1
    return level
  }
}
