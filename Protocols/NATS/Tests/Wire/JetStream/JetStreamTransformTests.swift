import NATSWire
import Testing

@Suite struct JetStreamTransformTests {
  @Test(arguments: [
    ("foo.*", "bar.$1", "foo.x", "bar.x"),
    ("foo.*.*", "bar.{{wildcard(2)}}.{{ Wildcard( 1 ) }}", "foo.a.b", "bar.b.a"),
    ("foo.>", "bar.>", "foo.a.b", "bar.a.b"), (">", "p.>", "a.b", "p.a.b"), ("", "p.>", "a", "p.a"),
    ("*", "{{splitfromleft(1,3)}}", "12345", "123.45"),
    ("*", "{{SplitFromRight(1,3)}}", "12345", "12.345"),
    ("*", "{{SliceFromLeft(1,3)}}", "1234567890", "123.456.789.0"),
    ("*", "{{SliceFromRight(1,3)}}", "1234567890", "1.234.567.890"),
    ("*", "{{split(1,-)}}", "-abc-def--ghi-", "abc.def.ghi"), ("*", "{{left(1,2)}}", "abc", "ab"),
    ("*", "{{right(1,2)}}", "abc", "bc"), ("*", "{{splitfromleft(1,9)}}", "123", "123"),
    ("*.*", "{{partition(10,1,2)}}", "foo.bar", "0"), ("*", "{{partition(10,1)}}", "foo", "3"),
    ("*", "{{partition(0,1)}}", "foo", "0"), ("a", "b", "a", "b"),
    ("*", "{{random(4)}}.$1", "q", "2.q"),
  ])
  func transforms(_ source: String, _ destination: String, _ subject: String, _ result: String)
    throws
  {
    let transform = try JetStreamSubjectTransform(source: source, destination: destination)
    #expect(transform.apply(to: subject, random: 6) == result)
  }

  @Test func otherSubjectsStayOut() throws {
    let transform = try JetStreamSubjectTransform(source: "foo.*", destination: "bar.$1")
    #expect(transform.apply(to: "baz.x") == nil)
    #expect(transform.apply(to: "foo.x.y") == nil)
  }

  @Test(arguments: [
    (
      "foo.*", "bar.{{wildcard(2)}}",
      "invalid mapping destination: wildcard index out of range in {{wildcard(2)}}: [2]"
    ),
    ("foo.*", "bar.{{bogus(1)}}", "invalid mapping destination: unknown function in {{bogus(1)}}"),
    (
      "foo", "bar.{{wildcard(1)}}",
      "invalid mapping destination: wildcard index out of range in {{wildcard(1)}}"
    ),
    ("foo.*", "bar.*", "invalid subject"), ("foo.>", "bar", "invalid subject"),
    (
      "foo.*", "bar.{{split(1)}}",
      "invalid mapping destination: not enough arguments passed to the function in {{split(1)}}"
    ),
    (
      "foo.*", "bar.{{left(1,2)}}", "invalid mapping destination: unknown function in {{left(1,2)}}"
    ),
  ])
  func faults(_ source: String, _ destination: String, _ text: String) {
    let failure = JetStreamSubjectTransform.failure(of: .init(source, destination))
    #expect(failure?.description == text)
  }

  @Test(arguments: [
    ("2026-11-21T15:25:38.048495538Z", 1_795_274_738, 48_495_538),
    ("2024-02-29T12:34:56.789Z", 1_709_210_096, 789_000_000), ("1970-01-01T00:00:00Z", 0, 0),
    ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
    ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
  ])
  func timestamps(_ text: String, _ seconds: Int64, _ nanoseconds: Int32) {
    let moment = JetStreamTimestamp(seconds: seconds, nanoseconds: nanoseconds)
    #expect(JetStreamTimestamp(text) == moment)
    #expect(moment.description == text)
  }

  @Test func timestampsWithOffsets() {
    #expect(
      JetStreamTimestamp("2024-01-01T01:00:00+01:00") == JetStreamTimestamp("2024-01-01T00:00:00Z"))
    #expect(
      JetStreamTimestamp("2023-12-31T19:30:00.25-04:30")?.description == "2024-01-01T00:00:00.25Z")
    #expect(
      JetStreamTimestamp(nanosecondsSince1970: -1).description == "1969-12-31T23:59:59.999999999Z")
    #expect(JetStreamTimestamp("9999-12-31T23:59:59Z")?.nanosecondsSince1970 == .max)
    #expect(JetStreamTimestamp.zero.nanosecondsSince1970 == .min)
  }

  @Test(arguments: [
    "", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
    "2024-01-01T24:00:00Z", "2024-01-01t00:00:00z", "2024-01-01T00:00:00.Z",
    "2024-01-01T00:00:00+1:00",
    "2024-01-01T00:00:00ZZ", "２024-01-01T00:00:00Z",
  ])
  func noTimestamps(_ text: String) {
    #expect(JetStreamTimestamp(text) == nil)
  }

  @Test(arguments: [
    ("0", 0), ("1.5s", 1_500_000_000), ("-2h45m", -9_900_000_000_000), ("+300ms", 300_000_000),
    ("0s", 0),
    ("7µs", 7000),
  ])
  func goDurations(_ text: String, _ nanoseconds: Int64) {
    #expect(text.bytes { NATSDuration.parseGo($0) } == nanoseconds)
  }

  @Test(arguments: ["", "5", "s", "-", "1x", "1s1", "99999999999999h"])
  func noGoDurations(_ text: String) {
    #expect(text.bytes { NATSDuration.parseGo($0) } == nil)
  }

  @Test(arguments: [
    (0, "0s"), (7, "7ns"), (1500, "1.5µs"), (250_000_000, "250ms"), (5_000_000_000, "5s"),
    (90_500_000_000, "1m30.5s"), (600_000_000_000, "10m0s"), (3_600_000_000_000, "1h0m0s"),
    (-1_000_000_000, "-1s"),
  ])
  func durationsAreWrittenAsGoDoes(_ nanoseconds: Int64, _ text: String) {
    #expect(NATSDuration.full(nanoseconds) == text)
  }
}
