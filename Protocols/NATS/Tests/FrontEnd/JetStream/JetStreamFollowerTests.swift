import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// Mirrors and sources, over raw bytes.
@Suite struct JetStreamFollowerTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\n")
  }

  private func api(_ call: String, _ body: String = "") throws -> JSONValue {
    let text = self.client.exchange(
      "PUB $JS.API.\(call) in.api \(body.utf8.count)\r\n\(body)\r\n")
    let json = try #require(text.split(separator: "\r\n").last { $0.hasPrefix("{") }, "\(text)")
    return try JSONValue(parsing: String(json))
  }

  private func make(_ name: String, _ config: String) throws {
    let answer = try self.api("STREAM.CREATE.\(name)", #"{"name":"\#(name)",\#(config)}"#)
    #expect(answer["error"] == nil, "\(answer)")
  }

  private func publish(_ subjects: String...) {
    for subject in subjects {
      _ = self.client.exchange("PUB \(subject) \(subject.utf8.count)\r\n\(subject)\r\n")
    }
    self.rig.pass(seconds: 0.1)
  }

  private func state(_ name: String) throws -> [Int64?] {
    let state = try self.api("STREAM.INFO.\(name)")["state"]
    return ["messages", "first_seq", "last_seq"].map { state?[$0]?.integer }
  }

  private func message(_ name: String, _ sequence: Int) throws -> (subject: String, header: String)
  {
    let message = try self.api("STREAM.MSG.GET.\(name)", #"{"seq":\#(sequence)}"#)["message"]
    let header = Base64.decode(Array(message?.text("hdrs").utf8 ?? "".utf8)) ?? []
    return (message?.text("subject") ?? "", String(decoding: header, as: UTF8.self))
  }

  @Test func anUpdateOfSomethingElseLeavesThemAlone() throws {
    try self.make("O", #""subjects":["o.>"]"#)
    try self.make("T", #""sources":[{"name":"O"}]"#)
    let account = self.rig.frontEnd.jetStream(of: self.rig.engine.tenant(named: "default"))
    let stream = try #require(account.tenant.streams["T"])
    func followers() -> [ObjectIdentifier] {
      account.followers(of: stream).map { ObjectIdentifier($0) }
    }
    let before = followers()
    #expect(before.count == 1)
    let same = #"{"name":"T","description":"new","sources":[{"name":"O"}]}"#
    #expect(try self.api("STREAM.UPDATE.T", same)["error"] == nil)
    #expect(followers() == before)
    let other = #"{"name":"T","sources":[{"name":"O","filter_subject":"o.a"}]}"#
    #expect(try self.api("STREAM.UPDATE.T", other)["error"] == nil)
    #expect(followers() != before)
    self.publish("o.a", "o.b")
    #expect(try self.state("T") == [1, 1, 1])
  }

  @Test func aMirrorHasTheSameNumbers() throws {
    try self.make("O", #""subjects":["o.>"]"#)
    self.publish("o.1", "o.2", "o.3")
    _ = try self.api("STREAM.MSG.DELETE.O", #"{"seq":2}"#)
    try self.make("M", #""mirror":{"name":"O"}"#)
    self.rig.pass(seconds: 0.1)
    #expect(try self.state("M") == [2, 1, 3])
    self.publish("o.4")
    #expect(try self.state("M") == [3, 1, 4])
    #expect(try self.message("M", 4).subject == "o.4")
    #expect(try self.api("STREAM.MSG.GET.M", #"{"seq":2}"#)["error"] != nil)
    let details = try self.api("STREAM.INFO.M", #"{"deleted_details":true}"#)
    #expect(details["state"]?["deleted"]?[0]?.integer == 2)
    let upstream = details["mirror"]
    #expect(upstream?.text("name") == "O")
    #expect(upstream?["lag"]?.integer == 0)
    #expect(try self.api("CONSUMER.NAMES.O")["total"]?.integer == 0)
  }

  @Test func aMirrorTakesAPartFromAPlaceOn() throws {
    try self.make("O", #""subjects":["o.>"]"#)
    self.publish("o.1", "o.2", "o.1", "o.2", "o.1")
    try self.make("P", #""mirror":{"name":"O","filter_subject":"o.1","opt_start_seq":2}"#)
    self.rig.pass(seconds: 0.1)
    #expect(try self.state("P") == [2, 3, 5])
    try self.make(
      "Q", #""mirror":{"name":"O","subject_transforms":[{"src":"o.*","dest":"q.{{wildcard(1)}}"}]}"#
    )
    self.rig.pass(seconds: 0.1)
    #expect(try self.message("Q", 2).subject == "q.2")
    let refused = try self.api("STREAM.UPDATE.P", #"{"name":"P","mirror":{"name":"Q"}}"#)
    #expect(refused["error"]?["err_code"]?.integer == 10055)
  }

  @Test func sourcesSayWhereMessagesCameFromAndAreNotTakenTwice() throws {
    try self.make("A", #""subjects":["a.>"]"#)
    try self.make(
      "T", #""subjects":["t"],"sources":[{"name":"A","filter_subject":"a.*"},{"name":"B"}]"#)
    self.publish("a.1", "a.1.2", "t", "a.2")
    #expect(try self.state("T") == [3, 1, 3])
    let first = try self.message("T", 1)
    #expect(first.subject == "a.1")
    #expect(first.header == "NATS/1.0\r\nNats-Stream-Source: A 1 a.* > a.1\r\n\r\n")
    let sources = try self.api("STREAM.INFO.T")["sources"]
    #expect(sources?[0]?["error"] == nil)
    #expect(sources?[1]?["error"]?["err_code"]?.integer == 10059)
    #expect(sources?[1]?["active"]?.integer == -1)
    // The source comes, and the stream is looked at anew.
    try self.make("B", #""subjects":["b"]"#)
    self.publish("b")
    #expect(try self.state("T") == [4, 1, 4])
    let updated = try self.api(
      "STREAM.UPDATE.T",
      #"{"name":"T","description":"x","subjects":["t"],"#
        + #""sources":[{"name":"A","filter_subject":"a.*"},{"name":"B"}]}"#
    )
    #expect(updated["error"] == nil, "\(updated)")
    self.publish("a.3")
    #expect(try self.state("T") == [5, 1, 5])
    #expect(try self.message("T", 5).header.contains("Nats-Stream-Source: A 4 a.* > a.3"))
  }

  @Test func aWorkQueueIsEmptiedByItsMirror() throws {
    try self.make("W", #""subjects":["w"],"retention":"workqueue""#)
    try self.make("M", #""mirror":{"name":"W"}"#)
    self.publish("w", "w")
    #expect(try self.state("M") == [2, 1, 2])
    #expect(try self.state("W")[0] == 0)
  }

  @Test func aFullStreamTakesTheRestWhenThereIsRoom() throws {
    try self.make("A", #""subjects":["a"]"#)
    try self.make("T", #""sources":[{"name":"A"}],"max_msgs":1,"discard":"new""#)
    self.publish("a", "a")
    #expect(try self.state("T") == [1, 1, 1])
    let upstream = try self.api("STREAM.INFO.T")["sources"]?[0]
    #expect(upstream?["lag"]?.integer == 1)
    #expect(upstream?["error"]?["err_code"]?.integer == 10077)
    _ = try self.api("STREAM.PURGE.T")
    self.rig.pass(seconds: 1.1)
    #expect(try self.state("T") == [1, 2, 2])
    #expect(try self.api("STREAM.INFO.T")["sources"]?[0]?["error"] == nil)
  }

  @Test func originsElsewhereAreRefused() throws {
    let external = #"{"name":"O","external":{"api":"$JS.other.API","deliver":""}}"#
    for config in [#""mirror":\#(external)"#, #""sources":[\#(external)]"#] {
      let answer = try self.api("STREAM.CREATE.X", #"{"name":"X",\#(config)}"#)
      #expect(answer["error"]?["err_code"]?.integer == 10052)
    }
  }
}
