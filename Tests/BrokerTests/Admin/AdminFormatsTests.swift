import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminFormatsTests {
  @Test func metricsAreFamiliesWithEscapedLabels() async throws {
    try await AdminHarness.run { harness in
      let reply = try harness.connect().request("GET", "/metrics")
      #expect(reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let text = reply.text
      #expect(text.hasSuffix("\n"))
      #expect(text.contains("godwit_build_info{version=\"0.0.1\"} 1\n"))
      #expect(
        text.contains("# HELP godwit_fake_things_total Things with a \\\\ and\\na new line.\n"))
      #expect(
        text.contains(
          #"godwit_fake_things_total{name="quote \" backslash \\ line\nend"} 1"# + "\n"))
      #expect(!text.contains("bad-label"))
      #expect(!text.contains("godwit fake"))
      var families: Set<String> = []
      var samples: Set<Substring> = []
      var current = ""
      for line in text.split(separator: "\n") {
        if line.hasPrefix("# TYPE ") {
          current = String(line.split(separator: " ")[2])
          #expect(families.insert(current).inserted, "\(current) twice")
        } else if !line.hasPrefix("#") {
          #expect(line.hasPrefix(current))
          let sample = line.prefix(upTo: line.lastIndex(of: " ") ?? line.endIndex)
          #expect(samples.insert(sample).inserted, "\(sample) twice")
          #expect(Double(line.split(separator: " ").last ?? "") != nil)
        }
      }
      #expect(families.count > 30)
    }
  }

  @Test func figuresOfOneNameBecomeOneFamily() {
    var text = PrometheusText()
    text.add(Metric("x_total", "X.", .counter, samples: [([("p", "a")], 1)]))
    text.add(Metric("y", "Y.", .gauge, .infinity))
    text.add(Metric("x_total", "X.", .counter, samples: [([("p", "b")], 2.5)]))
    text.add(Metric("x_total", "X.", .gauge, samples: [([("p", "c")], 3)]))
    text.add(Metric("z", "Z.", .gauge, samples: []))
    text.add(Metric("9z", "Z.", .gauge, 1))
    #expect(
      text.text == """
        # HELP x_total X.
        # TYPE x_total counter
        x_total{p="a"} 1
        x_total{p="b"} 2.5
        # HELP y Y.
        # TYPE y gauge
        y +Inf

        """)
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
  ])
  func datesAreHTTPs(_ seconds: Int64, _ text: String) {
    #expect(HTTPDate.text(nanoseconds: seconds * 1_000_000_000) == text)
  }

  @Test func percentCodingIsStrict() {
    #expect(PercentCoding.decode("a%2Fb+c", plusIsSpace: false) == "a/b+c")
    #expect(PercentCoding.decode("a%2fb+c", plusIsSpace: true) == "a/b c")
    #expect(PercentCoding.decode("%", plusIsSpace: false) == nil)
    #expect(PercentCoding.decode("%4", plusIsSpace: false) == nil)
    #expect(PercentCoding.decode("%G0", plusIsSpace: false) == nil)
    #expect(PercentCoding.decode("%ff", plusIsSpace: false) == nil)
    let query = PercentCoding.query("a=1&b&=c&a=2%26")
    #expect(query?.map(\.name) == ["a", "b", "", "a"])
    #expect(query?.map(\.value) == ["1", "", "c", "2&"])
    #expect(PercentCoding.query("a=%") == nil)
  }

  @Test func payloadsAreTextOrDigits() {
    #expect(MessageView.preview(Array("tab\tline\nend".utf8), isCut: false).isText)
    #expect(MessageView.preview([0xC3], isCut: true).text == "")
    #expect(MessageView.preview([0xC3], isCut: false) == ("c3", false))
    #expect(MessageView.preview([0x41, 0xF0, 0x9F, 0x98], isCut: true) == ("A", true))
    #expect(MessageView.preview([0x1B, 0x5B], isCut: false) == ("1b5b", false))
    #expect(MessageView.preview([], isCut: false) == ("", true))
  }

  @Test func authoritiesAreParsed() {
    #expect(AdminGuard.name(ofAuthority: "A.b:80") == "a.b")
    #expect(AdminGuard.name(ofAuthority: "[::1]:80") == "[::1]")
    #expect(AdminGuard.name(ofAuthority: "[::1") == nil)
    #expect(AdminGuard.name(ofAuthority: "a:b") == nil)
    #expect(AdminGuard.name(ofAuthority: ":80") == nil)
    #expect(AdminGuard.isAddress("1.2.3.4"))
    #expect(!AdminGuard.isAddress("1.2.3.+4"))
    #expect(!AdminGuard.isAddress("1.2.3.4.5"))
    #expect(!AdminGuard.isAddress("[evil]"))
  }
}
