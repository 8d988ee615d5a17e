import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NIOCore
import NIOEmbedded
import Testing

@testable import NATSFrontEnd

@Suite struct NATSSubscribeTests {
  private func pattern(_ text: String) -> TopicPattern { .init(canonical: Array(text.utf8)) }

  @Test(arguments: ["a..b", ".a", "a.", "a.>.b", ">.a"])
  func invalidSubjectsAreRefusedAndTheConnectionStays(_ subject: String) throws {
    let client = try NATSRig().client()
    #expect(client.exchange("SUB \(subject) 1\r\n") == "-ERR 'Invalid Subject'\r\n")
    #expect(client.exchange("PING\r\n") == "PONG\r\n")
    #expect(client.session?.receiver?.subscriptions.count == 0)
  }

  @Test func tooManyLevels() throws {
    let client = try NATSRig().client()
    let subject = String(repeating: "a.", count: 300) + "a"
    #expect(client.exchange("SUB \(subject) 1\r\n").contains(", too many tokens'"))
  }

  @Test func theNumberOfSubscriptionsIsBounded() throws {
    let rig = try NATSRig(settings: ["max_subscriptions": .integer(2)]) {
      $0.add("u")
      $0.add("one", subscriptionsMax: 1)
    }
    let client = try rig.client(#"{"verbose":false,"user":"u","pass":"pw"}"#)
    #expect(
      client.exchange("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 1\r\nSUB d 4\r\n")
        == "-ERR 'maximum subscriptions exceeded'\r\n")
    let one = try rig.client(#"{"verbose":false,"user":"one","pass":"pw"}"#)
    #expect(
      one.exchange("SUB a 1\r\nSUB b 2\r\n") == "-ERR 'maximum subscriptions exceeded'\r\n")
  }

  @Test func aSidThatIsTakenKeepsItsFirstSubscription() throws {
    let client = try NATSRig().client(#"{"headers":true}"#)
    _ = client.received()
    #expect(client.exchange("SUB a 1\r\nSUB b 1\r\n") == "+OK\r\n+OK\r\n")
    #expect(client.exchange("PUB b 0\r\n\r\nPUB a 0\r\n\r\n") == "+OK\r\n+OK\r\nMSG a 1 0\r\n\r\n")
  }

  @Test func sidsAreWords() throws {
    let client = try NATSRig().client()
    let sids = ["0", "1", "01", "00", "é", "-1", "99999999999999999999", "a.b"]
    for sid in sids { client.send("SUB s.\(sid) \(sid)\r\n") }
    for sid in sids {
      #expect(client.exchange("PUB s.\(sid) 0\r\n\r\n") == "MSG s.\(sid) \(sid) 0\r\n\r\n")
    }
    #expect(client.session?.receiver?.subscriptions.count == sids.count)
    for sid in sids { client.send("UNSUB \(sid)\r\n") }
    #expect(client.session?.receiver?.subscriptions.count == 0)
    #expect(client.exchange("PUB s.1 0\r\n\r\n") == "")
  }

  @Test(arguments: [(0, 2, 2), (1, 3, 3), (2, 2, 2), (3, 2, 3), (0, 0, 0)])
  func unsubAfterANumber(_ before: Int, _ max: Int, _ total: Int) throws {
    let client = try NATSRig().client()
    client.send("SUB a 1\r\n")
    for _ in 0..<before { client.send("PUB a 0\r\n\r\n") }
    client.send("UNSUB 1 \(max)\r\n")
    for _ in 0..<5 { client.send("PUB a 0\r\n\r\n") }
    let one = "MSG a 1 0\r\n\r\n"
    #expect(client.received() == String(repeating: one, count: total))
    #expect(client.session?.receiver?.subscriptions.count == 0)
  }

  @Test func unsubOfSomethingUnknownIsHarmless() throws {
    let client = try NATSRig().client("{}")
    _ = client.received()
    #expect(client.exchange("UNSUB 9\r\nUNSUB x 3\r\nUNSUB 9 q\r\n") == "+OK\r\n+OK\r\n+OK\r\n")
  }

  @Test func subscriptionsEndWithTheirConnection() throws {
    let rig = try NATSRig()
    let client = try rig.client()
    client.send("SUB a 1\r\nSUB b q 2\r\n")
    let router = try #require(client.session?.principal?.tenant.router)
    #expect(router.subscriptionCount == 2)
    client.disconnect()
    #expect(router.subscriptionCount == 0)
    #expect(rig.frontEnd.sessions.isEmpty)
  }

  // Permissions.

  @Test func whatMayBeSubscribed() throws {
    let permissions = Permissions(
      subscribe: .init(allow: [self.pattern("in.>")], deny: [self.pattern("in.secret")]),
      subscribeInGroup: [.init(pattern: self.pattern("jobs"), group: self.pattern("q1"))],
      denyInGroup: [.init(pattern: self.pattern("in.x"), group: self.pattern("bad.*"))])
    let rig = try NATSRig {
      $0.add("u", permissions: permissions)
      $0.add("root")
    }
    let client = try rig.client(#"{"verbose":false,"user":"u","pass":"pw"}"#)
    let refused = { (what: String) in
      "-ERR 'Permissions Violation for Subscription to \(what)'\r\n"
    }
    #expect(client.exchange("SUB in.a 1\r\nSUB in.> 2\r\nSUB jobs q1 3\r\n") == "")
    #expect(client.exchange("SUB other 4\r\n") == refused(#""other""#))
    #expect(client.exchange("SUB in.secret 4\r\n") == refused(#""in.secret""#))
    #expect(client.exchange("SUB > 4\r\n") == refused(#"">""#))
    #expect(client.exchange("SUB jobs 4\r\n") == refused(#""jobs""#))
    #expect(client.exchange("SUB jobs q2 4\r\n") == refused(#""jobs" using queue "q2""#))
    #expect(client.exchange("SUB in.x bad.1 4\r\n") == refused(#""in.x" using queue "bad.1""#))
    #expect(client.exchange("SUB a _sys_ 4\r\n") == refused(#""a" using queue "_sys_""#))
    let root = try rig.client(#"{"verbose":false,"user":"root","pass":"pw"}"#)
    root.send("PUB in.secret 0\r\n\r\nPUB in.b 0\r\n\r\n")
    #expect(client.received() == "MSG in.b 2 0\r\n\r\n")
  }

  @Test func tenantsShareNothing() throws {
    let rig = try NATSRig {
      $0.add("a", tenant: "acme")
      $0.add("b", tenant: "birds")
    }
    let first = try rig.client(#"{"verbose":false,"user":"a","pass":"pw"}"#)
    let second = try rig.client(#"{"verbose":false,"user":"b","pass":"pw"}"#)
    second.send("SUB > 1\r\n")
    first.send("SUB > 1\r\nPUB x 0\r\n\r\n")
    #expect(first.received() == "MSG x 1 0\r\n\r\n")
    #expect(second.received() == "")
  }

  @Test func manySubscriptionsEndInTurns() throws {
    let rig = try NATSRig()
    let client = try rig.client()
    for index in 0..<12_000 { client.send("SUB many.\(index) \(index)\r\n") }
    let other = try rig.client()
    let router = rig.engine.tenant(named: "default").router
    #expect(router.subscriptionCount == 12_000)
    // `disconnect` would take what is scheduled with it.
    _ = try? client.channel.close().wait()
    #expect(router.subscriptionCount == 7_000)
    // What has not ended yet receives nothing.
    other.send((0..<50).map { "PUB many.\($0) 0\r\n\r\n" }.joined())
    for _ in 0..<2 { rig.eventLoop.advanceTime(by: .milliseconds(1)) }
    #expect(router.subscriptionCount == 0)
    #expect(rig.engine.memory.used == 0)
  }
}
