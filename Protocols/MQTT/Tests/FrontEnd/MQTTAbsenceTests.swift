import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

/// What becomes of a session, and of what waits in it, when the rules change while its client is
/// away.
@Suite struct MQTTAbsenceTests {
  private let broker: TestBroker
  private let publisher: TestClient

  init() throws {
    broker = try TestBroker()
    broker.access.passwords = ["ann": "a", "bob": "b"]
    publisher = try Self.connect(broker, "bob", as: "p")
  }

  private static func connect(
    _ broker: TestBroker, _ user: String, as clientID: String, clean: Bool = true,
    will: MQTTConnect.Will? = nil
  ) throws -> TestClient {
    let client = try broker.open(.v5)
    var properties = MQTTProperties()
    properties.append(.sessionExpiryInterval, 100)
    client.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: clientID), cleanStart: clean,
          keepAliveSeconds: 0, will: will, userName: ByteBuffer(string: user),
          password: ByteBuffer(string: String(user.prefix(1))), properties: properties)))
    guard case .connack(let connack) = try client.take() else { throw TestFailure("no CONNACK") }
    client.connack = connack
    return client
  }

  /// The session of `ann`, who leaves once it has its subscriptions.
  private func leave(_ filters: String..., will: MQTTConnect.Will? = nil) throws {
    let client = try Self.connect(broker, "ann", as: "away", will: will)
    for filter in filters {
      #expect(try client.subscribe(filter, .atLeastOnce).isError == false)
    }
    client.abort()
  }

  /// What `ann` gets on coming back.
  private func comeBack() throws -> [String] {
    let client = try Self.connect(broker, "ann", as: "away", clean: false)
    #expect(client.connack.sessionPresent)
    var topics: [String] = []
    while case .publish(let publish)? = try client.next() {
      topics.append(String(buffer: publish.topic))
    }
    return topics
  }

  private func publish(_ topics: String...) throws {
    for topic in topics {
      publisher.publish(topic, topic, .atLeastOnce)
      guard case .puback = try publisher.take() else { throw TestFailure("no PUBACK") }
    }
  }

  private func reload() throws {
    var all: [String: SettingValue] = [:]
    for setting in MQTTServer.settings.settings { all[setting.key] = setting.defaultValue }
    all["sys_interval_seconds"] = .double(0)
    try broker.frontEnd.reload(values: SettingsValues(path: "mqtt", checked: all))
    broker.eventLoop.run()
  }

  /// A pattern that covers the filter of the same words: `a.>` as `a/#`, which matches `a` as well.
  private func pattern(_ text: String) -> TopicPattern {
    TopicPattern(canonical: Array(text.utf8), openTail: .zeroOrMore)
  }

  private var session: MQTTSession? {
    broker.frontEnd.sessions.first { $0.clientName == "away" }
  }

  @Test func subscriptionsThatAreNoLongerAllowedGo() throws {
    try leave("locked/#", "open/#")
    try publish("locked/before", "open/before")
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [pattern("locked.>")]))
    try reload()
    #expect(session?.subscriptions.count == 1)
    #expect(broker.frontEnd.statistics.subscriptions == 1)
    try publish("locked/after", "open/after")
    #expect(session?.queuedCount == 3)
    #expect(try comeBack() == ["open/before", "open/after"])
    #expect(session?.queuedCount == 2)
  }

  @Test func aDenialInAPartHoldsAtOnce() throws {
    try leave("#")
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [pattern("locked.>")]))
    try reload()
    try publish("locked/x", "open/x")
    #expect(session?.queuedCount == 1)
    #expect(try comeBack() == ["open/x"])
  }

  @Test func aSessionEndsWithItsUser() throws {
    try publisher.subscribe("will")
    var properties = MQTTProperties()
    properties.append(.willDelayInterval, 10)
    try leave(
      "open/#",
      will: MQTTConnect.Will(
        topic: ByteBuffer(string: "will"), payload: ByteBuffer(string: "x"), properties: properties)
    )
    try publish("open/x")
    broker.access.passwords["ann"] = nil
    try reload()
    #expect(session == nil)
    #expect(broker.frontEnd.statistics.subscriptions == 1)
    broker.pass(200)
    #expect(try publisher.next() == nil)
    publisher.abort()
    broker.pass(200)
    #expect(broker.engine.memory.used == 0)
    #expect(broker.engine.timers.fireDue() == nil)
  }

  @Test func aSessionEndsWhenItsUserMovesToAnotherTenant() throws {
    try leave("open/#")
    broker.access.tenants["ann"] = "elsewhere"
    try reload()
    #expect(session == nil)
  }

  /// The user has to say the new one to come back, and finds everything as it was.
  @Test func aNewPasswordEndsNoSession() throws {
    try leave("locked/#", "open/#")
    try publish("open/x")
    broker.access.hasChangedPasswords = true
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [pattern("locked.>")]))
    try reload()
    #expect(!publisher.isOpen)
    #expect(session?.subscriptions.count == 1)
    #expect(try comeBack() == ["open/x"])
  }

  /// A client that the reload itself has sent away is judged like one that was away.
  @Test func thoseWhoAreSentAwayKeepWhatTheyMay() throws {
    let client = try Self.connect(broker, "ann", as: "away")
    for filter in ["locked/#", "open/#"] { try client.subscribe(filter, .atLeastOnce) }
    broker.access.hasChangedPasswords = true
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [pattern("locked.>")]))
    try reload()
    #expect(!client.isOpen)
    #expect(session?.subscriptions.count == 1)
  }

  @Test func whatIsDeniedInAGroupIsNotSentFromTheQueue() throws {
    try leave("$share/workers/jobs/#", "$share/others/jobs/#")
    try publish("jobs/1")
    #expect(session?.queuedCount == 2)
    broker.access.permissions["ann"] = Permissions(
      denyInGroup: [.init(pattern: pattern("jobs.>"), group: pattern("workers"))])
    try reload()
    #expect(session?.subscriptions.count == 1)
    #expect(try comeBack() == ["jobs/1"])
  }

  @Test func veryManySessionsAreJudgedInTurns() throws {
    for number in 0..<250 {
      let client = try Self.connect(broker, "ann", as: "\(number)")
      try client.subscribe("locked/#", .atLeastOnce)
      client.abort()
    }
    func left() -> Int { broker.frontEnd.sessions.reduce(0) { $0 + $1.subscriptions.count } }
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [pattern("locked.>")]))
    try reload()
    #expect(left() == 150)
    for _ in 0..<5 { broker.eventLoop.advanceTime(by: .milliseconds(1)) }
    #expect(left() == 0)
  }

  @Test func whatIsDeniedInAGroupIsNotSentAgain() throws {
    let client = try Self.connect(broker, "ann", as: "away")
    try client.subscribe("$share/workers/jobs/#", .atLeastOnce)
    try publish("jobs/1")
    _ = try client.takePublish()
    client.abort()
    broker.access.permissions["ann"] = Permissions(
      denyInGroup: [.init(pattern: pattern("jobs.>"), group: pattern("workers"))])
    try reload()
    #expect(try comeBack() == [])
    #expect(session?.queuedCount == 0)
  }

  @Test func whatIsAllowedInAnotherGroupIsNotSentFromTheQueue() throws {
    try leave("$share/workers/jobs/#", "jobs/#")
    try publish("jobs/1")
    #expect(session?.queuedCount == 2)
    broker.access.permissions["ann"] = Permissions(
      subscribeInGroup: [.init(pattern: pattern("jobs.>"), group: pattern("others"))])
    try reload()
    #expect(try comeBack() == [])
    try publish("jobs/2")
    #expect(session?.queuedCount == 0)
  }

  @Test func whatIsAllowedInItsGroupIsSentFromTheQueue() throws {
    try leave("$share/workers/jobs/#", "jobs/#")
    try publish("jobs/1")
    broker.access.permissions["ann"] = Permissions(
      subscribeInGroup: [.init(pattern: pattern("jobs.>"), group: pattern("workers"))])
    try reload()
    #expect(try comeBack() == ["jobs/1"])
  }
}
