import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTFrontEnd

/// Every event in every state, in 3.1.1 and 5.0: nothing traps, every pair is answered as
/// `SessionTable` declares, and nothing is left when everybody is gone.
@Suite struct MQTTSessionTableTests {
  @Test(arguments: [MQTTVersion.v311, .v5], TableState.allCases)
  func everyEventIsAnswered(_ version: MQTTVersion, _ state: TableState) throws {
    guard state.exists(in: version) else { return }
    for event in TableEvent.allCases where event.exists(in: version) {
      guard let expected = SessionTable.answer(state, event, version) else {
        Issue.record("no answer is declared for \(event) in \(state)")
        continue
      }
      let scene = try Scene(state, version)
      try scene.happen(event)
      try scene.check(expected, event)
      try scene.check(
        SessionTable.fate(expected == .later ? .connected : state, event, version), event)
      scene.leave()
      scene.checkNothingIsLeft(event)
    }
  }

  /// Two events in a row: the second finds whatever the first has left. Some pairs of events in
  /// `make test`, all of them in `make fuzz`.
  @Test(arguments: [MQTTVersion.v311, .v5], TableState.allCases)
  func twoEventsLeaveNothing(_ version: MQTTVersion, _ state: TableState) throws {
    guard state.exists(in: version) else { return }
    var random = SplitMix64(seed: FuzzEffort.seed(0x4D51_5454))
    let events = TableEvent.allCases.filter { $0.exists(in: version) }
    for first in events {
      for second in events.shuffled(using: &random).prefix(FuzzEffort.rounds(4)) {
        let scene = try Scene(state, version)
        try scene.happen(first)
        try scene.happen(second)
        _ = try scene.received()
        scene.leave()
        scene.checkNothingIsLeft(first, second)
      }
    }
  }
}

/// One client in a given state, and a second one beside it.
private final class Scene {
  private let broker: TestBroker
  private let witness: TestClient
  private let client: TestClient
  /// The server's half, which its connection lets go when it ends.
  private let half: MQTTClient?
  private var others: [TestClient] = []
  private let state: TableState
  private let version: MQTTVersion

  private static let settings: [String: SettingValue] = [
    "connect_timeout_seconds": .double(10.5), "session_expiry_seconds_max": .integer(100),
    "sys_interval_seconds": .double(0),
  ]

  init(_ state: TableState, _ version: MQTTVersion) throws {
    self.state = state
    self.version = version
    broker = try TestBroker(Self.settings)
    broker.access.passwords = ["u": "pw", "witness": "pw"]
    witness = try broker.open(.v5)
    witness.send(
      .connect(
        MQTTConnect(
          version: .v5, clientID: ByteBuffer(string: "witness"),
          userName: ByteBuffer(string: "witness"), password: ByteBuffer(string: "pw"))))
    guard case .connack = try witness.take() else { throw TestFailure("no CONNACK") }
    for filter in ["witness", "will"] { try witness.subscribe(filter) }
    client = try broker.open(version)
    half = client.connection.session as? MQTTClient
    try reach()
    _ = try received()
    _ = try willsSeen()
    let isOver = SessionTable.answer(state, .pingreq, version) == .nothing
    #expect(isEnded == isOver, "\(state)")
  }

  private func reach() throws {
    switch state {
    case .awaitingConnect: return
    case .authenticating:
      broker.access.isSlow = true
      try happen(.connect)
      return
    case .exchanging:
      var properties = MQTTProperties()
      properties.append(.sessionExpiryInterval, 100)
      properties.append(.authenticationMethod, "SCRAM-SHA-256")
      properties.append(.authenticationData, ByteBuffer(string: "n,,n=u,r=abc"))
      client.send(
        .connect(
          MQTTConnect(
            version: .v5, clientID: ByteBuffer(string: "c"), properties: properties)))
      #expect(try received() == ["auth 18"])
      return
    default: break
    }
    var connect = SessionTable.connect(version)
    if state == .full { connect.properties.append(.receiveMaximum, 1) }
    client.send(.connect(connect))
    #expect(try received() == ["connack 00"])
    try client.subscribe("mine/#", .exactlyOnce)
    switch state {
    case .reauthenticating:
      half?.authenticationMethod = "SCRAM-SHA-256"
      try happen(.authAgain)
      #expect(try received() == ["auth 18"])
    case .received:
      try happen(.publishAgain)
    case .sent1, .offline, .expired: witness.publish("mine/x", "x", .atLeastOnce)
    case .sent2, .released: witness.publish("mine/x", "x", .exactlyOnce)
    case .full: for _ in 0..<2 { witness.publish("mine/x", "x", .atLeastOnce) }
    case .takenOver: try takeOver()
    case .closing: try happen(.connack)
    case .closed: client.abort()
    default: break
    }
    if state == .released {
      _ = try received()
      try happen(.pubrec)
    }
    if state == .offline || state == .expired { client.abort() }
    if state == .expired { broker.pass(101) }
  }

  private var isEnded: Bool { half?.phase == .closed }

  // MARK: Events

  func happen(_ event: TableEvent) throws {
    if let bytes = event.bytes(version) {
      client.send(bytes)
      return
    }
    switch event {
    case .delivery0: witness.publish("mine/x")
    case .delivery1: witness.publish("mine/x", "x", .atLeastOnce)
    case .authenticated: broker.access.answer(refusing: false)
    case .refused: broker.access.answer(refusing: true)
    case .takeOver: try takeOver()
    case .resume: try takeOver(clean: false)
    case .connectTime: broker.pass(11)
    case .keepAliveTime: broker.pass(16)
    case .willDelayTime: broker.pass(21)
    case .sessionExpiryTime: broker.pass(101)
    case .inputClosed:
      client.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    case .reset: client.abort()
    case .readError: client.channel.pipeline.fireErrorCaught(ChannelError.alreadyClosed)
    case .overflow: half?.outputOverflowed()
    case .writeDeadline: half?.outputTimedOut()
    case .kicked: half?.evict(.operatorRequest)
    case .drain: broker.frontEnd.drain {}
    case .reload: try reload()
    case .reloadWithoutUser:
      broker.access.passwords["u"] = nil
      try reload()
    default: Issue.record("\(event) is not brought about")
    }
    broker.eventLoop.run()
  }

  private func takeOver(clean: Bool? = nil) throws {
    let wasSlow = broker.access.isSlow
    broker.access.isSlow = false
    let other = try broker.open(version)
    others.append(other)
    var connect = SessionTable.connect(version)
    if let clean { connect.cleanStart = clean }
    other.send(.connect(connect))
    broker.access.isSlow = wasSlow
  }

  private func reload() throws {
    var values: [String: SettingValue] = [:]
    for setting in MQTTServer.settings.settings { values[setting.key] = setting.defaultValue }
    values.merge(Self.settings) { _, own in own }
    try broker.frontEnd.reload(values: SettingsValues(path: "mqtt", checked: values))
  }

  func received() throws -> [String] {
    var texts: [String] = []
    while let packet = try client.next() { texts.append(SessionTable.text(packet)) }
    return texts
  }

  // MARK: Checks

  func check(_ expected: TableAnswer, _ event: TableEvent) throws {
    let said = try received()
    let pair: Comment = "\(event) in \(state), \(version)"
    switch expected {
    case .says(let texts):
      #expect(said == texts, pair)
      #expect(!isEnded, pair)
    case .ends(let texts):
      #expect(said == texts, pair)
      #expect(isEnded, pair)
    case .nothing:
      #expect(said == [], pair)
      #expect(isEnded, pair)
    case .later:
      #expect(said == [], pair)
      #expect(half?.phase == .authenticating, pair)
      broker.access.isSlow = false
      broker.access.answer(refusing: false)
      // Nothing is subscribed to yet.
      let event = event == .unsubscribe ? .unsubscribeUnknown : event
      switch SessionTable.answer(.connected, event, version) {
      case .says(let texts): try check(.says(["connack 00"] + texts), event)
      case .ends(let texts): try check(.ends(["connack 00"] + texts), event)
      case .later, .nothing, nil: Issue.record("\(pair) is put off for ever")
      }
      return
    }
    checkCounts(pair)
  }

  /// What has become of the session.
  func check(_ expected: TableFate, _ event: TableEvent) throws {
    let pair: Comment = "\(event) in \(state), \(version)"
    let session = broker.frontEnd.sessions.first { $0.clientName == "c" }
    #expect(session.map(\.isOnline) == expected.isOnline, pair)
    let wills = try willsSeen()
    if let count = expected.wills { #expect(wills == count, pair) }
    if let count = expected.queued { #expect(session?.queuedCount ?? 0 == count, pair) }
    guard let isPresent = expected.isPresent else { return }
    guard case .connack(let connack)? = try others.last?.next() else {
      Issue.record("no CONNACK: \(pair)")
      return
    }
    #expect(connack.sessionPresent == isPresent, pair)
  }

  /// How many wills have gone out since this was asked last.
  private func willsSeen() throws -> Int {
    var count = 0
    while let packet = try witness.next() {
      if case .publish(let publish) = packet, publish.topic == ByteBuffer(string: "will") {
        count += 1
      }
    }
    return count
  }

  /// What the routers count is what the sessions hold.
  private func checkCounts(_ pair: Comment) {
    let routed = broker.engine.tenants.reduce(0) { $0 + $1.router.subscriptionCount }
    let held = broker.frontEnd.sessions.reduce(0) { $0 + $1.subscriptions.count }
    #expect(routed == held, pair)
  }

  /// Everybody goes, and time passes until every session has ended.
  func leave() {
    broker.access.isSlow = false
    broker.access.answer(refusing: false)
    for one in [client, witness] + others { one.abort() }
    broker.pass(200)
    broker.pass(200)
  }

  func checkNothingIsLeft(_ events: TableEvent...) {
    let pair: Comment = "\(events) in \(state), \(version)"
    #expect(broker.frontEnd.sessionCount == 0, pair)
    #expect(broker.frontEnd.statistics.clientsConnected == 0, pair)
    #expect(broker.frontEnd.statistics.subscriptions == 0, pair)
    #expect(broker.engine.tenants.allSatisfy { $0.router.subscriptionCount == 0 }, pair)
    #expect(broker.engine.memory.used == 0, pair)
    #expect(broker.engine.timers.fireDue() == nil, pair)
    #expect(broker.loop.connections.count == 0, pair)
    #expect(client.connection.pendingBytes == 0, pair)
  }
}
