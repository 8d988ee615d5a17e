/// Draws a histogram as bars, one row a doubling.
struct HistogramDrawing: Sendable {
  /// The colours.
  var style = TextStyle(hasColours: false)
  /// Whether the terminal shows block characters.
  var showsBlocks = true
  /// How wide the widest bar is, in characters.
  var width = 40

  private static let blocks = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  /// The rows.
  func lines(_ histogram: LatencyHistogram) -> [String] {
    let rows = histogram.doublings
    let largest = rows.map(\.count).max() ?? 0
    return rows.map { row in
      let label = Figures.column(Figures.duration(nanoseconds: row.floor), 8, right: true)
      let bar = self.bar(row.count, of: largest)
      let blanks = String(repeating: " ", count: Swift.max(0, self.width - bar.count))
      let share = Double(row.count) * 100 / Double(Swift.max(1, histogram.count))
      let percent = row.count == 0 ? "" : Figures.fixed(share, share < 10 ? 2 : 1) + " %"
      return
        "  \(label) \(self.style(.bar, bar))\(blanks) \(Figures.column(percent, 7, right: true))"
    }
  }

  private func bar(_ count: UInt64, of largest: UInt64) -> String {
    guard count > 0, largest > 0 else { return "" }
    let eighths = Swift.max(1, Int(Double(count) / Double(largest) * Double(self.width * 8)))
    guard self.showsBlocks else {
      return String(repeating: "#", count: Swift.max(1, eighths / 8))
    }
    return String(repeating: "█", count: eighths / 8) + Self.blocks[eighths % 8]
  }
}
