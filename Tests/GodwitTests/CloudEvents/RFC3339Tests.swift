import Testing

@testable import Godwit

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct RFC3339Tests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2018-04-05T17:31:00Z", 1_522_949_460),
    ("2018-04-05T19:31:00+02:00", 1_522_949_460), ("2018-04-05t17:01:00-00:30", 1_522_949_460),
    ("2000-02-29 23:59:59z", 951_868_799), ("1969-12-31T23:59:59.5Z", -0.5),
    ("2018-04-05T17:31:00.250000000000000000001Z", 1_522_949_460.25),
    ("0000-01-01T00:00:00Z", -62_167_219_200), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ("1990-12-31T23:59:60Z", 662_688_000),
  ])
  func reads(_ text: String, _ seconds: Double) {
    #expect(RFC3339.parse(text) == Date(timeIntervalSince1970: seconds))
  }

  @Test(arguments: [
    "", "2018-04-05", "2018-04-05T17:31:00", "2018-4-05T17:31:00Z", "2018-13-05T17:31:00Z",
    "2018-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2018-04-05T24:00:00Z",
    "2018-04-05T17:60:00Z", "2018-04-05T17:31:61Z", "2018-04-05T17:31:00.Z",
    "2018-04-05T17:31:00+0200", "2018-04-05T17:31:00ZZ", "2018-04-00T17:31:00Z",
    "12018-04-05T17:31:00Z", "2018-04-05T17:31:00+24:00",
  ])
  func refuses(_ text: String) {
    #expect(RFC3339.parse(text) == nil)
  }

  @Test func whatIsWrittenIsRead() {
    #expect(RFC3339.format(Date(timeIntervalSince1970: 1_522_949_460)) == "2018-04-05T17:31:00Z")
    #expect(RFC3339.format(Date(timeIntervalSince1970: -0.25)) == "1969-12-31T23:59:59.75Z")
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let seconds = Double(Int.random(in: -62_167_219_200...253_402_300_799, using: &generator))
      let date = Date(timeIntervalSince1970: seconds)
      #expect(RFC3339.format(date).flatMap(RFC3339.parse) == date)
    }
    for seconds in [253_402_300_800, -62_167_219_201, 1e300, -1e300, .infinity, .nan] as [Double] {
      #expect(RFC3339.format(Date(timeIntervalSince1970: seconds)) == nil)
    }
  }
}
