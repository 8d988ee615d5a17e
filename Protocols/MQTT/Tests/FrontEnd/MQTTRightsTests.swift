import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

/// What users may do when the rules change between a message and its going out, and what they may
/// do to each other.
@Suite struct MQTTRightsTests {
  private let broker: TestBroker

  init() throws {
    broker = try TestBroker()
    broker.access.passwords = ["ann": "a", "bob": "b", "eve": "e"]
  }

  private func connect(
    _ user: String, as clientID: String, clean: Bool = true, expirySeconds: UInt32 = 0,
    will: MQTTConnect.Will? = nil
  ) throws -> TestClient {
    let client = try broker.open(.v5)
    var properties = MQTTProperties()
    if expirySeconds > 0 { properties.append(.sessionExpiryInterval, expirySeconds) }
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

  private func will(delaySeconds: UInt32 = 0) -> MQTTConnect.Will {
    var properties = MQTTProperties()
    if delaySeconds > 0 { properties.append(.willDelayInterval, delaySeconds) }
    return MQTTConnect.Will(
      topic: ByteBuffer(string: "locked/will"), payload: ByteBuffer(string: "gone"),
      properties: properties)
  }

  /// From now on `ann` may not publish under `locked`.
  private func lock() throws {
    let locked = TopicPattern(canonical: Array("locked.>".utf8))
    broker.access.permissions["ann"] = Permissions(publish: .init(deny: [locked]))
    try reload()
  }

  private func reload() throws {
    var all: [String: SettingValue] = [:]
    for setting in MQTTServer.settings.settings { all[setting.key] = setting.defaultValue }
    all["sys_interval_seconds"] = .double(0)
    try broker.frontEnd.reload(values: SettingsValues(path: "mqtt", checked: all))
    broker.eventLoop.run()
  }

  private func watcher() throws -> TestClient {
    let watcher = try connect("bob", as: "watcher")
    try watcher.subscribe("locked/#")
    return watcher
  }

  @Test func aWillIsJudgedWhenItGoesOut() throws {
    let watcher = try watcher()
    let free = try connect("ann", as: "a", will: will())
    free.abort()
    #expect(try watcher.takePublish().topic == ByteBuffer(string: "locked/will"))
    let locked = try connect("ann", as: "b", will: will())
    try lock()
    locked.abort()
    #expect(try watcher.next() == nil)
  }

  @Test func aDelayedWillIsJudgedByTheRulesThatHoldThen() throws {
    let watcher = try watcher()
    let client = try connect("ann", as: "a", expirySeconds: 100, will: will(delaySeconds: 10))
    client.abort()
    try lock()
    broker.pass(20)
    #expect(try watcher.next() == nil)
  }

  @Test func aDelayedMessageIsJudgedWhenItGoesOut() throws {
    let watcher = try watcher()
    let client = try connect("ann", as: "a")
    client.publish("$delayed/5/locked/x", "first")
    broker.pass(6)
    #expect(try watcher.takePublish().payload == ByteBuffer(string: "first"))
    client.publish("$delayed/5/locked/x", "second")
    client.publish("$delayed/5/open/x", "third")
    try watcher.subscribe("open/#")
    try lock()
    broker.pass(6)
    #expect(try watcher.takePublish().payload == ByteBuffer(string: "third"))
    #expect(try watcher.next() == nil)
  }

  @Test func whatMayNoLongerBeSeenIsNotSentAgain() throws {
    let away = try connect("ann", as: "away", expirySeconds: 100)
    try away.subscribe("locked/#", .atLeastOnce)
    try away.subscribe("open/#", .atLeastOnce)
    let publisher = try connect("bob", as: "p")
    for topic in ["locked/x", "open/x"] { publisher.publish(topic, topic, .atLeastOnce) }
    // Both are under way, and not acknowledged.
    for _ in 0..<2 { _ = try away.takePublish() }
    away.abort()
    let locked = TopicPattern(canonical: Array("locked.>".utf8))
    broker.access.permissions["ann"] = Permissions(subscribe: .init(deny: [locked]))
    try reload()
    let back = try connect("ann", as: "away", clean: false, expirySeconds: 100)
    let again = try back.takePublish()
    #expect(again.topic == ByteBuffer(string: "open/x") && again.duplicate)
    #expect(try back.next() == nil)
  }

  @Test func aUserWhoIsGoneLeavesNoWill() throws {
    let watcher = try watcher()
    let client = try connect("ann", as: "a", will: will())
    broker.access.passwords["ann"] = nil
    try reload()
    guard case .disconnect(let word)? = try client.next() else {
      throw TestFailure("no DISCONNECT")
    }
    #expect(word.reason == .notAuthorized)
    #expect(try watcher.next() == nil)
  }

  @Test func nobodyIsEndedByAnotherUser() throws {
    let victim = try connect("ann", as: "sensor")
    let thief = try connect("eve", as: "sensor")
    #expect(thief.connack.code == MQTTReasonCode.clientIdentifierNotValid.rawValue)
    #expect(!thief.isOpen)
    #expect(victim.isOpen)
    #expect(try victim.subscribe("still/here") == .success)
    let again = try connect("ann", as: "sensor")
    #expect(again.connack.code == 0)
    #expect(again.isOpen)
  }

  @Test func anotherUsersSessionIsNotContinued() throws {
    let owner = try connect("ann", as: "sensor", clean: false, expirySeconds: 100)
    try owner.subscribe("secret/#", .atLeastOnce)
    owner.abort()
    try connect("bob", as: "other").publish("secret/x", "for ann", .atLeastOnce)
    let other = try connect("eve", as: "sensor", clean: false, expirySeconds: 100)
    #expect(other.connack.code == 0)
    #expect(!other.connack.sessionPresent)
    #expect(try other.next() == nil)
  }
}
