import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import NATSFrontEnd

/// Every event in every state: nothing traps, every pair is answered as `SessionTable` declares,
/// and nothing is left when everybody is gone.
@Suite struct NATSSessionTableTests {
  @Test(arguments: TableState.allCases)
  func everyEventIsAnswered(_ state: TableState) throws {
    for event in TableEvent.allCases {
      guard let expected = SessionTable.answer(state, event) else {
        Issue.record("no answer is declared for \(event) in \(state)")
        continue
      }
      let scene = try Scene(state)
      scene.happen(event)
      scene.check(expected, event)
      scene.leave()
      scene.checkNothingIsLeft(event)
    }
  }

  /// Two events in a row: the second finds whatever the first has left. Some pairs of events in
  /// `make test`, all of them in `make fuzz`.
  @Test(arguments: TableState.allCases)
  func twoEventsLeaveNothing(_ state: TableState) throws {
    let seed = FuzzEffort.seed(0x5441_424C)
    var random = SplitMix64(seed: seed)
    for first in TableEvent.allCases {
      let seconds = TableEvent.allCases.shuffled(using: &random).prefix(FuzzEffort.rounds(5))
      for second in seconds {
        let scene = try Scene(state)
        scene.happen(first)
        scene.happen(second)
        _ = scene.client.received()
        scene.leave()
        scene.checkNothingIsLeft(first, second)
      }
    }
  }
}

/// One session in a given state, and a second client beside it.
private final class Scene {
  private static let settings: [String: SettingValue] = [
    "auth_timeout_seconds": .double(1), "ping_interval_seconds": .double(30),
    "ping_max_outstanding": .integer(1), "max_payload": .integer(1000),
    "max_subscriptions": .integer(4), "lame_duck_grace_seconds": .double(600),
    "write_deadline_seconds": .double(10),
  ]
  private static let subscriptions = "SUB a 1\r\nSUB q g 2\r\nSUB me.> 3\r\n"

  let rig: NATSRig
  let witness: TestClient
  let client: TestClient
  private let state: TableState
  private let session: NATSSession?

  init(_ state: TableState) throws {
    self.state = state
    self.rig = try NATSRig(settings: Self.settings) {
      guard state != .anonymous else { return }
      $0.add("u")
      $0.add("witness")
    }
    self.witness = try self.rig.client(#"{"verbose":false,"user":"witness","pass":"pw"}"#)
    self.client = try self.rig.client(nil)
    self.session = self.client.session
    switch state {
    case .awaitingConnect: break
    case .anonymous: self.client.send(Self.subscriptions)
    case .authenticating:
      self.rig.authenticator.isSlow = true
      self.connect(protocolVersion: 0)
    case .serving, .verbose, .pedantic, .pinged, .lameDuck, .closing, .closed:
      self.connect(protocolVersion: 1)
      self.client.send("PING\r\n")
      self.passIdly(seconds: 3)
      self.client.send("PONG\r\n")
    }
    switch state {
    case .pinged: self.passIdly(seconds: 31)
    case .lameDuck: self.rig.frontEnd.drain {}
    case .closing: self.client.send("NOPE\r\n")
    case .closed: self.client.disconnect()
    default: break
    }
    _ = self.client.received()
    #expect(self.client.isEnded == (state == .closing || state == .closed))
  }

  private func connect(protocolVersion: Int) {
    self.client.send(
      #"CONNECT {"user":"u","pass":"pw","headers":true,"no_responders":true,"#
        + #""verbose":\#(self.state == .verbose),"pedantic":\#(self.state == .pedantic),"#
        + #""protocol":\#(protocolVersion)}"# + "\r\n" + Self.subscriptions)
  }

  /// Time passes, from one timer to the next; the witness answers its PINGs.
  private func passIdly(seconds: Double) {
    let end = self.rig.engine.now + Int64(seconds * 1_000_000_000)
    while let next = self.rig.engine.timers.fireDue(), next < end {
      self.rig.engine.advance(to: next)
      self.rig.eventLoop.run()
    }
    self.rig.engine.advance(to: end)
    _ = self.rig.engine.timers.fireDue()
    self.rig.eventLoop.run()
    self.witness.send("PONG\r\n")
  }

  // MARK: Events

  func happen(_ event: TableEvent) {
    if let words = event.words {
      self.client.send(words)
      return
    }
    switch event {
    case .delivery: self.witness.send("PUB a 1\r\nx\r\n")
    case .authenticated: self.answerAuthentication(refusing: false)
    case .refused: self.answerAuthentication(refusing: true)
    case .authenticationTime: self.passIdly(seconds: 1.1)
    case .pingTime: self.passIdly(seconds: 31)
    case .inputClosed:
      self.client.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    case .reset: self.client.disconnect()
    case .readError: self.client.channel.pipeline.fireErrorCaught(ChannelError.alreadyClosed)
    case .overflow: self.session?.outputOverflowed()
    case .writeDeadline: self.session?.outputTimedOut()
    case .kicked: self.session?.evict(.operatorRequest)
    case .drain: self.rig.frontEnd.drain {}
    case .reload: self.reload()
    case .reloadWithoutUser:
      self.rig.authenticator.users["u"] = nil
      self.reload()
    default: Issue.record("\(event) is not brought about")
    }
    self.rig.eventLoop.run()
  }

  private func answerAuthentication(refusing: Bool) {
    self.rig.authenticator.refusesAll = refusing
    let waiting = self.rig.authenticator.waiting
    self.rig.authenticator.waiting = []
    for answer in waiting { answer() }
    self.rig.authenticator.refusesAll = false
    self.rig.eventLoop.run()
  }

  private func reload() {
    var values: [String: SettingValue] = [:]
    for setting in NATSServer.settings.settings { values[setting.key] = setting.defaultValue }
    values.merge(Self.settings) { _, own in own }
    #expect(throws: Never.self) {
      try self.rig.frontEnd.reload(values: SettingsValues(path: "nats", checked: values))
    }
  }

  // MARK: Checks

  func check(_ expected: TableAnswer, _ event: TableEvent) {
    let said = self.client.received()
    let pair: Comment = "\(event) in \(self.state)"
    switch expected {
    case .says(let text):
      #expect(said == text, pair)
      #expect(!self.client.isEnded, pair)
    case .saysLine(let start):
      #expect(said.hasPrefix(start) && said.hasSuffix("\r\n"), pair)
      #expect(!self.client.isEnded, pair)
    case .ends(let text):
      #expect(said == text, pair)
      #expect(self.client.isEnded, pair)
      #expect(self.session?.stage == .ended, pair)
    case .nothing:
      #expect(said == "", pair)
      #expect(self.client.isEnded, pair)
    case .later:
      #expect(said == "", pair)
      #expect(self.session?.stage == .authenticating, pair)
      self.rig.authenticator.isSlow = false
      self.answerAuthentication(refusing: false)
      guard let answer = SessionTable.answer(.serving, event), answer != .later else {
        Issue.record("\(pair) is put off for ever")
        return
      }
      self.check(answer, event)
    }
    self.checkCounts(pair)
  }

  /// What the routers count is what the sessions hold.
  private func checkCounts(_ pair: Comment) {
    let routed = self.rig.engine.tenants.reduce(0) { $0 + $1.router.subscriptionCount }
    let held = self.rig.frontEnd.sessions.values
      .filter { $0.stage != .ended }
      .reduce(0) { $0 + ($1.receiver?.subscriptions.count ?? 0) }
    #expect(routed == held, pair)
  }

  /// Everybody goes, and time passes until nothing is due any more.
  func leave() {
    self.rig.authenticator.isSlow = false
    self.answerAuthentication(refusing: false)
    self.client.disconnect()
    self.witness.disconnect()
    for _ in 0..<50 {
      guard let next = self.rig.engine.timers.fireDue() else { return }
      self.rig.engine.advance(to: next)
      self.rig.eventLoop.run()
    }
  }

  func checkNothingIsLeft(_ events: TableEvent...) {
    let pair: Comment = "\(events) in \(self.state)"
    #expect(self.rig.frontEnd.sessions.isEmpty, pair)
    #expect(self.rig.engine.tenants.allSatisfy { $0.router.subscriptionCount == 0 }, pair)
    #expect(self.rig.engine.memory.used == 0, pair)
    #expect(self.rig.engine.timers.fireDue() == nil, pair)
    #expect(self.rig.loop.connections.count == 0, pair)
    #expect(self.rig.loop.connections.total == 2, pair)
    // Each connection is taken leave of exactly once.
    #expect(self.rig.frontEnd.closedConnections.all.count == 2, pair)
    #expect(self.client.connection.pendingBytes == 0, pair)
  }
}
