import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// DIRECT.GET of many messages, and what else looks into a stream (ADR-31).
@Suite struct JetStreamDirectTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\n")
    let made = self.ask(
      "STREAM.CREATE.S", #"{"name":"S","subjects":["s.>"],"allow_direct":true}"#)
    #expect(made.contains(#""did_create":true"#))
    for subject in ["s.a", "s.b", "s.a", "s.c", "s.a"] {
      _ = self.client.exchange("PUB \(subject) 1\r\nx\r\n")
      self.rig.pass(seconds: 10)
    }
    #expect(self.ask("STREAM.MSG.DELETE.S", #"{"seq":2}"#).contains("true"))
  }

  private func ask(_ call: String, _ body: String) -> String {
    self.client.exchange("PUB $JS.API.\(call) in.api \(body.utf8.count)\r\n\(body)\r\n")
  }

  /// The numbers of the messages of an answer, and how it ends.
  private func direct(_ body: String) -> (sequences: [String], last: String) {
    let answer = self.ask("DIRECT.GET.S", body)
    let lines = answer.split(separator: "\r\n")
    let sequences = lines.filter { $0.hasPrefix("Nats-Sequence: ") }.map {
      String($0.dropFirst(15))
    }
    let last = lines.last { $0.hasPrefix("NATS/1.0 ") }
    return (sequences, String(last ?? ""))
  }

  @Test func batchesPassOverWhatIsGone() {
    let answer = self.ask("DIRECT.GET.S", #"{"seq":1,"batch":3}"#)
    #expect(answer.contains("Nats-Sequence: 1\r\n"))
    #expect(answer.contains("Nats-Num-Pending: 3\r\nNats-Last-Sequence: 0\r\n"))
    #expect(answer.contains("Nats-Num-Pending: 1\r\nNats-Last-Sequence: 3\r\n"))
    #expect(
      answer.hasSuffix(
        "NATS/1.0 204 EOB\r\nNats-Num-Pending: 1\r\nNats-Last-Sequence: 4\r\n\r\n\r\n"))
    #expect(self.direct(#"{"seq":2,"batch":9,"next_by_subj":"s.a"}"#).sequences == ["3", "5"])
    #expect(self.direct(#"{"seq":1,"batch":9,"max_bytes":5}"#).sequences == ["1", "3"])
    #expect(self.direct(#"{"seq":9,"batch":2}"#).last == "NATS/1.0 404 Message Not Found")
  }

  @Test func theLastOfManySubjects() {
    #expect(self.direct(#"{"multi_last":["s.>"]}"#).sequences == ["4", "5"])
    #expect(self.direct(#"{"multi_last":["s.a","s.c"],"batch":1}"#).sequences == ["4"])
    #expect(self.direct(#"{"multi_last":["s.>"],"up_to_seq":3}"#).sequences == ["3"])
    #expect(self.direct(#"{"multi_last":["s.>"],"seq":5}"#).sequences == ["5"])
    #expect(self.direct(#"{"multi_last":["x"]}"#).last == "NATS/1.0 404 No Results")
    let answer = self.ask("DIRECT.GET.S", #"{"multi_last":["s.a"]}"#)
    #expect(answer.contains("Nats-Num-Pending: 0\r\nNats-Last-Sequence: 5\r\nNats-Up-To") == false)
    #expect(answer.contains("Nats-Last-Sequence: 5\r\nNats-UpTo-Sequence: 5\r\n"))
  }

  @Test func messagesAreFoundByTime() throws {
    // The first came at the rig's beginning, the others ten seconds apart.
    let second = JetStreamTimestamp(nanosecondsSince1970: 1_700_000_015_000_000_000).description
    #expect(self.direct(#"{"start_time":"\#(second)"}"#).sequences == ["3"])
    #expect(self.direct(#"{"start_time":"\#(second)","batch":5}"#).sequences == ["3", "4", "5"])
    #expect(self.direct(#"{"multi_last":["s.>"],"up_to_time":"\#(second)"}"#).sequences == ["1"])
    let get = self.ask("STREAM.MSG.GET.S", #"{"start_time":"\#(second)","next_by_subj":"s.c"}"#)
    #expect(get.contains(#""seq":4"#))
    #expect(self.ask("STREAM.INFO.S", #"{"deleted_details":true}"#).contains(#""deleted":[2]"#))
  }
}
