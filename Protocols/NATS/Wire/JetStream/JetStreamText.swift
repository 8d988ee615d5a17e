/// White space and names in what clients send.
enum JetStreamText {
  /// Without the white space around it.
  static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var start = 0
    var end = text.count
    while start < end, isSpace(text[start]) { start += 1 }
    while end > start, isSpace(text[end - 1]) { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[start..<end])
  }

  /// Whether a stream or consumer may have this name, but for its length.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty
      && !name.utf8.contains {
        switch $0 {
        case 0x20, 0x09, 0x0D, 0x0A, 0x0C: true
        case UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"): true
        case UInt8(ascii: "\\"), UInt8(ascii: "/"): true
        default: false
        }
      }
  }
}
