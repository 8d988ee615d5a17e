import Godwit
import NIOCore

/// The workloads over a server, as a program on the framework would write them. The other end is
/// `framework-peer` over NATS, and `mqtt-peer` over MQTT, whose topics are those of `Peer`.
struct BrokerLoads {
  let broker: Broker
  let arguments: Arguments
  let data = Topic<ByteBuffer>("bench.data")

  private var payload: ByteBuffer { ByteBuffer(repeating: 0x78, count: self.arguments.size) }
  private var warmUp: Int { max(1, self.arguments.messages / 10) }

  /// What the peer at the other end listens to.
  enum Peer {
    /// Feeds `bench.data`: messages, bytes, headers, and the QoS of MQTT.
    static let feed = Topic<String>("bench.feed")
    /// So many more may be fed.
    static let credit = Topic<ByteBuffer>("bench.credit")
    /// Answers with what it was sent.
    static let ask = Topic<ByteBuffer>("bench.ask")
    /// Requests `bench.answer`: messages, bytes, headers; says `bench.done` at the end.
    static let drive = Topic<String>("bench.drive")
    static let done = Topic<ByteBuffer>("bench.done")
    /// A credit stands for as many messages over NATS, and over MQTT, where servers hold less.
    static let steps = (nats: 4_096, mqtt: 1_024)
    static let inFlight = 64
    /// The most messages taken and not settled over MQTT, whose servers know the number.
    static let prefetch = 100
  }

  /// Publishes and waits for none, then for one confirmation behind all.
  func send() async throws {
    try await self.send(self.warmUp)
    let meter = Meter()
    try await self.send(self.arguments.messages)
    meter.report(messages: self.arguments.messages)
  }

  private func send(_ count: Int) async throws {
    let payload = self.payload
    for _ in 0..<count {
      do {
        try await self.broker.send(payload, to: self.data)
      } catch {
        guard error.code == .overloaded else { throw error }
        try await self.broker.publish(payload, to: self.data)
      }
    }
    try await self.broker.publish(payload, to: self.data)
  }

  /// Publishes a hundred at a time and waits for their confirmation.
  func publish() async throws {
    try await self.publish(self.warmUp)
    let meter = Meter()
    try await self.publish(self.arguments.messages)
    meter.report(messages: self.arguments.messages)
  }

  private func publish(_ count: Int) async throws {
    let batch = Array(repeating: self.payload, count: 100)
    for _ in 0..<max(1, count / batch.count) {
      try await self.broker.publish(contentsOf: batch, to: self.data)
    }
  }

  /// Handles what the peer feeds.
  func consume() async throws {
    let tally = Tally()
    let broker = self.broker
    let isMQTT = self.arguments.scheme == "mqtt"
    let step = isMQTT ? Peer.steps.mqtt : Peer.steps.nats
    let options = SubscriptionOptions(prefetch: isMQTT ? Peer.prefetch : nil)
    let subscription = Subscription(to: self.data, on: broker, options: options) { _ in
      if tally.count() % step == 0 { try await broker.send(ByteBuffer(), to: Peer.credit) }
      return .ack
    }
    try await subscription.whileRunning {
      tally.expect(self.warmUp)
      try await self.feed(self.warmUp)
      await tally.wait()
      tally.expect(self.arguments.messages)
      let meter = Meter()
      try await self.feed(self.arguments.messages)
      await tally.wait()
      meter.report(messages: self.arguments.messages)
    }
  }

  private func feed(_ count: Int) async throws {
    try await self.broker.publish(self.order(count), to: Peer.feed)
  }

  private func order(_ count: Int) -> String {
    "\(count) \(self.arguments.size) \(self.arguments.hasHeaders ? 1 : 0) \(self.arguments.qos)"
  }

  /// Requests, 64 at a time.
  func request() async throws {
    try await self.request(self.warmUp)
    let meter = Meter()
    try await self.request(self.arguments.messages)
    meter.report(messages: self.arguments.messages)
  }

  private func request(_ count: Int) async throws {
    let payload = self.payload
    try await withThrowingDiscardingTaskGroup { group in
      for place in 0..<Peer.inFlight {
        let share = count / Peer.inFlight + (place < count % Peer.inFlight ? 1 : 0)
        group.addTask {
          for _ in 0..<share {
            _ = try await self.broker.request(
              payload, to: Peer.ask, expecting: ByteBuffer.self)
          }
        }
      }
    }
  }

  /// Answers what the peer requests.
  func answer() async throws {
    let tally = Tally()
    let answering = Subscription(
      answering: Topic<ByteBuffer>("bench.answer"), on: self.broker,
      options: SubscriptionOptions(concurrency: Peer.inFlight)
    ) { $0.payload }
    let ending = Subscription(to: Peer.done, on: self.broker) { _ in
      tally.count()
      return .ack
    }
    try await answering.whileRunning {
      try await ending.whileRunning {
        tally.expect(1)
        try await self.broker.publish(self.order(self.warmUp), to: Peer.drive)
        await tally.wait()
        tally.expect(1)
        let meter = Meter()
        try await self.broker.publish(self.order(self.arguments.messages), to: Peer.drive)
        await tally.wait()
        meter.report(messages: self.arguments.messages)
      }
    }
  }

  /// As many subscriptions at once, each of which gets one message.
  func subscriptions() async throws {
    let meter = Meter()
    let count = self.arguments.messages
    let tally = Tally()
    tally.expect(count)
    try await withThrowingDiscardingTaskGroup { group in
      for place in 0..<count {
        let subscription = Subscription(
          to: Topic<ByteBuffer>("bench.many.\(place)"), on: self.broker
        ) { _ in
          tally.count()
          return .ack
        }
        try await subscription.start()
        group.addTask { try await subscription.run() }
      }
      for place in 0..<count {
        try await self.broker.publish(
          self.payload, to: Topic<ByteBuffer>("bench.many.\(place)"))
      }
      await tally.wait()
      meter.report(messages: count)
      group.cancelAll()
    }
  }

  /// As many requests at once.
  func requests() async throws {
    let meter = Meter()
    let payload = self.payload
    try await withThrowingDiscardingTaskGroup { group in
      for _ in 0..<self.arguments.messages {
        group.addTask {
          _ = try await self.broker.request(
            payload, to: Peer.ask, expecting: ByteBuffer.self, timeout: .seconds(60))
        }
      }
    }
    meter.report(messages: self.arguments.messages)
  }
}
