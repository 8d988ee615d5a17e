public import NIOCore

extension ByteBuffer {
  /// Writes a number in decimal digits, without a detour by a text. One above `Int.max` is written
  /// as that.
  public mutating func writeDecimal(_ number: UInt64) {
    let value = Int(truncatingIfNeeded: min(number, UInt64(Int.max)))
    let count = ASCIIScan.digits(value)
    self.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
      target.baseAddress.map { ASCIIScan.write(value, to: $0) } ?? 0
    }
  }
}
