import ArgumentParser
import GodwitWire
import Testing

@testable import GodwitCLI

@Suite struct StreamCommandTests {
  @Test func create() throws {
    let command = try StreamCreateCommand.parse([
      "ORDERS", "orders.>", "paid", "--max-age", "1.5h", "--max-bytes", "2GiB", "--max-records",
      "9",
      "--max-per-topic", "3", "--retention", "work-queue", "--memory", "--duplicates", "0s",
    ])
    let document = command.document
    #expect(document["name"]?.string == "ORDERS")
    #expect(document["topics"]?.elements?.count == 2)
    #expect(document["retention"]?.string == "work queue")
    #expect(document["storage"]?.string == "memory")
    #expect(document["full"]?.string == "drop oldest")
    #expect(document["age_max_seconds"]?.double == 5_400)
    #expect(document["bytes_max"]?.integer == 2 << 30)
    #expect(document["records_max"]?.integer == 9)
    #expect(document["records_per_topic_max"]?.integer == 3)
    #expect(document["duplicate_window_seconds"]?.double == 0)
    let plain = try StreamCreateCommand.parse(["ORDERS", "orders.>"]).document
    #expect(plain["duplicate_window_seconds"] == nil)
    #expect(plain["age_max_seconds"] == nil)
  }

  @Test(arguments: [
    ["ORDERS"], ["ORDERS", "a", "--max-age", "soon"], ["ORDERS", "a", "--max-age", "-1s"],
    ["ORDERS", "a", "--max-age", "7"], ["ORDERS", "a", "--max-bytes", "1MB"],
    ["ORDERS", "a", "--max-bytes", "9999999TiB"], ["ORDERS", "a", "--max-records", "0"],
    ["ORDERS", "a", "--retention", "ever"],
  ])
  func createRefuses(arguments: [String]) {
    #expect(throws: (any Error).self) { try StreamCreateCommand.parse(arguments) }
  }

  @Test func readAndTail() throws {
    let read = try StreamReadCommand.parse(["S", "--from", "7", "-c", "3", "--topic", "a.>"])
    #expect(read.start == 7)
    #expect(read.count == 3)
    #expect(read.options.topic == "a.>")
    #expect(try StreamTailCommand.parse(["S", "-n", "0"]).last == 0)
    for arguments in [["S", "-c", "0"], ["S", "--json", "--raw"], []] {
      #expect(throws: (any Error).self) { try StreamReadCommand.parse(arguments) }
    }
  }

  @Test func aRecordAsText() throws {
    let record = try JSONValue(
      parsing: """
        {"offset":7,"received_at":0,"topic":"a\\u0007b","bytes":3,"origin":"nats","payload":"x\\ny",
        "encoding":"text","truncated":false,"message_id":"m","headers":[["k","v"]]}
        """)
    #expect(
      StreamReport.lines(ofRecord: record, isBare: false) == [
        "7  1970-01-01T00:00:00Z  a?b  3 B  nats", "  message_id: m", "  k: v", "  x\ny",
      ])
    #expect(StreamReport.lines(ofRecord: record, isBare: true) == ["x\ny"])
  }
}
