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

  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= self.target.count - self.count, "a frame larger than its room")
    UnsafeMutableRawBufferPointer(rebasing: self.target[self.count...]).copyMemory(from: bytes)
    self.count += bytes.count
  }

  mutating func write(_ text: String) {
    let isWritten: Void? = text.utf8.withContiguousStorageIfAvailable {
      self.write(UnsafeRawBufferPointer($0))
    }
    if isWritten == nil { Array(text.utf8).withUnsafeBytes { self.write($0) } }
  }

  /// A number, which must not be negative.
  mutating func write(decimal number: Int) {
    let digits = ASCIIScan.digits(number)
    precondition(digits <= self.target.count - self.count, "a frame larger than its room")
    guard let start = self.target.baseAddress else { return }
    ASCIIScan.write(number, to: start + self.count)
    self.count += digits
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
