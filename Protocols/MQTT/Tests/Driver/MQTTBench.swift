import Godwit
import GodwitDriverKit
import MQTTWire
import NIOCore

@testable import GodwitMQTT

/// A client machine, what it says and what it reports.
struct MQTTBench {
  var machine: MQTTClientMachine
  var events: [String] = []
  /// Tokens by their numbers: what is above the identifier that they end with.
  var tokens: [UInt64: UInt64] = [:]
  let version: MQTTVersion

  init(
    prefetch: Int? = nil, nonce: String = "nonce",
    _ change: (inout MQTTSettings) -> Void = { _ in }
  ) throws {
    var settings = try MQTTSettings(url: "mqtt://h")
    change(&settings)
    let plan =
      if let prefetch { settings.subscribingPlan(clientID: "c", prefetch: prefetch) } else {
        try settings.publishingPlan(clientID: "c")
      }
    self.version = plan.version
    self.machine = MQTTClientMachine(plan: plan) { nonce }
  }

  /// A machine that was let in.
  static func connected(
    prefetch: Int? = nil, properties: MQTTProperties = MQTTProperties(),
    _ change: (inout MQTTSettings) -> Void = { _ in }
  ) throws -> Self {
    var bench = try Self(prefetch: prefetch, change)
    _ = bench.begin()
    _ = try bench.hear(.connack(MQTTConnack(code: 0, properties: properties)))
    bench.events = []
    return bench
  }

  /// A machine whose subscription 1 to `t` stands.
  static func subscribed(
    prefetch: Int, _ change: (inout MQTTSettings) -> Void = { _ in }
  ) throws -> Self {
    var bench = try Self(prefetch: prefetch, change)
    let qos = bench.machine.plan.sessionExpiry == 0 ? MQTTQoS.atMostOnce : .exactlyOnce
    _ = try bench.subscribe(1, "t", qos)
    _ = bench.begin()
    _ = try bench.hear(.connack(MQTTConnack(code: 0)))
    _ = try bench.hear(
      .suback(MQTTSuback(packetID: 1, reasons: [MQTTReasonCode(rawValue: qos.rawValue)])))
    bench.events = []
    return bench
  }

  mutating func begin() -> [MQTTPacket] {
    self.turn { machine, out, _ in machine.begin(into: &out) }
  }

  /// What the machine answers to the server's packets.
  mutating func hear(_ packets: MQTTPacket...) throws -> [MQTTPacket] {
    var input = ByteBuffer()
    for packet in packets { MQTTEncoder.encode(packet, self.version, into: &input) }
    return try self.hear(bytes: input)
  }

  mutating func hear(bytes: ByteBuffer) throws -> [MQTTPacket] {
    var input = bytes
    var failure: GodwitError?
    let said = self.turn { machine, out, events in
      do throws(GodwitError) {
        try machine.receive(&input, into: &out, events: &events)
      } catch {
        failure = error
      }
    }
    if let failure { throw Ending(error: failure, said: said) }
    return said
  }

  /// The end of a connection, with the machine's last words.
  struct Ending: Error {
    var error: GodwitError
    var said: [MQTTPacket]
  }

  mutating func publish(_ token: UInt64?, _ topics: String..., qos: Int = 1) throws -> [MQTTPacket]
  {
    var settings = try MQTTSettings(url: "mqtt://h")
    settings.version = self.version == .v5 ? .v5 : .v311
    settings.usesEnvelope = false
    settings.qos = MQTTSettings.QualityOfService(rawValue: qos) ?? .atLeastOnce
    let messages = try topics.map {
      try Message(topic: $0, body: ByteBuffer(string: "b")).outgoing(
        settings, named: MQTTNameCache())
    }
    return self.turn { machine, out, events in
      machine.publish(messages, token: token, into: &out, events: &events)
    }
  }

  mutating func subscribe(
    _ number: UInt64, _ pattern: String, _ qos: MQTTQoS, group: String? = nil
  ) throws -> [MQTTPacket] {
    let interest = MQTTInterest(
      filter: try MQTTNames.filter(pattern, group: group), pattern: pattern, qos: qos,
      retainHandling: .sendIfNew, isSettled: true, isShared: group != nil)
    return self.turn { machine, out, events in
      machine.subscribe(number, interest, into: &out, events: &events)
    }
  }

  mutating func unsubscribe(_ number: UInt64) -> [MQTTPacket] {
    self.turn { machine, out, events in
      machine.unsubscribe(number, into: &out, events: &events)
    }
  }

  mutating func settle(_ number: UInt64, isDone: Bool = true) -> [MQTTPacket] {
    let token = self.tokens[number] ?? 0
    return self.turn { machine, out, _ in machine.settle(token, isDone: isDone, into: &out) }
  }

  mutating func prove() -> [MQTTPacket] {
    self.turn { machine, out, events in machine.reauthenticate(into: &out, events: &events) }
  }

  mutating func leave() -> [MQTTPacket] {
    self.turn { machine, out, events in machine.leave(into: &out, events: &events) }
  }

  /// The connection breaks, and another is let in.
  mutating func reconnect(sessionPresent: Bool) throws -> [MQTTPacket] {
    self.end()
    _ = self.begin()
    return try self.hear(.connack(MQTTConnack(sessionPresent: sessionPresent, code: 0)))
  }

  mutating func end() {
    _ = self.turn { machine, _, events in machine.end(events: &events) }
  }

  mutating func abandon(_ error: GodwitError) {
    _ = self.turn { machine, _, events in machine.abandon(error, events: &events) }
  }

  /// What a step has the machine say.
  mutating func turn(
    _ step: (inout MQTTClientMachine, inout ByteBuffer, inout [MQTTClientMachine.Event]) -> Void
  ) -> [MQTTPacket] {
    var out = ByteBuffer()
    var events: [MQTTClientMachine.Event] = []
    step(&self.machine, &out, &events)
    for event in events {
      self.events.append(Self.words(event))
      if case .delivered(_, let incoming, _) = event {
        self.tokens[incoming.token >> 16] = incoming.token
      }
    }
    var decoder = MQTTDecoder(version: self.version)
    var said: [MQTTPacket] = []
    while let packet = try? decoder.decode(&out) { said.append(packet) }
    return said
  }

  private static func words(_ event: MQTTClientMachine.Event) -> String {
    switch event {
    case .published(let token, let receivers):
      "published \(token) \(receivers.map { $0.map(String.init) ?? "?" }.joined(separator: " "))"
    case .publishFailed(let token, let error): "failed \(token) \(error.code)"
    case .subscriptionRefused(let number, let error): "refused \(number) \(error.code)"
    case .subscriptionLost(let number, let error): "lost \(number) \(error.code)"
    case .delivered(let number, let incoming, let isKept):
      "delivered \(number) \(incoming.message.topic) \(incoming.token >> 16)"
        + "\(isKept ? "" : " unkept")"
    case .warned: "warned"
    default: "\(event)"
    }
  }
}

extension MQTTPacket {
  /// The packet in a few words.
  var words: String {
    switch self {
    case .publish(let publish):
      "PUBLISH \(publish.packetID)\(publish.duplicate ? " dup" : "") "
        + String(buffer: publish.topic)
        + (publish.properties.number(.topicAlias).map { " =\($0)" } ?? "")
    case .puback(let answer): "PUBACK \(answer.packetID)"
    case .pubrec(let answer): "PUBREC \(answer.packetID)"
    case .pubrel(let answer): "PUBREL \(answer.packetID) \(answer.reason.rawValue)"
    case .pubcomp(let answer): "PUBCOMP \(answer.packetID) \(answer.reason.rawValue)"
    case .subscribe(let subscribe):
      "SUBSCRIBE \(subscribe.packetID) "
        + subscribe.requests.map { String(buffer: $0.filter) }.joined(separator: " ")
    case .disconnect(let farewell): "DISCONNECT \(farewell.reason.rawValue)"
    default: "\(self.type)"
    }
  }

  /// A message from a server, on `t`.
  static func message(
    _ id: UInt16, _ qos: MQTTQoS = .atLeastOnce, isRepeated: Bool = false
  ) -> MQTTPacket {
    .publish(
      MQTTPublish(
        topic: ByteBuffer(string: "t"), payload: ByteBuffer(string: "b"), qos: qos, packetID: id,
        duplicate: isRepeated))
  }

  static func acknowledged(_ id: UInt16, _ reason: MQTTReasonCode = .success) -> MQTTPacket {
    .puback(MQTTAcknowledgement(packetID: id, reason: reason))
  }
}
