import GodwitEngine
import GodwitFrontEndKit
import GodwitSimulator
import GodwitStorage
import GodwitWire
import NIOCore
import NIOEmbedded
import Testing

@testable import NATSFrontEnd

/// What is told of a stream whose disk answers when it is told to.
@Suite struct JetStreamCommitTests {
  private let rig: NATSRig
  private let disk = SimulatedDisk(seed: 1)
  private let store: FileStore

  init() throws {
    let rig = try NATSRig()
    self.rig = rig
    var settings = StoreSettings()
    settings.sync = .always
    self.store = try FileStore(
      folder: "data", disk: self.disk, engine: rig.engine, settings: settings,
      atTurnEnd: { rig.eventLoop.assumeIsolated().execute($0) }, report: { _ in })
    rig.engine.tenant(named: "default").store = self.store
    self.commit()
  }

  /// The disk does what it was asked for.
  private func commit() {
    self.rig.eventLoop.run()
    while self.disk.isBusy {
      self.disk.answer()
      self.rig.eventLoop.run()
    }
  }

  private func json(_ text: String) throws -> JSONValue {
    let line = try #require(text.split(separator: "\r\n").last { $0.hasPrefix("{") }, "\(text)")
    return try JSONValue(parsing: String(line))
  }

  /// `/jsz`, which waits for nobody.
  private func shown() throws -> JSONValue {
    let page = try #require(self.rig.page("/jsz", [("streams", "1"), ("accounts", "1")]))
    let account = try #require(page.body["account_details"]?[0])
    return try #require(account["stream_detail"]?[0]?["state"])
  }

  @Test func whatIsToldIsWhatReadersSee() throws {
    let client = try self.rig.client()
    client.send("SUB in 1\r\n")
    let config = #"{"name":"S","subjects":["s.>"]}"#
    client.send("PUB $JS.API.STREAM.CREATE.S in \(config.utf8.count)\r\n\(config)\r\n")
    self.commit()
    #expect(try self.json(client.received())["error"] == nil)

    client.send("PUB s.a 1\r\n1\r\n")
    self.commit()
    client.send("PUB s.a 1\r\n2\r\nPUB s.b 1\r\n3\r\n")
    var state = try self.shown()
    #expect(state["messages"]?.integer == 1)
    #expect(state["last_seq"]?.integer == 1)
    #expect(state["num_subjects"]?.integer == 1)
    let one = try #require(state["bytes"]?.integer)

    // Who asks is told of what it has published, and so waits for the disk.
    let body = #"{"subjects_filter":">"}"#
    client.send("PUB $JS.API.STREAM.INFO.S in \(body.utf8.count)\r\n\(body)\r\n")
    client.send("PUB s.c 1\r\n4\r\n")
    #expect(client.received() == "")
    self.commit()
    state = try #require(try self.json(client.received())["state"])
    let messages = try #require(state["messages"]?.integer)
    #expect(messages >= 3)
    #expect(state["last_seq"]?.integer == messages)
    #expect(state["bytes"]?.integer == one * messages)
    #expect(state["subjects"]?["s.a"]?.integer == 2)
    #expect(state["subjects"]?["s.b"]?.integer == 1)
    #expect(try self.shown()["messages"]?.integer == 4)
  }

  @Test func aStreamThatGoesMeanwhileIsNotFound() throws {
    let client = try self.rig.client()
    client.send("SUB in 1\r\n")
    let config = #"{"name":"S","subjects":["s.>"]}"#
    client.send("PUB $JS.API.STREAM.CREATE.S in \(config.utf8.count)\r\n\(config)\r\n")
    self.commit()
    _ = client.received()
    // The disk has the deletion before the message.
    self.rig.engine.tenant(named: "default").streams.delete("S")
    client.send("PUB s.a 1\r\n1\r\nPUB $JS.API.STREAM.INFO.S in 0\r\n\r\n")
    self.commit()
    let answer = try self.json(client.received())
    #expect(answer["error"]?["err_code"]?.integer == 10059)
  }

  @Test func aConsumerThatTheDiskRefusesIsNotThere() throws {
    let client = try self.rig.client()
    client.send("SUB in 1\r\n")
    func ask(_ subject: String, _ body: String) throws -> JSONValue {
      client.send("PUB $JS.API.\(subject) in \(body.utf8.count)\r\n\(body)\r\n")
      self.commit()
      return try self.json(client.received())
    }
    _ = try ask("STREAM.CREATE.S", #"{"name":"S","subjects":["s.>"]}"#)
    let config = #"{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}"#
    self.disk.faults.capacity = self.disk.usedBytes
    #expect(try ask("CONSUMER.DURABLE.CREATE.S.C", config)["error"] != nil)
    #expect(try ask("CONSUMER.INFO.S.C", "")["error"]?["err_code"]?.integer == 10014)
    self.disk.faults.capacity = .max
    #expect(try ask("CONSUMER.DURABLE.CREATE.S.C", config)["error"] == nil)
    #expect(try ask("CONSUMER.INFO.S.C", "")["name"]?.string == "C")
  }

  /// What the client is told of requests that it sends one behind the other.
  private func answers(_ client: TestClient, _ requests: [(String, String)]) throws -> [Int64] {
    client.send(
      requests.map { "PUB $JS.API.\($0) in \($1.utf8.count)\r\n\($1)\r\n" }.joined())
    self.commit()
    return try client.received().split(separator: "\r\n").filter { $0.hasPrefix("{") }.map {
      try JSONValue(parsing: String($0))["error"]?["err_code"]?.integer ?? 0
    }
  }

  private static func stream(_ limit: Int, _ name: String = "S") -> String {
    #"{"name":"\#(name)","subjects":["s.>"],"max_msgs":\#(limit)}"#
  }

  private static func consumer(_ about: String) -> String {
    let config = #"{"durable_name":"C","ack_policy":"explicit","description":"\#(about)"}"#
    return #"{"stream_name":"S","config":\#(config)}"#
  }

  @Test func whoSendsOneRequestBehindTheOtherIsAnsweredAsIfItHadWaited() throws {
    let client = try self.rig.client()
    client.send("SUB in 1\r\n")
    let make = "CONSUMER.DURABLE.CREATE.S.C"
    let told = try self.answers(
      client,
      [
        ("STREAM.CREATE.S", Self.stream(5)), (make, Self.consumer("one")),
        (make, Self.consumer("two")), ("CONSUMER.DELETE.S.C", ""), ("CONSUMER.INFO.S.C", ""),
        (make, Self.consumer("three")), ("STREAM.UPDATE.S", Self.stream(6)),
        ("STREAM.INFO.S", ""), ("STREAM.DELETE.S", ""), ("STREAM.INFO.S", ""),
        ("STREAM.CREATE.T", Self.stream(7, "T")), ("STREAM.CREATE.S", Self.stream(8)),
      ])
    #expect(told == [0, 0, 0, 0, 10014, 0, 0, 0, 0, 10059, 0, 10065])
    #expect(self.rig.engine.tenant(named: "default").streams.all.map(\.name) == ["T"])
  }

  @Test func whatTheDiskRefusesIsAsItWas() throws {
    let client = try self.rig.client()
    client.send("SUB in 1\r\n")
    func ask(_ subject: String, _ body: String = "") throws -> JSONValue {
      client.send("PUB $JS.API.\(subject) in \(body.utf8.count)\r\n\(body)\r\n")
      self.commit()
      return try self.json(client.received())
    }
    let make = "CONSUMER.DURABLE.CREATE.S.C"
    for (subject, body) in [("STREAM.CREATE.S", Self.stream(5)), (make, Self.consumer("one"))] {
      #expect(try ask(subject, body)["error"] == nil)
    }
    self.disk.faults.capacity = self.disk.usedBytes
    let pause = #"{"pause_until":"2100-01-01T00:00:00Z"}"#
    let changes = [
      ("STREAM.CREATE.T", #"{"name":"T","subjects":["t"]}"#), ("STREAM.UPDATE.S", Self.stream(6)),
      (make, Self.consumer("two")), ("CONSUMER.PAUSE.S.C", pause), ("CONSUMER.DELETE.S.C", ""),
      ("STREAM.DELETE.S", ""),
    ]
    for (subject, body) in changes {
      #expect(try ask(subject, body)["error"]?["err_code"]?.integer == 10077, "\(subject)")
    }
    #expect(try ask("STREAM.INFO.T")["error"]?["err_code"]?.integer == 10059)
    #expect(try ask("STREAM.INFO.S")["config"]?["max_msgs"]?.integer == 5)
    let consumer = try ask("CONSUMER.INFO.S.C")
    #expect(consumer["config"]?["description"]?.string == "one")
    #expect(consumer["paused"] == nil)
    self.disk.faults.capacity = .max
    for (subject, body) in changes {
      #expect(try ask(subject, body)["error"] == nil, "\(subject)")
    }
    #expect(self.rig.engine.tenant(named: "default").streams.all.map(\.name) == ["T"])
  }
}
