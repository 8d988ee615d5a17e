import ArgumentParser
import MQTTWire
import Testing

@testable import GodwitCLI

@Suite struct CommandTests {
  @Test func pub() throws {
    let command = try PubCommand.parse([
      "a/b", "-", "-H", "k=v=w", "--header", "x: y", "--count", "3", "--interval", "0.5", "--qos",
      "2", "--retain", "--reply", "r", "--content-type", "t", "--expiry", "60", "-s",
      "mqtt://host",
    ])
    #expect(command.topic == "a/b")
    #expect(command.payload == "-")
    #expect(
      try PubCommand.headers(command.header) == [
        MessageHeader("k", "v=w"), MessageHeader("x", "y"),
      ]
    )
    #expect(command.count == 3)
    #expect(command.interval == 0.5)
    #expect(command.qos == .exactlyOnce)
    #expect(command.retain)
    #expect(command.expiry == 60)
    #expect(try command.connection.configuration(environment: [:]).address.language == .mqtt)
  }

  @Test(arguments: [
    ["a", "x", "--count", "0"], ["a", "x", "--interval", "-1"], ["a", "x", "--qos", "3"],
    ["a", "x", "--file", "f"], ["a", "x", "-H", "=v"], ["a", "x", "-H", "novalue"], [],
    ["a", "x", "--expiry", "-1"], ["a", "x", "--mqtt-version", "6"],
  ])
  func pubRefuses(arguments: [String]) {
    #expect(throws: (any Error).self) { try PubCommand.parse(arguments) }
  }

  @Test func sub() throws {
    let command = try SubCommand.parse(["a.>", "b", "-g", "workers", "-c", "5", "--no-headers"])
    #expect(command.patterns == ["a.>", "b"])
    #expect(command.group == "workers")
    #expect(command.count == 5)
    #expect(!command.headers)
    #expect(throws: (any Error).self) { try SubCommand.parse([]) }
    #expect(throws: (any Error).self) { try SubCommand.parse(["a", "--raw", "--json"]) }
    #expect(throws: (any Error).self) { try SubCommand.parse(["a", "--count", "0"]) }
  }

  @Test func replyHasOneWayToAnswer() throws {
    #expect(try ReplyCommand.parse(["a", "--text", "x"]).text == "x")
    #expect(throws: (any Error).self) { try ReplyCommand.parse(["a"]) }
    #expect(throws: (any Error).self) { try ReplyCommand.parse(["a", "--echo", "--text", "x"]) }
  }

  @Test func request() throws {
    let command = try RequestCommand.parse(["a", "x", "--timeout", "0.1", "--replies", "0"])
    #expect(command.timeout == 0.1)
    #expect(command.replies == 0)
    #expect(throws: (any Error).self) { try RequestCommand.parse(["a", "x", "--timeout", "0"]) }
  }

  @Test func bench() throws {
    let plan = try BenchCommand.parse(["pubsub", "--pubs", "3", "--subs", "2", "--count", "10"])
      .plan(separator: "/")
    #expect(plan.publishers == 3)
    #expect(plan.subscribers == 2)
    #expect((0..<3).map(plan.share) == [4, 3, 3])
    #expect(plan.deliveries == 20)
    #expect(plan.topic.hasPrefix("bench/"))
    var grouped = plan
    grouped.group = "g"
    #expect(grouped.deliveries == 10)
    let requests = try BenchCommand.parse(["request", "--clients", "4"]).plan(separator: ".")
    #expect(requests.publishers == 4)
    #expect(requests.count == 10_000)
    #expect(requests.hasResponder)
  }

  @Test(arguments: [
    ["fly"], [], ["pub", "--size", "-1"], ["pub", "--clients", "0"], ["pub", "--rate", "0"],
    ["request", "--in-flight", "0"], ["pub", "--count", "0"],
  ])
  func benchRefuses(arguments: [String]) {
    #expect(throws: (any Error).self) { try BenchCommand.parse(arguments) }
  }
}

@Suite struct ConnectionOptionsTests {
  private static func configuration(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> ClientConfiguration {
    try SubCommand.parse(["a"] + arguments).connection.configuration(environment: environment)
  }

  @Test func defaults() throws {
    let configuration = try Self.configuration([])
    #expect(configuration.address.description == "127.0.0.1:4222")
    #expect(configuration.tls == nil)
    #expect(configuration.user == nil)
    #expect(configuration.mqttVersion == .v5)
    #expect(configuration.name.hasPrefix("godwit-"))
    #expect(try Self.configuration([]).name != configuration.name)
  }

  @Test func environment() throws {
    let environment = [
      "GODWIT_SERVER": "mqtt://host", "GODWIT_USER": "me", "GODWIT_PASSWORD": "secret",
      "GODWIT_TOKEN": "token",
    ]
    let configuration = try Self.configuration([], environment)
    #expect(configuration.address.description == "host:1883")
    #expect(configuration.user == "me")
    #expect(configuration.password == "secret")
    #expect(configuration.token == "token")
    let said = try Self.configuration(["-s", "nats://other", "--user", "you"], environment)
    #expect(said.address.description == "other:4222")
    #expect(said.user == "you")
  }

  @Test func urlsHoldCredentialsAndTokens() throws {
    let user = try Self.configuration(["-s", "nats://me:pw@host"])
    #expect(user.user == "me")
    #expect(user.password == "pw")
    let token = try Self.configuration(["-s", "nats://word@host"])
    #expect(token.user == nil)
    #expect(token.token == "word")
    #expect(try Self.configuration(["-s", "mqtt://me@host"]).user == "me")
  }

  @Test(arguments: [["--tls"], ["--ca", "f"], ["--cert", "f"], ["--tls-first"]])
  func tls(arguments: [String]) throws {
    #expect(try Self.configuration(arguments).tls != nil)
    #expect(try Self.configuration(["-s", "tls://host"]).tls != nil)
  }

  @Test(arguments: [("5", MQTTVersion.v5), ("3.1.1", .v311), ("3.1", .v31)])
  func versions(text: String, version: MQTTVersion) throws {
    #expect(try Self.configuration(["--mqtt-version", text]).mqttVersion == version)
  }

  @Test func filesThatAreNotThere() {
    #expect(throws: ClientError.self) {
      try Self.configuration(["--password-file", "/no/such/file"])
    }
    #expect(throws: ClientError.self) { try Self.configuration(["--connect-timeout", "0"]) }
  }
}
