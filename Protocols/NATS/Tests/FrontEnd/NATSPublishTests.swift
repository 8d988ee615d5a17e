import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import Testing

@testable import NATSFrontEnd

@Suite struct NATSPublishTests {
  @Test func aCanonicalMessageIsPassedOnByteForByte() throws {
    let rig = try NATSRig()
    let publisher = try rig.client()
    let reader = try rig.client()
    reader.send("SUB foo.> a1\r\n")
    publisher.send(
      "PUB foo.bar 5\r\nhello\r\nPUB foo.x _INBOX.1 0\r\n\r\nPUB foo.x 003\r\n\r\n!\r\n")
    #expect(
      reader.received() == "MSG foo.bar a1 5\r\nhello\r\nMSG foo.x a1 _INBOX.1 0\r\n\r\n"
        + "MSG foo.x a1 003\r\n\r\n!\r\n")
    #expect(publisher.received() == "")
  }

  @Test func oddSpacingIsMadeCanonical() throws {
    let client = try NATSRig().client()
    client.send("SUB a 1\r\n")
    #expect(client.exchange("pub\ta  r \t 2\nhi\r\n") == "MSG a 1 r 2\r\nhi\r\n")
    let headers = "NATS/1.0\r\nA: b\r\n\r\n"
    #expect(
      client.exchange("HPUB  a  r 18  20\r\n\(headers)hi\r\n")
        == "HMSG a 1 r 18 20\r\n\(headers)hi\r\n")
    #expect(client.exchange("HPUB a 0 2\r\nhi\r\n") == "MSG a 1 2\r\nhi\r\n")
  }

  @Test func headersReachThoseWhoUnderstandThem() throws {
    let rig = try NATSRig()
    let new = try rig.client()
    let old = try rig.client(#"{"verbose":false}"#)
    new.send("SUB a 1\r\n")
    old.send("SUB a 2\r\n")
    let message = "NATS/1.0\r\nA: b\r\n\r\nhi"
    new.send("HPUB a r 18 20\r\n\(message)\r\nPUB a 1\r\nx\r\n")
    #expect(new.received() == "HMSG a 1 r 18 20\r\n\(message)\r\nMSG a 1 1\r\nx\r\n")
    #expect(old.received() == "MSG a 2 r 2\r\nhi\r\nMSG a 2 1\r\nx\r\n")
  }

  @Test func headersMustHaveBeenAnnounced() throws {
    let client = try NATSRig().client(#"{"verbose":false}"#)
    #expect(client.exchange("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n") == "")
    #expect(client.isEnded)
  }

  @Test(arguments: [32_700, 40_000, 300_000])
  func largeMessagesReachEverybodyWhole(_ size: Int) throws {
    let rig = try NATSRig()
    let publisher = try rig.client()
    let readers = try (0..<3).map { _ in try rig.client() }
    for reader in readers { reader.send("SUB a 1\r\n") }
    let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let message = Array("PUB a \(size)\r\n".utf8) + payload + [0x0D, 0x0A]
    publisher.send(message)
    for start in stride(from: 0, to: message.count, by: 9_999) {
      publisher.send(Array(message[start..<min(start + 9_999, message.count)]))
    }
    let once = Array("MSG a 1 \(size)\r\n".utf8) + payload + [0x0D, 0x0A]
    for reader in readers { #expect(reader.receivedBytes() == once + once) }
  }

  @Test func ownMessagesWithAndWithoutEcho() throws {
    let rig = try NATSRig()
    let quiet = try rig.client(#"{"verbose":false,"echo":false}"#)
    let other = try rig.client()
    quiet.send("SUB a 1\r\nSUB a q 2\r\n")
    #expect(quiet.exchange("PUB a 0\r\n\r\n") == "")
    other.send("SUB a q 3\r\nPUB a 0\r\n\r\n")
    #expect(quiet.received().hasPrefix("MSG a 1 0\r\n\r\n"))
    _ = other.received()
    for _ in 0..<20 { quiet.send("PUB a 0\r\n\r\n") }
    #expect(quiet.received() == "")
    #expect(other.received() == String(repeating: "MSG a 3 0\r\n\r\n", count: 20))
  }

  @Test func aQueueGroupSharesAndPlainSubscriptionsDoNot() throws {
    let rig = try NATSRig()
    let clients = try (0..<4).map { _ in try rig.client() }
    clients[0].send("SUB a 1\r\n")
    for client in clients[1...] { client.send("SUB a q 1\r\n") }
    for _ in 0..<60 { clients[0].send("PUB a 0\r\n\r\n") }
    let delivery = "MSG a 1 0\r\n\r\n"
    let counts = clients.map { $0.received().utf8.count / delivery.utf8.count }
    #expect(counts[0] == 60)
    #expect(counts[1...].reduce(0, +) == 60)
    #expect(counts[1...].allSatisfy { $0 > 0 })
  }

  // Answers of the server.

  @Test func requestsWithoutAReceiverAreAnswered() throws {
    let rig = try NATSRig()
    let client = try rig.client(#"{"verbose":false,"headers":true,"no_responders":true}"#)
    client.send("SUB _INBOX.> 7\r\nSUB _INBOX.q q 8\r\n")
    let status = "NATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n"
    #expect(
      client.exchange("PUB nobody _INBOX.1 0\r\n\r\n") == "HMSG _INBOX.1 7 38 38\r\n\(status)")
    #expect(client.exchange("PUB nobody 0\r\n\r\n") == "")
    #expect(client.exchange("PUB nobody elsewhere 0\r\n\r\n") == "")
    #expect(client.exchange("PUB a..b _INBOX.2 0\r\n\r\n").contains("Nats-Subject: a..b\r\n"))
    let silent = try rig.client()
    #expect(silent.exchange("SUB i 1\r\nPUB nobody i 0\r\n\r\n") == "")
  }

  @Test func everybodyMayAskWhoHeIs() throws {
    let permissions = Permissions(
      publish: .init(allow: [.init(canonical: Array("$SYS.REQ.USER.INFO".utf8))]),
      subscribe: .init(deny: [.init(canonical: Array("x.>".utf8))]), responses: .init())
    let rig = try NATSRig { $0.add("alice", tenant: "acme", permissions: permissions) }
    let client = try rig.client(#"{"verbose":false,"user":"alice","pass":"pw"}"#)
    let answer = client.exchange("SUB me 1\r\nPUB $SYS.REQ.USER.INFO me 0\r\n\r\n")
    let body = try #require(answer.split(separator: "\r\n").last)
    let json = try JSONValue(parsing: String(body))
    #expect(json["data"]?["user"]?.string == "alice")
    #expect(json["data"]?["account"]?.string == "acme")
    #expect(json["server"]?["id"]?.string == rig.frontEnd.serverID)
    let shown = json["data"]?["permissions"]
    #expect(shown?["publish"]?["allow"]?[0]?.string == "$SYS.REQ.USER.INFO")
    #expect(shown?["subscribe"]?["deny"]?[0]?.string == "x.>")
    #expect(shown?["responses"]?["max"]?.integer == 1)
  }

  @Test func nobodyMakesTheServerAnswerUnderSYS() throws {
    let client = try NATSRig().client()
    client.send("SUB $SYS.broker.> 1\r\nSUB a 2\r\n")
    #expect(client.exchange("PUB $SYS.REQ.USER.INFO $SYS.broker.version 0\r\n\r\n") == "")
    #expect(client.exchange("PUB $SYS.REQ.USER.INFO a 0\r\n\r\n").hasPrefix("MSG a 2 "))
  }

  @Test func otherSystemServicesHaveNoResponder() throws {
    let client = try NATSRig().client(
      #"{"verbose":false,"headers":true,"no_responders":true}"#)
    let answer = client.exchange("SUB i 1\r\nPUB $SYS.REQ.SERVER.PING i 0\r\n\r\n")
    #expect(answer.hasPrefix("HMSG i 1 52 52\r\nNATS/1.0 503\r\n"))
  }

  // Subjects.

  @Test(arguments: [".a", "a.", "a..b", "."])
  func subjectsWithEmptyTokensReachNobody(_ subject: String) throws {
    let client = try NATSRig().client()
    #expect(client.exchange("SUB > 1\r\nPUB \(subject) 0\r\n\r\n") == "")
    let pedantic = try NATSRig().client(#"{"verbose":false,"pedantic":true}"#)
    #expect(
      pedantic.exchange("SUB > 1\r\nPUB \(subject) 0\r\n\r\n")
        == "-ERR 'Invalid Publish Subject'\r\n")
  }

  @Test func subjectsOfTooManyTokensAreRefused() throws {
    let client = try NATSRig().client()
    let most = Array(repeating: "a", count: 256).joined(separator: ".")
    #expect(
      client.exchange("SUB > 1\r\nPUB \(most) 0\r\n\r\n") == "MSG \(most) 1 0\r\n\r\n")
    #expect(
      client.exchange("PUB \(most).a 0\r\n\r\n") == "-ERR 'Invalid Publish Subject'\r\n")
  }

  @Test func literalWildcardsAreDeliveredAndAPedanticClientIsTold() throws {
    let client = try NATSRig().client(#"{"verbose":false,"pedantic":true}"#)
    #expect(
      client.exchange("SUB a.> 1\r\nPUB a.* 0\r\n\r\n")
        == "-ERR 'Invalid Publish Subject'\r\nMSG a.* 1 0\r\n\r\n")
  }

  @Test func reservedSubjects() throws {
    let client = try NATSRig().client()
    let refused = { (kind: String, subject: String) in
      "-ERR 'Permissions Violation for Publish \(kind) \"\(subject)\"'\r\n"
    }
    #expect(client.exchange("PUB $NRG.x 0\r\n\r\n") == refused("to", "$NRG.x"))
    #expect(client.exchange("PUB _GR_.x 0\r\n\r\n") == refused("to", "_GR_.x"))
    for reply in ["_R_.a", "$JS.ACK.a.b", "_GR_.x"] {
      #expect(client.exchange("PUB a \(reply) 0\r\n\r\n") == refused("with Reply of", reply))
    }
    #expect(client.exchange("SUB a 1\r\nPUB a _IN.x 0\r\n\r\n") == "MSG a 1 _IN.x 0\r\n\r\n")
    #expect(client.exchange("PUB a $x.yz 0\r\n\r\n") == "MSG a 1 $x.yz 0\r\n\r\n")
  }

  // Permissions.

  private func pattern(_ text: String) -> TopicPattern { .init(canonical: Array(text.utf8)) }

  @Test func whatIsNotPermittedIsSaidEachTimeAndNotAcknowledged() throws {
    let permissions = Permissions(
      publish: .init(allow: [self.pattern("ok.>")], deny: [self.pattern("ok.no")]))
    let rig = try NATSRig {
      $0.add("u", permissions: permissions)
      $0.add("root")
    }
    let root = try rig.client(#"{"verbose":false,"user":"root","pass":"pw"}"#)
    root.send("SUB > 1\r\n")
    let client = try rig.client(#"{"user":"u","pass":"pw"}"#)
    _ = client.received()
    let violation = "-ERR 'Permissions Violation for Publish to \"ok.no\"'\r\n"
    #expect(client.exchange("PUB ok.no 0\r\n\r\nPUB ok.no 0\r\n\r\n") == violation + violation)
    #expect(client.exchange("PUB ok.x 0\r\n\r\n") == "+OK\r\n")
    #expect(client.exchange("PUB other\"\\ 0\r\n\r\n").contains(#""other\"\\""#))
    #expect(root.received() == "MSG ok.x 1 0\r\n\r\n")
    #expect(rig.frontEnd.statistics.permissionViolations == 3)
  }

  @Test func answersToRequestsArePermittedAsOftenAsTheRuleSays() throws {
    let permissions = Permissions(
      publish: .init(deny: [self.pattern(">")]),
      responses: .init(messagesMax: 2, lifetime: 10_000_000_000))
    let rig = try NATSRig {
      $0.add("service", permissions: permissions)
      $0.add("root")
    }
    let service = try rig.client(#"{"verbose":false,"user":"service","pass":"pw"}"#)
    let root = try rig.client(#"{"verbose":false,"user":"root","pass":"pw"}"#)
    service.send("SUB req 1\r\n")
    root.send("SUB ans.* 9\r\n")
    let refused = "-ERR 'Permissions Violation for Publish to \"ans.1\"'\r\n"
    #expect(service.exchange("PUB ans.1 0\r\n\r\n") == refused)
    root.send("PUB req ans.1 0\r\n\r\n")
    #expect(service.received() == "MSG req 1 ans.1 0\r\n\r\n")
    let answer = "PUB ans.1 0\r\n\r\n"
    #expect(service.exchange(answer + answer + answer) == refused)
    #expect(root.received() == "MSG ans.1 9 0\r\n\r\nMSG ans.1 9 0\r\n\r\n")
    root.send("PUB req ans.1 0\r\n\r\n")
    _ = service.received()
    rig.pass(seconds: 11)
    #expect(service.exchange(answer).contains(refused))
  }

  // Protocol errors.

  @Test(arguments: [
    ("FOO\r\n", "-ERR 'Unknown Protocol Operation'\r\n", "Protocol Violation"),
    ("PUB a 1\r\nxy\r\n", "-ERR 'Unknown Protocol Operation'\r\n", "Protocol Violation"),
    (
      "PUB a 9999999\r\n", "-ERR 'Maximum Payload Violation'\r\n",
      "Maximum Message Payload Exceeded"
    ),
    ("PUB a\r\n", "", "Protocol Violation"),
    ("INFO {\r\n", "", "Protocol Violation"),
    ("-ERR 'x'\r\n", "", "Parse Error"),
  ])
  func errorsEndTheConnection(_ line: String, _ said: String, _ reason: String) throws {
    let rig = try NATSRig()
    let client = try rig.client()
    let other = try rig.client()
    other.send("SUB a 1\r\n")
    #expect(client.exchange("PUB a 0\r\n\r\n\(line)PUB a 0\r\n\r\n") == said)
    #expect(client.isEnded)
    client.disconnect()
    #expect(other.received() == "MSG a 1 0\r\n\r\n")
    #expect(rig.frontEnd.closedConnections.all.map(\.reason) == [reason])
  }

  @Test func longControlLines() throws {
    let client = try NATSRig(settings: ["max_control_line": .integer(64)]).client()
    #expect(
      client.exchange("SUB " + String(repeating: "a", count: 70))
        == "-ERR 'maximum control line exceeded'\r\n")
  }
}
