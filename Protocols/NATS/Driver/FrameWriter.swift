import GodwitWire

/// Writes a frame whose size is known into memory that has room for it. What does not fit, because
/// somebody counted wrong, ends the process rather than the memory of others.
struct FrameWriter {
  private let target: UnsafeMutableRawBufferPointer
  /// How many bytes were written.
  private(set) var count = 0

  init(_ target: UnsafeMutableRawBufferPointer) {
    self.target = target
  }

  /// Room for so many bytes more.
  private mutating func room(_ size: Int) -> UnsafeMutableRawPointer? {
    precondition(size <= self.target.count - self.count, "a frame larger than its room")
    defer { self.count += size }
    return self.target.baseAddress.map { $0 + self.count }
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard let room = self.room(bytes.count), let start = bytes.baseAddress else { return }
    room.copyMemory(from: start, byteCount: bytes.count)
  }

  mutating func write(_ text: StaticString) {
    guard let room = self.room(text.utf8CodeUnitCount) else { return }
    room.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
  }

  mutating func write(_ text: String) {
    text.utf8.withContiguousBytes { self.write($0) }
  }

  /// A number, which must not be negative.
  mutating func write(decimal number: Int) {
    guard let room = self.room(ASCIIScan.digits(number)) else { return }
    ASCIIScan.write(number, to: room)
  }

  /// A header field, when there is a value.
  mutating func write(_ name: String, _ value: String?) {
    guard let value else { return }
    self.write(name)
    self.write(": ")
    self.write(value)
    self.write("\r\n")
  }
}
