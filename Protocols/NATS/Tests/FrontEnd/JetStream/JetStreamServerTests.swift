import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// JetStream over raw bytes, with a clock that the test moves.
@Suite struct JetStreamServerTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client(
      #"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#)
    _ = self.client.exchange("SUB in.> 1\r\n")
  }

  private func ask(_ subject: String, _ body: String = "", reply: String = "in.api") -> String {
    self.client.exchange("PUB \(subject) \(reply) \(body.utf8.count)\r\n\(body)\r\n")
  }

  private func api(_ call: String, _ body: String = "") throws -> JSONValue {
    let text = self.ask("$JS.API." + call, body)
    // A PING may stand before it.
    let json = try #require(text.split(separator: "\r\n").last { $0.hasPrefix("{") }, "\(text)")
    return try JSONValue(parsing: String(json))
  }

  private func makeStream(_ more: String = "") throws {
    let answer = try self.api("STREAM.CREATE.S", #"{"name":"S","subjects":["s.>"]\#(more)}"#)
    #expect(answer["error"] == nil)
  }

  private func makeConsumer(_ more: String = "") throws {
    let config = #"{"durable_name":"c","ack_policy":"explicit"\#(more)}"#
    let answer = try self.api(
      "CONSUMER.CREATE.S.c", #"{"stream_name":"S","config":\#(config)}"#)
    #expect(answer["error"] == nil, "\(answer)")
  }

  private func publish(_ subject: String, _ payload: String) -> String {
    self.ask(subject, payload, reply: "in.ack")
  }

  @Test func infoAnnouncesIt() {
    #expect(self.client.info.contains(#""jetstream":true"#))
  }

  @Test func theShortestWholePath() throws {
    try self.makeStream()
    #expect(
      self.publish("s.a", "one") == "MSG in.ack 1 22\r\n{\"stream\":\"S\",\"seq\":1}\r\n")
    try self.makeConsumer()
    let got = self.ask("$JS.API.CONSUMER.MSG.NEXT.S.c", "1", reply: "in.next")
    #expect(got.hasPrefix("MSG s.a 1 $JS.ACK.S.c.1.1.1.17"))
    #expect(got.hasSuffix(".0 3\r\none\r\n"))
    let subject = String(try #require(got.split(separator: " ").first { $0.hasPrefix("$JS") }))
    #expect(self.ask(subject, "+ACK", reply: "in.done") == "MSG in.done 1 0\r\n\r\n")
    let info = try self.api("CONSUMER.INFO.S.c")
    #expect(info["num_ack_pending"]?.integer == 0)
    #expect(info["ack_floor"]?["stream_seq"]?.integer == 1)
    #expect(info["cluster"]?.text("leader") == "rig")
  }

  /// What was handed out shortly before the process died may come again: to say that it was done
  /// with would be a lie.
  @Test func nothingIsSaidOfWhatWasNotHandedOut() throws {
    try self.makeStream()
    _ = self.publish("s.a", "one")
    try self.makeConsumer()
    #expect(self.ask("$JS.ACK.S.c.1.1.1.17.0", "+ACK", reply: "in.done") == "")
    #expect(try self.api("CONSUMER.INFO.S.c")["num_pending"]?.integer == 1)
    let got = self.ask("$JS.API.CONSUMER.MSG.NEXT.S.c", "1", reply: "in.next")
    let subject = String(try #require(got.split(separator: " ").first { $0.hasPrefix("$JS") }))
    #expect(self.ask(subject, "+ACK", reply: "in.done") == "MSG in.done 1 0\r\n\r\n")
    // The answer may have been lost: it is given again.
    #expect(self.ask(subject, "+ACK", reply: "in.done") == "MSG in.done 1 0\r\n\r\n")
  }

  @Test func aPublisherHearsOnceOfStreamAndTopic() throws {
    let topics = self.rig.engine.tenant(named: "default").partitionedTopics
    let settings = PartitionedTopicSettings(name: "s.t", topic: Array("s.t".utf8), partitions: 1)
    _ = try topics.create(settings)
    #expect(self.publish("s.t", "1") == "MSG in.ack 1 24\r\n{\"stream\":\"s.t\",\"seq\":1}\r\n")
    try self.makeStream(#","max_msgs":1,"discard":"new""#)
    #expect(self.publish("s.t", "2") == "MSG in.ack 1 22\r\n{\"stream\":\"S\",\"seq\":1}\r\n")
    let refused = self.publish("s.t", "3")
    #expect(refused.split(separator: "\r\n").count == 2)
    #expect(refused.contains("maximum messages exceeded"), "\(refused)")
  }

  @Test func headersComeAlongWithTheirSubject() throws {
    try self.makeStream(#","allow_direct":true"#)
    let block = "NATS/1.0\r\nA: b\r\n\r\n"
    let count = block.utf8.count
    _ = self.client.exchange("HPUB s.h \(count) \(count + 2)\r\n\(block)hi\r\n")
    try self.makeConsumer()
    let got = self.ask("$JS.API.CONSUMER.MSG.NEXT.S.c", "", reply: "in.next")
    #expect(got.hasPrefix("HMSG s.h 1 $JS.ACK.S.c.1.1.1."))
    #expect(got.hasSuffix(" \(count) \(count + 2)\r\n\(block)hi\r\n"))
    let direct = self.ask("$JS.API.DIRECT.GET.S.s.h", "", reply: "in.direct")
    #expect(direct.hasPrefix("HMSG in.direct 1 "))
    #expect(direct.contains("A: b\r\nNats-Stream: S\r\nNats-Subject: s.h\r\nNats-Sequence: 1\r\n"))
    #expect(direct.hasSuffix("\r\n\r\nhi\r\n"))
    #expect(self.ask("$JS.API.DIRECT.GET.S.s.x").contains("404 Message Not Found"))
    #expect(self.ask("$JS.API.DIRECT.GET.S").contains("408 Empty Request"))
    #expect(self.ask("$JS.API.DIRECT.GET.S", "{").contains("408 Malformed Request"))
  }

  /// 8,000 bits a second, and messages of 1,000 bytes.
  @Test func aPushConsumerKeepsItsRate() throws {
    try self.makeStream(#","max_msg_size":1100"#)
    for _ in 0..<5 { _ = self.publish("s.a", String(repeating: "x", count: 997)) }
    _ = self.client.exchange("SUB out 9\r\n")
    let config = #"{"name":"p","deliver_subject":"out","ack_policy":"none","rate_limit_bps":8000}"#
    let made = self.ask(
      "$JS.API.CONSUMER.CREATE.S.p", #"{"stream_name":"S","config":\#(config)}"#)
    func count(_ text: String) -> Int { text.split(separator: "MSG s.a 9 ").count - 1 }
    var received = "-" + made
    #expect(received.contains(#""rate_limit_bps":8000"#))
    var counts: [Int] = []
    for _ in 0..<5 {
      self.rig.pass(seconds: 1)
      received += self.client.received()
      counts.append(count(received))
    }
    #expect(counts == [3, 4, 5, 5, 5])
  }

  @Test(arguments: [("100%", 1), ("0", 0)])
  func acknowledgementsAreSampled(frequency: String, expected: Int) throws {
    try self.makeStream()
    _ = self.publish("s.a", "one")
    try self.makeConsumer(#","sample_freq":"\#(frequency)""#)
    _ = self.client.exchange("SUB $JS.EVENT.METRIC.CONSUMER.ACK.S.c 8\r\n")
    let got = self.ask("$JS.API.CONSUMER.MSG.NEXT.S.c", "1", reply: "in.next")
    let subject = String(try #require(got.split(separator: " ").first { $0.hasPrefix("$JS") }))
    self.rig.pass(seconds: 2)
    let told = self.ask(subject, "+ACK", reply: "in.done")
    #expect(told.split(separator: "consumer_ack").count == expected + 1, "\(told)")
    guard expected > 0 else { return }
    #expect(told.contains(#""stream_seq":1,"ack_time":2000000000,"deliveries":1}"#), "\(told)")
  }

  @Test func requestsEndInTheirOwnWays() throws {
    try self.makeStream()
    try self.makeConsumer()
    let next = "$JS.API.CONSUMER.MSG.NEXT.S.c"
    #expect(self.ask(next, #"{"batch":1,"no_wait":true}"#).contains("404 No Messages"))
    #expect(self.ask(next, #"{"batch":3,"expires":1000000000}"#) == "")
    self.rig.pass(seconds: 0.9)
    #expect(self.client.received() == "")
    self.rig.pass(seconds: 0.2)
    let timeout = self.client.received()
    #expect(timeout.contains("408 Request Timeout\r\nNats-Pending-Messages: 3\r\n"))
    _ = self.ask(next, #"{"batch":1,"expires":5000000000,"idle_heartbeat":1000000000}"#)
    self.rig.pass(seconds: 1.1)
    #expect(self.client.received().contains("100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\n"))
    #expect(self.publish("s.a", "x").contains("MSG s.a 1 $JS.ACK.S.c.1.1.1."))
    self.rig.pass(seconds: 6)
    let rest = self.client.received()
    #expect(!rest.contains("408"))
    _ = self.publish("s.b", "too large")
    #expect(self.ask(next, #"{"batch":1,"max_bytes":2}"#).contains("409 Message Size Exceeds"))
    #expect(self.ask(next, "1").hasPrefix("MSG s.b 1 $JS.ACK.S.c.1.2.2."))
    #expect(self.ask(next, "{bad").contains("400 Bad Request"))
    #expect(self.ask("$JS.API.CONSUMER.MSG.NEXT.S.none").contains("503"))
    #expect(self.ask("$JS.API.BOGUS").contains("503"))
  }

  @Test func whatIsNotAcknowledgedComesAgainAndIsGivenUp() throws {
    try self.makeStream()
    try self.makeConsumer(#","ack_wait":1000000000,"max_deliver":2"#)
    _ = self.client.exchange("SUB $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.> 2\r\n")
    _ = self.publish("s.a", "x")
    let next = "$JS.API.CONSUMER.MSG.NEXT.S.c"
    #expect(self.ask(next, "1").contains("$JS.ACK.S.c.1.1.1."))
    self.rig.pass(seconds: 1.1)
    #expect(self.ask(next, "1").contains("$JS.ACK.S.c.2.1.2."))
    self.rig.pass(seconds: 1.1)
    let told = self.client.received()
    #expect(told.contains("MAX_DELIVERIES.S.c 2 "))
    #expect(told.contains(#""stream_seq":1,"deliveries":2"#))
    #expect(self.ask(next, #"{"no_wait":true,"batch":1}"#).contains("404"))
  }

  @Test func pushWaitsForSomebodyWhoListens() throws {
    try self.makeStream()
    try self.makeConsumer(#","deliver_subject":"out.c","idle_heartbeat":1000000000"#)
    #expect(self.publish("s.a", "x").hasPrefix("MSG in.ack"))
    self.rig.pass(seconds: 2)
    #expect(self.client.received() == "")
    #expect(self.client.exchange("SUB out.c 7\r\n").hasPrefix("MSG s.a 7 $JS.ACK.S.c.1.1.1."))
    self.rig.pass(seconds: 1.2)
    #expect(self.client.received().contains("HMSG out.c 7 "))
    let info = try self.api("CONSUMER.INFO.S.c")
    #expect(info["push_bound"]?.bool == true)
    _ = self.client.exchange("UNSUB 7\r\n")
    #expect(try self.api("CONSUMER.INFO.S.c")["push_bound"] == nil)
  }

  /// A delivery is a message like others: it can be kept, and is whole.
  @Test func anotherStreamKeepsWhatIsPushed() throws {
    try self.makeStream()
    let second = try self.api(
      "STREAM.CREATE.T", #"{"name":"T","subjects":["t.>"],"allow_direct":true}"#)
    #expect(second["error"] == nil)
    let block = "NATS/1.0\r\nA: b\r\n\r\n"
    let count = block.utf8.count
    _ = self.client.exchange("HPUB s.h \(count) \(count + 2)\r\n\(block)hi\r\n")
    #expect(self.publish("s.p", "plain").hasPrefix("MSG in.ack"))
    try self.makeConsumer(#","deliver_subject":"t.c""#)
    let config = #"{"durable_name":"d","ack_policy":"explicit"}"#
    _ = try self.api("CONSUMER.CREATE.T.d", #"{"stream_name":"T","config":\#(config)}"#)
    let first = self.ask("$JS.API.CONSUMER.MSG.NEXT.T.d", "", reply: "in.next")
    #expect(first.hasPrefix("HMSG t.c 1 $JS.ACK.T.d.1.1.1."), "\(first)")
    #expect(first.hasSuffix(" \(count) \(count + 2)\r\n\(block)hi\r\n"), "\(first)")
    let next = self.ask("$JS.API.CONSUMER.MSG.NEXT.T.d", "", reply: "in.next")
    #expect(next.hasPrefix("MSG t.c 1 $JS.ACK.T.d.1.2.2."), "\(next)")
    #expect(next.hasSuffix(" 5\r\nplain\r\n"), "\(next)")
    let direct = self.ask("$JS.API.DIRECT.GET.T", #"{"seq":1}"#, reply: "in.direct")
    #expect(direct.contains("A: b\r\nNats-Stream: T\r\n"), "\(direct)")
    #expect(direct.hasSuffix("\r\n\r\nhi\r\n"), "\(direct)")
    // Whoever listens without headers gets the payload.
    let plain = try self.rig.client(#"{"verbose":false,"headers":false}"#)
    _ = plain.exchange("SUB t.c 5\r\n")
    _ = self.client.exchange("HPUB s.h \(count) \(count + 4)\r\n\(block)last\r\n")
    #expect(plain.received().hasSuffix(" 4\r\nlast\r\n"))
  }

  @Test func flowControlStallsAReceiverThatDoesNotAnswer() throws {
    try self.makeStream()
    let config = #","deliver_subject":"out.c","idle_heartbeat":1000000000,"flow_control":true"#
    try self.makeConsumer(config + #","max_ack_pending":100"#)
    _ = self.client.exchange("SUB out.c 7\r\n")
    let payload = String(repeating: "x", count: 600_000)
    var all = ""
    for _ in 0..<2 {
      all += self.client.exchange("PUB s.a \(payload.utf8.count)\r\n\(payload)\r\n")
    }
    let asked = try #require(all.split(separator: "\r\n").first { $0.contains(" $JS.FC.S.c.") })
    let reply = try #require(asked.split(separator: " ").first { $0.hasPrefix("$JS.FC") })
    #expect(all.contains("100 FlowControl Request"))
    for _ in 0..<30 {
      all += self.client.exchange("PUB s.a \(payload.utf8.count)\r\n\(payload)\r\n")
    }
    let before = all.split(separator: "\r\n").count { $0.hasPrefix("MSG s.a 7") }
    #expect(before < 32)
    all += self.client.exchange("PUB \(reply) 0\r\n\r\n")
    let after = all.split(separator: "\r\n").count { $0.hasPrefix("MSG s.a 7") }
    #expect(after == 32)
  }

  @Test func ephemeralConsumersGoWithTheirUsers() throws {
    try self.makeStream()
    let made = try self.api(
      "CONSUMER.CREATE.S", #"{"stream_name":"S","config":{"ack_policy":"explicit"}}"#)
    let name = made.text("name")
    #expect(!name.isEmpty)
    self.rig.pass(seconds: 4)
    #expect(try self.api("CONSUMER.INFO.S.\(name)")["error"] == nil)
    self.rig.pass(seconds: 6)
    #expect(try self.api("CONSUMER.INFO.S.\(name)")["error"]?["err_code"]?.integer == 10014)
  }

  @Test func waitingRequestsHearThatTheConsumerIsGone() throws {
    try self.makeStream()
    try self.makeConsumer()
    _ = self.ask("$JS.API.CONSUMER.MSG.NEXT.S.c", "1", reply: "in.next")
    let told = self.ask("$JS.API.STREAM.DELETE.S")
    #expect(told.contains("HMSG in.next 1 "))
    #expect(told.contains("409 Consumer Deleted"))
    #expect(told.contains(#""success":true"#))
  }

  @Test func tenantsHaveTheirOwnStreams() throws {
    let rig = try NATSRig {
      $0.add("a", tenant: "one")
      $0.add("b", tenant: "two")
    }
    let one = try rig.client(#"{"verbose":false,"user":"a","pass":"pw"}"#)
    let two = try rig.client(#"{"verbose":false,"user":"b","pass":"pw"}"#)
    for client in [one, two] { _ = client.exchange("SUB in 1\r\n") }
    let made = one.exchange("PUB $JS.API.STREAM.CREATE.S in 12\r\n{\"name\":\"S\"}\r\n")
    #expect(made.contains(#""did_create":true"#))
    let names = two.exchange("PUB $JS.API.STREAM.NAMES in 0\r\n\r\n")
    #expect(names.contains(#""total":0"#))
  }

  @Test func whatAClusterDoesIsRefused() throws {
    try self.makeStream(#","compression":"s2""#)
    #expect(try self.api("STREAM.INFO.S")["config"]?.text("compression") == "s2")
    for call in ["STREAM.LEADER.STEPDOWN.S", "STREAM.PEER.REMOVE.S"] {
      #expect(try self.api(call, "{}")["error"]?["err_code"]?.integer == 10010)
    }
  }

  @Test func clientsWithoutPermissionCannotAsk() throws {
    let denied = TopicPattern(canonical: Array("$JS.API.STREAM.>".utf8))
    let rig = try NATSRig {
      $0.add("a", permissions: Permissions(publish: Permissions.Rule(deny: [denied])))
    }
    let client = try rig.client(#"{"verbose":false,"user":"a","pass":"pw"}"#)
    let refused = client.exchange("PUB $JS.API.STREAM.NAMES in 0\r\n\r\n")
    #expect(refused.contains("Permissions Violation for Publish"))
  }

  @Test(arguments: [
    "STREAM.CREATE.S", "STREAM.UPDATE.S", "STREAM.INFO.S", "STREAM.NAMES", "STREAM.LIST",
    "STREAM.PURGE.S", "STREAM.MSG.GET.S", "STREAM.MSG.DELETE.S", "CONSUMER.CREATE.S.c",
    "CONSUMER.PAUSE.S.c", "CONSUMER.NAMES.S", "CONSUMER.LIST.S",
  ])
  func hostileBodiesAreRefused(_ call: String) throws {
    try self.makeStream()
    for body in ["{", "[]", "nul", #"{"x":"# + String(repeating: "[", count: 10_000), "\u{1}"] {
      #expect(try self.api(call, body)["error"]?["err_code"]?.integer == 10025)
    }
  }
}
