import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import NIOEmbedded
import Testing

@testable import NATSFrontEnd

@Suite struct NATSLivenessTests {
  static let settings: [String: SettingValue] = [
    "ping_interval_seconds": .double(1), "ping_max_outstanding": .integer(2),
  ]

  @Test func aSilentClientIsPingedAndCut() throws {
    let rig = try NATSRig(settings: Self.settings)
    let client = try rig.client()
    rig.pass(seconds: 1.3)
    #expect(client.received() == "PING\r\n")
    rig.pass(seconds: 1.1)
    #expect(client.received() == "PING\r\n")
    rig.pass(seconds: 1.1)
    #expect(client.received() == "-ERR 'Stale Connection'\r\n")
    #expect(client.isEnded)
    #expect(rig.frontEnd.statistics.staleConnections == 1)
  }

  @Test func aClientThatNeverSaysConnectIsCutToo() throws {
    let rig = try NATSRig(settings: Self.settings)
    let client = try rig.client(nil)
    rig.pass(seconds: 3.5)
    #expect(client.received() == "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
  }

  @Test func answersAndWorkKeepAClient() throws {
    let rig = try NATSRig(settings: Self.settings)
    let answers = try rig.client()
    let works = try rig.client()
    for _ in 0..<10 {
      rig.pass(seconds: 0.7)
      answers.send("PONG\r\n")
      works.send("PUB a 0\r\n\r\n")
    }
    #expect(!answers.isEnded && !works.isEnded)
    // The first PING measures the round trip even of a client that works; then it is left alone.
    #expect(works.received() == "PING\r\n")
    #expect(answers.received().hasPrefix("PING\r\nPING\r\n"))
    #expect((answers.session?.roundTrip ?? 0) > 0)
  }

  @Test func theFirstPingComesEarly() throws {
    let rig = try NATSRig()
    let client = try rig.client()
    rig.pass(seconds: 2.5)
    #expect(client.received() == "PING\r\n")
    client.send("PONG\r\n")
    rig.pass(seconds: 110)
    #expect(client.received() == "")
  }

  @Test func aClientThatDoesNotReadIsCutAndOthersAreNot() throws {
    let rig = try NATSRig(settings: ["write_pending_bytes_max": .integer(100_000)])
    let lazy = try rig.client()
    let reader = try rig.client()
    let publisher = try rig.client()
    lazy.send("SUB a 1\r\n")
    reader.send("SUB a 1\r\n")
    lazy.channel.isWritable = false
    let message = "PUB a 30000\r\n" + String(repeating: "x", count: 30_000) + "\r\n"
    for _ in 0..<5 {
      publisher.send(message)
      #expect(reader.receivedBytes().count > 30_000)
    }
    #expect(lazy.isEnded && !reader.isEnded && !publisher.isEnded)
    #expect(rig.frontEnd.statistics.slowConsumers == 1)
    lazy.disconnect()
    #expect(rig.frontEnd.closedConnections.all.map(\.reason) == ["Slow Consumer (Pending Bytes)"])
  }

  @Test func aClientWhoseSocketTakesNothingIsCutAfterTheWriteDeadline() throws {
    let rig = try NATSRig(settings: ["write_deadline_seconds": .double(2)])
    let lazy = try rig.client()
    let reader = try rig.client()
    for client in [lazy, reader] { client.send("SUB a 1\r\n") }
    lazy.channel.isWritable = false
    let publisher = try rig.client()
    publisher.send("PUB a 0\r\n\r\n")
    rig.pass(seconds: 1.9)
    #expect(!lazy.isEnded)
    rig.pass(seconds: 0.7)
    #expect(lazy.isEnded && !reader.isEnded && !publisher.isEnded)
    lazy.disconnect()
    #expect(rig.frontEnd.closedConnections.all.map(\.reason) == ["Slow Consumer (Write Deadline)"])
    let json = try #require(rig.page("/varz")?.body)
    #expect(json["slow_consumers"]?.integer == 1)
    #expect(json["slow_consumer_stats"]?["clients"]?.integer == 1)
    #expect(json["write_deadline"]?.integer == 2_000_000_000)
    let closed = rig.page("/connz", [("state", "closed")])?.body["connections"]?[0]
    #expect(closed?["reason"]?.string == "Slow Consumer (Write Deadline)")
  }

  @Test func aReloadChangesTheWriteDeadlineOfThoseWhoAreThere() throws {
    let rig = try NATSRig(settings: ["write_deadline_seconds": .double(0)])
    let lazy = try rig.client()
    lazy.channel.isWritable = false
    lazy.send("PING\r\n")
    rig.pass(seconds: 20)
    #expect(!lazy.isEnded)
    try rig.frontEnd.reload(values: SettingsValues(defaultsOf: NATSServer.settings))
    lazy.send("PING\r\n")
    rig.pass(seconds: 13)
    #expect(lazy.isEnded)
  }

  @Test func lameDuckTellsThoseWhoUnderstandAndClosesAll() throws {
    let rig = try NATSRig(settings: ["lame_duck_grace_seconds": .double(1)])
    let new = try rig.client(#"{"verbose":false,"protocol":1}"#)
    let old = try rig.client(#"{"verbose":false,"protocol":0}"#)
    var isDone = false
    rig.frontEnd.drain { isDone = true }
    #expect(new.received().contains(#""ldm":true"#))
    #expect(old.received() == "")
    // Work goes on during the grace period.
    #expect(new.exchange("SUB a 1\r\nPUB a 0\r\n\r\n") == "MSG a 1 0\r\n\r\n")
    #expect(!isDone)
    rig.pass(seconds: 1.3)
    #expect(new.isEnded && old.isEnded)
    #expect(new.received() == "" && old.received() == "")
    new.disconnect()
    old.disconnect()
    #expect(isDone)
  }

  @Test func lameDuckWithoutClientsIsDoneAtOnce() throws {
    let rig = try NATSRig()
    var isDone = false
    rig.frontEnd.drain { isDone = true }
    #expect(isDone)
  }

  @Test func lameDuckSpreadsManyClients() throws {
    let rig = try NATSRig(settings: [
      "lame_duck_grace_seconds": .double(0), "lame_duck_seconds": .double(1),
    ])
    let clients = try (0..<200).map { _ in try rig.client() }
    rig.frontEnd.drain {}
    rig.pass(seconds: 0.5)
    let ended = clients.count { $0.isEnded }
    #expect((20...180).contains(ended))
    rig.pass(seconds: 1.5)
    #expect(clients.allSatisfy { $0.isEnded })
  }
}
