import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import MQTTFrontEnd
import MQTTWire
import NIOCore
import Testing

@testable import GodwitCLI

/// Our MQTT client against our MQTT server, bytes cut anywhere, from a seed.
@Suite struct MQTTLoopbackTests {
  private static let url = "mqtt://127.0.0.1:1883"
  static let seeds = (1...8).map { FuzzEffort.seed($0) }
  static let versions: [MQTTVersion] = [.v311, .v5]

  private func client(_ rig: LoopbackRig, _ version: MQTTVersion) throws -> LoopbackClient {
    try rig.client(Self.url) { $0.mqttVersion = version }
  }

  /// Everything published arrives once, with all that belongs to it, and in its publisher's order
  /// among messages of its QoS.
  @Test(arguments: seeds, versions)
  func whatIsPublishedArrivesOnceAndWhole(_ seed: UInt64, _ version: MQTTVersion) throws {
    let rig = try LoopbackRig(MQTTServer.self, seed: seed)
    let clients = try (0..<4).map { _ in try self.client(rig, version) }
    let filters = ["p/#", "p/+/even", "p/0/+", "p/1/odd"]
    for (client, filter) in zip(clients, filters) {
      let number = try client.subscribe(SubscriptionRequest(pattern: filter, qos: .exactlyOnce))
      try rig.settle()
      #expect(client.takeEvents() == [.subscribed(number)], rig.comment)
    }
    var sent: [OutgoingMessage] = []
    for number in 0..<FuzzEffort.rounds(120) {
      let publisher = rig.pick(clients.count)
      let topic = "p/\(publisher)/\(number % 2 == 0 ? "even" : "odd")"
      let message = Self.message(topic, number, rig, version)
      while !(try clients[publisher].publish(message)) { try rig.stir() }
      sent.append(message)
      for _ in 0..<rig.pick(6) { try rig.stir() }
    }
    try rig.settle()
    for (client, filter) in zip(clients, filters) {
      let received = client.takeMessages()
      let wanted = sent.filter { Self.matches(filter, String(buffer: $0.topic)) }
      #expect(received.count == wanted.count, rig.comment)
      for publisher in clients.indices {
        for qos in [MQTTQoS.atMostOnce, .atLeastOnce, .exactlyOnce] {
          let start = "p/\(publisher)/"
          #expect(
            received.filter { $0.topic.hasPrefix(start) && $0.qos == qos }
              == wanted.filter { String(buffer: $0.topic).hasPrefix(start) && $0.qos == qos }
              .map(Self.expected), rig.comment)
        }
      }
    }
    self.checkSettlements(clients, sent, version, rig)
    self.checkNothingIsLeft(rig)
  }

  /// Every message that wanted an answer got one.
  private func checkSettlements(
    _ clients: [LoopbackClient], _ sent: [OutgoingMessage], _ version: MQTTVersion,
    _ rig: LoopbackRig
  ) {
    let settled = clients.flatMap { $0.takeEvents() }
    #expect(settled.count == sent.count { $0.qos != .atMostOnce }, rig.comment)
    #expect(settled.allSatisfy { $0 == .settled(.accepted) }, rig.comment)
  }

  private static func matches(_ filter: String, _ topic: String) -> Bool {
    let wanted = filter.split(separator: "/")
    let levels = topic.split(separator: "/")
    return zip(wanted, levels).allSatisfy { $0 == "#" || $0 == "+" || $0 == $1 }
  }

  /// A message with whatever its version can carry.
  private static func message(
    _ topic: String, _ number: Int, _ rig: LoopbackRig, _ version: MQTTVersion
  ) -> OutgoingMessage {
    let size = rig.pick(25) == 0 ? 30_000 + rig.pick(60_000) : rig.pick(300)
    var payload = ByteBuffer(string: "\(number)\r\n")
    payload.writeBytes((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
    var message = OutgoingMessage(topic: topic, payload: payload)
    message.qos = [.atMostOnce, .atLeastOnce, .exactlyOnce][rig.pick(3)]
    guard version == .v5 else { return message }
    if rig.pick(2) == 0 { message.reply = ByteBuffer(string: "answers/\(number)") }
    if rig.pick(2) == 0 {
      let values = ["", "v", "two words", "a: b", "ünïcode"]
      message.headers = (0...rig.pick(4)).map {
        MessageHeader(["Key", "key", "x-\($0)"][rig.pick(3)], values[rig.pick(values.count)])
      }
    }
    if rig.pick(4) == 0 { message.contentType = "text/plain" }
    if rig.pick(4) == 0 { message.expirySeconds = UInt32(1 + rig.pick(100_000)) }
    if rig.pick(4) == 0 {
      message.correlation = ByteBuffer(bytes: [0, 0xFF, UInt8(rig.pick(256))])
    }
    return message
  }

  private static func expected(_ sent: OutgoingMessage) -> IncomingMessage {
    var message = IncomingMessage()
    message.topic = String(buffer: sent.topic)
    message.payload = sent.payload
    message.headers = sent.headers
    message.reply = sent.reply.map { String(buffer: $0) }
    message.correlation = sent.correlation
    message.contentType = sent.contentType
    message.expirySeconds = sent.expirySeconds
    message.qos = sent.qos
    return message
  }

  /// Requests of 5.0 are answered each by one member of a shared subscription, with their
  /// correlation data.
  @Test(arguments: seeds)
  func requestsAreAnsweredOnce(_ seed: UInt64) throws {
    let rig = try LoopbackRig(MQTTServer.self, seed: seed)
    let responders = try (0..<3).map { _ in try self.client(rig, .v5) }
    let asker = try self.client(rig, .v5)
    for responder in responders {
      _ = try responder.subscribe(
        SubscriptionRequest(pattern: "service/+", group: "g", qos: .atLeastOnce))
    }
    _ = try asker.subscribe(SubscriptionRequest(pattern: "answers", qos: .atLeastOnce))
    try rig.settle()
    for number in 0..<40 {
      var request = OutgoingMessage(
        topic: "service/\(number)", payload: ByteBuffer(string: "\(number)?"))
      request.reply = ByteBuffer(string: "answers")
      request.correlation = ByteBuffer(string: "c\(number)")
      request.qos = .atLeastOnce
      while !(try asker.publish(request)) { try rig.stir() }
      for _ in 0..<rig.pick(8) { try rig.stir() }
      _ = try self.answer(responders, rig)
    }
    repeat { try rig.settle() } while try self.answer(responders, rig)
    let answers = asker.takeMessages()
    #expect(answers.count == 40, rig.comment)
    for number in 0..<40 {
      let own = answers.filter { $0.correlation == ByteBuffer(string: "c\(number)") }
      #expect(own.map(\.payload) == [ByteBuffer(string: "\(number)!")], rig.comment)
    }
    self.checkNothingIsLeft(rig)
  }

  /// Has responders answer what has come to them.
  ///
  /// - Returns: whether there was anything.
  private func answer(_ responders: [LoopbackClient], _ rig: LoopbackRig) throws -> Bool {
    var hasAnswered = false
    for responder in responders {
      for request in responder.takeMessages() {
        let text = String(buffer: request.payload).replacing("?", with: "!")
        var answer = OutgoingMessage(
          topic: request.reply ?? "lost", payload: ByteBuffer(string: text))
        answer.correlation = request.correlation
        answer.qos = .atLeastOnce
        while !(try responder.publish(answer)) { try rig.stir() }
        hasAnswered = true
      }
    }
    return hasAnswered
  }

  /// When everybody has gone nothing of them is left.
  private func checkNothingIsLeft(_ rig: LoopbackRig) {
    for client in rig.clients {
      #expect(client.connection.pendingBytes == 0, rig.comment)
      client.disconnect()
    }
    #expect(rig.loop.connections.count == 0, rig.comment)
    #expect(rig.loop.engine.memory.used == 0, rig.comment)
    #expect(
      rig.loop.engine.tenants.allSatisfy { $0.router.subscriptionCount == 0 }, rig.comment)
  }
}
