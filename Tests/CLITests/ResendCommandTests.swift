import ArgumentParser
import GodwitWire
import Testing

@testable import GodwitCLI

@Suite struct ResendCommandTests {
  @Test func document() throws {
    let command = try ResendCommand.parse([
      "D", "3", "--partition", "1", "--to", "back", "--rate", "50", "--remove", "--payload", "x",
      "-H", "A=b=c", "--dry-run",
    ])
    let document = try command.document()
    #expect(document["stream"]?.string == "D")
    #expect(document["offsets"]?.elements == [.integer(3)])
    #expect(document["partition"]?.integer == 1)
    #expect(document["topic"]?.string == "back")
    #expect(document["rate"]?.double == 50)
    #expect(document["remove"]?.bool == true)
    #expect(document["dry_run"]?.bool == true)
    #expect(document["payload"]?.string == "x")
    #expect(document["headers"]?[0]?.elements == [.string("A"), .string("b=c")])
    let some = try ResendCommand.parse([
      "D", "--header", "N=v", "--text", "t", "--topic", "a.>", "--from", "1", "--before", "9",
      "--limit", "2",
    ]).document()
    #expect(some["offsets"] == nil)
    #expect(some["header"]?.string == "N=v")
    #expect(some["text"]?.string == "t")
    #expect(some["pattern"]?.string == "a.>")
    #expect(some["from"]?.integer == 1)
    #expect(some["to"]?.integer == 9)
    #expect(some["limit"]?.integer == 2)
    #expect(some["remove"] == nil)
  }

  @Test(arguments: [
    ["D"], ["D", "--all", "--payload", "x"], ["D", "1", "2", "-H", "a=b"],
    ["D", "1", "-H", "a"], ["D", "--all", "--rate", "0"], ["D", "--limit", "0"],
    ["D", "1", "--payload", "x", "--payload-file", "y"],
  ])
  func refuses(arguments: [String]) {
    #expect(throws: (any Error).self) { try ResendCommand.parse(arguments) }
  }

  @Test func aJobAsText() throws {
    let plan = try JSONValue(
      parsing: """
        {"dry_run":true,"chosen":3,"without_origin":1,"examples":[
        {"partition":null,"offset":1200,"topic":"a\\u0007","bytes":3}]}
        """)
    #expect(
      ResendReport.lines(plan) == [
        "would send 3 records", "  1,200  to a?  3 B", "  and 2 more",
        "  1 do not say where they come from: use --to",
      ])
    let done = try JSONValue(
      parsing: #"{"id":4,"state":"cancelled","sent":1,"removed":1,"failed":2,"error":"full"}"#)
    #expect(
      ResendReport.lines(done) == [
        "job 4, cancelled: sent 1 record", "  1 removed", "  2 failed: full",
      ])
  }

  @Test func anAuditEntryAsText() throws {
    let entry = try JSONValue(
      parsing: """
        {"at":0,"who":"ops","from":"::1","action":"POST /api/x","status":200,
        "query":{"keep":"1"},"result":{"purged":2,"other":1}}
        """)
    #expect(
      AuditCommand.line(of: entry)
        == "1970-01-01T00:00:00Z  ops  ::1  POST /api/x  keep=1  200  purged=2")
  }
}
