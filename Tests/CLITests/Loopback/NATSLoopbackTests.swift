import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import NATSFrontEnd
import NATSWire
import NIOCore
import Testing

@testable import GodwitCLI

/// Our NATS client against our NATS server, bytes cut anywhere, from a seed.
@Suite struct NATSLoopbackTests {
  private static let url = "nats://127.0.0.1:4222"
  static let seeds = (1...12).map { FuzzEffort.seed($0) }

  private func rig(_ seed: UInt64) throws -> LoopbackRig {
    try LoopbackRig(NATSServer.self, seed: seed)
  }

  /// Everything published arrives once, in its publisher's order, with all that belongs to it.
  @Test(arguments: seeds)
  func whatIsPublishedArrivesInOrderOnceAndWhole(_ seed: UInt64) throws {
    let rig = try self.rig(seed)
    let clients = try (0..<4).map { _ in try rig.client(Self.url) }
    let patterns = ["p.>", "p.*.even", "p.0.*", "p.1.odd"]
    for (client, pattern) in zip(clients, patterns) {
      let number = try client.subscribe(pattern)
      try rig.settle()
      #expect(client.takeEvents() == [.subscribed(number)], rig.comment)
    }
    var sent: [OutgoingMessage] = []
    for number in 0..<FuzzEffort.rounds(150) {
      let publisher = rig.pick(clients.count)
      let subject = "p.\(publisher).\(number % 2 == 0 ? "even" : "odd")"
      let message = Self.message(subject, number, rig)
      #expect(try clients[publisher].publish(message), rig.comment)
      sent.append(message)
      for _ in 0..<rig.pick(6) { try rig.stir() }
    }
    for client in clients { client.flush() }
    try rig.settle()
    for (client, pattern) in zip(clients, patterns) {
      #expect(client.takeEvents() == [.flushed], rig.comment)
      let received = client.takeMessages()
      for publisher in clients.indices {
        let start = "p.\(publisher)."
        let wanted = sent.filter {
          let topic = String(buffer: $0.topic)
          return topic.hasPrefix(start) && Self.matches(pattern, topic)
        }
        #expect(
          received.filter { $0.topic.hasPrefix(start) } == wanted.map(Self.expected), rig.comment)
      }
    }
    self.checkNothingIsLeft(rig)
  }

  private static func matches(_ pattern: String, _ topic: String) -> Bool {
    let wanted = pattern.split(separator: ".")
    let words = topic.split(separator: ".")
    return zip(wanted, words).allSatisfy { $0 == ">" || $0 == "*" || $0 == $1 }
  }

  /// A message with whatever NATS can carry; sometimes larger than what receivers share.
  private static func message(_ subject: String, _ number: Int, _ rig: LoopbackRig)
    -> OutgoingMessage
  {
    let size = rig.pick(25) == 0 ? 30_000 + rig.pick(60_000) : rig.pick(300)
    var payload = ByteBuffer(string: "\(number)\r\n")
    payload.writeBytes((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
    var message = OutgoingMessage(topic: subject, payload: payload)
    if rig.pick(2) == 0 { message.reply = ByteBuffer(string: "answers.\(number)") }
    if rig.pick(2) == 0 {
      let values = ["", "v", "two words", "a: b", "ünïcode", "NATS/1.0"]
      message.headers = (0...rig.pick(4)).map {
        MessageHeader(["Key", "key", "x-\($0)"][rig.pick(3)], values[rig.pick(values.count)])
      }
    }
    if rig.pick(4) == 0 { message.contentType = "text/plain" }
    if rig.pick(4) == 0 { message.expirySeconds = UInt32(rig.pick(100_000)) }
    if rig.pick(4) == 0 { message.correlation = ByteBuffer(string: "c\(number)") }
    return message
  }

  private static func expected(_ sent: OutgoingMessage) -> IncomingMessage {
    var message = IncomingMessage()
    message.subscription = 1
    message.topic = String(buffer: sent.topic)
    message.payload = sent.payload
    message.headers = sent.headers
    message.reply = sent.reply.map { String(buffer: $0) }
    message.correlation = sent.correlation
    message.contentType = sent.contentType
    message.expirySeconds = sent.expirySeconds
    return message
  }

  /// A subscription that ends with its nth message gets n, also when it is told in between.
  @Test(arguments: seeds)
  func aNumberOfMessagesIsExact(_ seed: UInt64) throws {
    let rig = try self.rig(seed)
    let reader = try rig.client(Self.url)
    let publisher = try rig.client(Self.url)
    var limits: [Int] = []
    for _ in 0..<5 { limits.append(1 + rig.pick(30)) }
    for limit in limits {
      let number = try reader.subscribe("a.>")
      reader.say {
        NATSEncoder.unsubscribe(sid: String(number).utf8, messagesMax: limit, into: &$0)
      }
    }
    try rig.settle()
    for number in 0..<40 {
      try publisher.publish(
        OutgoingMessage(topic: "a.b", payload: ByteBuffer(string: String(number))))
      for _ in 0..<rig.pick(4) { try rig.stir() }
    }
    try rig.settle()
    let received = reader.takeMessages()
    for (index, limit) in limits.enumerated() {
      let own = received.filter { $0.subscription == index + 1 }
      #expect(own.map { String(buffer: $0.payload) } == (0..<limit).map(String.init), rig.comment)
    }
    self.checkNothingIsLeft(rig)
  }

  /// Requests are answered each by one member of the group, and told where nobody answers.
  @Test(arguments: seeds)
  func requestsAreAnsweredOrRefused(_ seed: UInt64) throws {
    let rig = try self.rig(seed)
    let responders = try (0..<3).map { _ in try rig.client(Self.url) }
    let asker = try rig.client(Self.url)
    for responder in responders { _ = try responder.subscribe("service.*", group: "g") }
    _ = try asker.subscribe("_INBOX.me.*")
    try rig.settle()
    var answered = 0
    for number in 0..<60 {
      let topic = number % 3 == 0 ? "nobody.\(number)" : "service.\(number)"
      var request = OutgoingMessage(topic: topic, payload: ByteBuffer(string: "\(number)?"))
      request.reply = ByteBuffer(string: "_INBOX.me.\(number)")
      try asker.publish(request)
      for _ in 0..<rig.pick(8) { try rig.stir() }
      answered += try self.answer(responders)
    }
    while true {
      try rig.settle()
      let more = try self.answer(responders)
      guard more > 0 else { break }
      answered += more
    }
    #expect(answered == 40, rig.comment)
    let answers = asker.takeMessages()
    #expect(answers.count == 60, rig.comment)
    for number in 0..<60 {
      let own = answers.filter { $0.topic == "_INBOX.me.\(number)" }
      #expect(own.count == 1, rig.comment)
      if number % 3 == 0 {
        #expect(own.first?.status == 503, rig.comment)
        #expect(
          own.first?.headers == [MessageHeader("Nats-Subject", "nobody.\(number)")], rig.comment)
      } else {
        #expect(own.first?.status == nil, rig.comment)
        #expect(own.first?.payload == ByteBuffer(string: "\(number)!"), rig.comment)
      }
    }
    self.checkNothingIsLeft(rig)
  }

  /// Has responders answer what has come to them.
  private func answer(_ responders: [LoopbackClient]) throws -> Int {
    var count = 0
    for responder in responders {
      for request in responder.takeMessages() {
        let text = String(buffer: request.payload).replacing("?", with: "!")
        try responder.publish(
          OutgoingMessage(topic: request.reply ?? "lost", payload: ByteBuffer(string: text)))
        count += 1
      }
    }
    return count
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
