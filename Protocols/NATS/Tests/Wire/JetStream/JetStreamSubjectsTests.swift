import GodwitWire
import NATSWire
import Testing

@Suite struct JetStreamSubjectsTests {
  private func call(_ subject: String) -> JetStreamCall? {
    subject.bytes { JetStreamCall(subject: $0) }
  }

  @Test(arguments: [
    ("INFO", JetStreamCall.accountInfo), ("STREAM.CREATE.S", .streamCreate(stream: "S")),
    ("STREAM.UPDATE.S", .streamUpdate(stream: "S")), ("STREAM.INFO.S", .streamInfo(stream: "S")),
    ("STREAM.NAMES", .streamNames), ("STREAM.LIST", .streamList),
    ("STREAM.DELETE.S", .streamDelete(stream: "S")), ("STREAM.PURGE.S", .streamPurge(stream: "S")),
    ("STREAM.MSG.GET.S", .messageGet(stream: "S")),
    ("STREAM.MSG.DELETE.S", .messageDelete(stream: "S")),
    ("STREAM.SNAPSHOT.S", .streamSnapshot(stream: "S")),
    ("STREAM.RESTORE.S", .streamRestore(stream: "S")),
    ("STREAM.LEADER.STEPDOWN.S", .streamLeaderStepDown(stream: "S")),
    ("STREAM.PEER.REMOVE.S", .streamRemovePeer(stream: "S")),
    ("DIRECT.GET.S", .directGet(stream: "S")),
    ("DIRECT.GET.S.a.b.c.d", .directGetLast(stream: "S", subject: "a.b.c.d")),
    ("DIRECT.GET.S.a", .directGetLast(stream: "S", subject: "a")),
    ("CONSUMER.CREATE.S", .consumerCreate(.init(.legacyEphemeral, stream: "S"))),
    ("CONSUMER.CREATE.S.C", .consumerCreate(.init(.named, stream: "S", consumer: "C"))),
    (
      "CONSUMER.CREATE.S.C.a.*.>",
      .consumerCreate(.init(.named, stream: "S", consumer: "C", filter: "a.*.>"))
    ),
    (
      "CONSUMER.DURABLE.CREATE.S.C",
      .consumerCreate(.init(.legacyDurable, stream: "S", consumer: "C"))
    ),
    ("CONSUMER.NAMES.S", .consumerNames(stream: "S")),
    ("CONSUMER.LIST.S", .consumerList(stream: "S")),
    ("CONSUMER.INFO.S.C", .consumerInfo(stream: "S", consumer: "C")),
    ("CONSUMER.DELETE.S.C", .consumerDelete(stream: "S", consumer: "C")),
    ("CONSUMER.PAUSE.S.C", .consumerPause(stream: "S", consumer: "C")),
    ("CONSUMER.UNPIN.S.C", .consumerUnpin(stream: "S", consumer: "C")),
    ("CONSUMER.MSG.NEXT.S.C", .messageNext(stream: "S", consumer: "C")),
    (
      "CONSUMER.LEADER.STEPDOWN.S.C", .consumerLeaderStepDown(stream: "S", consumer: "C")
    ),
  ])
  func calls(_ rest: String, _ expected: JetStreamCall) {
    #expect(self.call("$JS.API." + rest) == expected)
  }

  @Test(arguments: [
    "$JS.API", "$JS.API.", "$JS.API.X", "$JS.API.INFO.x", "$JS.API.STREAM", "$JS.API.STREAM.CREATE",
    "$JS.API.STREAM.CREATE.a.b", "$JS.API.STREAM.NAMES.x", "$JS.API.STREAM.MSG.GET",
    "$JS.API.CONSUMER.INFO.S", "$JS.API.CONSUMER.INFO.S.C.x", "$JS.API.CONSUMER.MSG.NEXT.S",
    "$JS.API.CONSUMER.MSG.NEXT.S.C.x", "$JS.API.CONSUMER.DURABLE.CREATE.S.C.x",
    "$JS.API.DIRECT.GET", "$JS.API.DIRECT.PUT.S", "$JX.API.INFO", "",
  ])
  func noCalls(_ subject: String) {
    #expect(self.call(subject) == nil)
  }

  @Test func acknowledgementSubjectsOfBothForms() throws {
    let first = "$JS.ACK.ORDERS.pull.1.102.2.1795274738363677719.3"
    let ack = try #require(first.bytes { JetStreamAckSubject($0) })
    #expect(ack.stream == "ORDERS")
    #expect(ack.consumer == "pull")
    #expect(ack.deliveries == 1)
    #expect(ack.streamSequence == 102)
    #expect(ack.consumerSequence == 2)
    #expect(ack.time == 1_795_274_738_363_677_719)
    #expect(ack.pending == 3)
    #expect(ack.description == first)
    let second = "$JS.ACK._.hash.ORDERS.pull.1.102.2.1795274738363677719.3"
    let other = try #require(second.bytes { JetStreamAckSubject($0) })
    #expect(other.domain == "")
    #expect(other.accountHash == "hash")
    #expect(other.streamSequence == 102)
    #expect(other.description == second)
    let withToken = try #require((second + ".tok").bytes { JetStreamAckSubject($0) })
    #expect(withToken == other)
    let prefix = JetStreamAckSubject.prefix(stream: "ORDERS", consumer: "pull")
    let numbers = try #require(
      first.bytes { JetStreamAckSubject.numbers($0, behind: prefix.count) })
    #expect(numbers == (1, 102, 2))
  }

  @Test(arguments: [
    "$JS.ACK.S.C.1.2.3.4", "$JS.ACK.S.C.1.2.3.4.5.6", "$JS.ACK.S.C.x.2.3.4.5",
    "$JS.ACK.S.C.1.99999999999999999999.3.4.5", "$JS.ACK.S.C.1.-2.3.4.5", "$JS.NAK.S.C.1.2.3.4.5",
    "$JS.ACK..C.1.2.3.4.5", "", "$JS.ACK._.h.S.C.1.2.3.4.5.t.u",
  ])
  func noAcknowledgementSubjects(_ subject: String) {
    #expect(subject.bytes { JetStreamAckSubject($0) } == nil)
  }

  @Test func flowControlSubjects() throws {
    let subject = JetStreamFlowSubject.reply(stream: "S", consumer: "C", token: "t")
    let parsed = try #require(subject.bytes { JetStreamFlowSubject.parse($0) })
    #expect(parsed == ("S", "C", "t"))
    #expect("$JS.FC.S.C".bytes { JetStreamFlowSubject.parse($0) } == nil)
    #expect("$JS.FC.S.C.t.x".bytes { JetStreamFlowSubject.parse($0) } == nil)
  }

  @Test func advisoriesAreWrittenAsTheyWere() throws {
    var count = 0
    for entry in try JetStreamVectors.load("jetstream-messages")
    where entry.text("kind") == "advisory" {
      let body = try JSONValue(parsing: entry.text("body"))
      guard let event = self.event(body) else { continue }
      let advisory = JetStreamAdvisory(
        id: body.text("id"), time: try #require(JetStreamTimestamp(body.text("timestamp"))),
        event: event)
      count += 1
      #expect(try JSONValue(parsing: advisory.encoded) == body)
      #expect(advisory.subject == entry.text("subject"))
    }
    #expect(count > 14)
  }

  private func event(_ body: JSONValue) -> JetStreamAdvisory.Event? {
    let stream = body.text("stream")
    let consumer = body.text("consumer")
    let delivery = JetStreamAdvisory.Delivery(
      stream: stream, consumer: consumer,
      consumerSequence: UInt64(body["consumer_seq"]?.integer ?? 0),
      streamSequence: UInt64(body["stream_seq"]?.integer ?? 0),
      deliveries: UInt64(body["deliveries"]?.integer ?? 0))
    let action = JetStreamAdvisory.Action(rawValue: body.text("action")) ?? .create
    switch body.text("type").split(separator: ".").last.map({ String($0) }) {
    case "api_audit":
      return .apiAudit(
        server: body.text("server"), client: body["client"]?.encoded ?? [],
        subject: body.text("subject"), request: body.text("request"),
        response: body.text("response"))
    case "stream_action": return .stream(action, stream: stream)
    case "consumer_action": return .consumer(action, stream: stream, consumer: consumer)
    case "consumer_pause":
      return .pause(
        stream: stream, consumer: consumer, isPaused: body["paused"]?.bool ?? false,
        until: JetStreamTimestamp(body.text("pause_until")) ?? .zero)
    case "nak": return .nak(delivery)
    case "terminated": return .terminated(delivery, reason: body.text("reason"))
    case "consumer_group_pinned":
      return .pinned(
        account: body.text("account"), stream: stream, consumer: consumer,
        group: body.text("group"), id: body.text("pinned_id"))
    case "consumer_group_unpinned":
      return .unpinned(
        account: body.text("account"), stream: stream, consumer: consumer,
        group: body.text("group"), reason: body.text("reason"))
    default: return nil
    }
  }
}
