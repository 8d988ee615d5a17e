import GodwitDriverKit
import TestSupport
import Testing

@Suite struct ComplaintsTests {
  @Test func noMoreIsLoggedThanABound() {
    let lines = LogLines()
    var complaints = Complaints()
    for number in 1...1_000 { complaints.add("\(number)", to: lines.logger) }
    #expect(lines.values.prefix(Complaints.loggedMax) == (1...100).map { "warning \($0)" }[...])
    // That there is more is said once.
    #expect(lines.values.count == Complaints.loggedMax + 1)
  }

  @Test func aComplaintIsOneLine() {
    let lines = LogLines()
    var complaints = Complaints()
    complaints.add("a\r\nb\u{1B}[31m" + String(repeating: "x", count: 9_999), to: lines.logger)
    #expect(lines.values.first?.hasPrefix("warning a b [31mx") == true)
    #expect(lines.values.first?.utf8.count == 1_000 + "warning ".utf8.count)
  }
}
