import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import NATSWire
import Testing

@testable import NATSFrontEnd

@Suite struct NATSHostileTests {
  /// Damaged conversations leave the server up, other clients served, and nothing behind.
  @Test func damagedConversationsHarmNobody() throws {
    let rig = try NATSRig()
    let witness = try rig.client()
    witness.send("SUB witness.only 1\r\n")
    let corpus =
      NATSParserTests.client.map(\.bytes)
      + [
        #"CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":false}"# + "\r\n",
        "SUB > q 1\r\nUNSUB 1 2\r\nPUB a b 1\r\nx\r\n", "PUB $SYS.REQ.USER.INFO a 0\r\n\r\n",
        "HPUB a 30 31\r\nNATS/1.0\r\nNats-TTL: 1h\r\n\r\n\r\nx\r\n",
      ].map { Array($0.utf8) }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x4E41_5453), corpus: corpus)
    for round in 0..<FuzzEffort.rounds(1500) {
      let client = try rig.client(round % 2 == 0 ? nil : #"{"verbose":false,"headers":true}"#)
      for _ in 0..<4 { client.send(mutator.next()) }
      _ = client.receivedBytes()
      client.disconnect()
    }
    #expect(rig.frontEnd.sessions.count == 1)
    _ = witness.received()
    #expect(
      witness.exchange("PUB witness.only 2\r\nok\r\n").hasSuffix("MSG witness.only 1 2\r\nok\r\n"))
    #expect(rig.engine.tenant(named: "default").router.subscriptionCount == 1)
  }

  @Test func aClientCannotMakeTheServerRememberRepliesWithoutBound() throws {
    var permits = NATSReplyPermits(.init(messagesMax: 1, lifetime: 1_000_000_000))
    for index in 0..<200_000 {
      Array("r.\(index)".utf8).withUnsafeBytes { permits.note($0, now: Int64(index) * 1_000_000) }
    }
    let take = { (permits: inout NATSReplyPermits, name: String, now: Int64) in
      Array(name.utf8).withUnsafeBytes { permits.take($0, now: now) }
    }
    #expect(permits.count < 70_000)
    #expect(take(&permits, "r.199999", 200_000_000_000))
    #expect(!take(&permits, "r.199999", 200_000_000_000))
    #expect(!take(&permits, "r.0", 200_000_000_000))
  }
}
