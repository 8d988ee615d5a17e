/// The blank-separated arguments of a control line: at most five, kept without allocation.
struct NATSArguments {
  private(set) var count = 0
  /// Whether exactly one space stands between arguments and nothing before and behind them.
  private(set) var hasSingleSpaces = true
  private let line: UnsafeRawBufferPointer
  private var ranges: InlineArray<5, Range<Int>> = .init(repeating: 0..<0)

  /// Splits `line`. Fails on a sixth argument, and on NUL or CR anywhere.
  init?(_ line: UnsafeRawBufferPointer) {
    self.line = line
    var index = 0
    var blanks = 0
    while index < line.count {
      let byte = line[index]
      if byte == 0x20 || byte == 0x09 {
        blanks += 1
        if byte == 0x09 || blanks > 1 || self.count == 0 { self.hasSingleSpaces = false }
        index += 1
        continue
      }
      let start = index
      while index < line.count, line[index] != 0x20, line[index] != 0x09 {
        guard line[index] != 0, line[index] != 0x0D else { return nil }
        index += 1
      }
      guard self.count < 5 else { return nil }
      self.ranges[self.count] = start..<index
      self.count += 1
      blanks = 0
    }
    if blanks > 0 { self.hasSingleSpaces = false }
  }

  subscript(index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self.line[self.ranges[index]])
  }
}
