import Godwit
import GodwitEmbedded
import Logging
import NIOCore
import ServiceLifecycle
import Testing

/// Pauses, starts and ends that come at odd moments.
@Suite(.timeLimit(.minutes(1))) struct SubscriptionLifeTests {
  private let topic = Topic<Int>("t")

  @Test func aPauseBeforeTheStartHolds() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let work = Subscription(to: self.topic, on: broker) {
        seen.add($0.payload)
        return .ack
      }
      await work.pause()
      try await work.whileRunning {
        try await broker.publish(1, to: self.topic)
        // Would be after the first.
        let other = Subscription(to: self.topic, on: broker, id: "other") { _ in .ack }
        try await other.whileRunning { try await broker.publish(2, to: self.topic) }
        #expect(seen.values.isEmpty)
        await work.resume()
        #expect(await seen.wait(for: 2) == [1, 2])
      }
    }
  }

  @Test func aSubscriptionThatHasEndedSaysSo() async throws {
    try await withEmbeddedBroker { broker in
      let work = Subscription(to: self.topic, on: broker) { _ in .ack }
      try await work.whileRunning {}
      let code = await failureCode { try await work.whileRunning {} }
      #expect(code == .closed)
    }
  }

  @Test(arguments: [
    Backoff(initial: .seconds(-1)), Backoff(max: .seconds(-1)), Backoff(factor: .nan),
    Backoff(factor: .infinity), Backoff(factor: 0.5), Backoff(max: .seconds(Int64.max)),
  ])
  func backoffsThatCannotBeAreRefused(_ backoff: Backoff) async throws {
    try await withEmbeddedBroker { broker in
      let options = SubscriptionOptions(retry: RetryPolicy(backoff: backoff))
      let work = Subscription(to: self.topic, on: broker, options: options) { _ in .ack }
      #expect(await failureCode { try await work.start() } == .invalidArgument)
    }
  }

  @Test func aNegativeDrainTimeoutIsRefused() async throws {
    try await withEmbeddedBroker { broker in
      let options = SubscriptionOptions(drainTimeout: .seconds(-1))
      let work = Subscription(to: self.topic, on: broker, options: options) { _ in .ack }
      #expect(await failureCode { try await work.start() } == .invalidArgument)
    }
  }

  /// Clocks trap on instants that are too far away; a delay may be what a peer has said.
  @Test(arguments: [false, true])
  func endlessTimesDoNotTrap(_ isOrdered: Bool) async throws {
    let forever = Duration.seconds(Int64.max)
    let broker = Broker.embedded(
      limits: .init(publishTimeout: forever),
      middleware: [TimeoutMiddleware(forever), CircuitBreakerMiddleware(openTime: forever)])
    let seen = Collector<Int>()
    let work = Subscription(
      to: self.topic, on: broker,
      options: .init(isOrderedByKey: isOrdered, drainTimeout: forever)
    ) {
      seen.add($0.payload)
      return .retry(after: forever)
    }
    let batches = Subscription(
      batchesOf: Topic<Int>("b"), on: broker, batch: .init(size: 2, within: forever)
    ) { batch in
      for delivery in batch { seen.add(delivery.payload) }
      return .all(.ack)
    }
    let asked = Topic<Int>("asked")
    let answering = Subscription(answering: asked, on: broker) { $0.payload + 1 }
    try await broker.whileRunning {
      try await work.whileRunning {
        try await batches.whileRunning {
          try await answering.whileRunning {
            let answer = try await broker.request(
              1, to: asked, expecting: Int.self, timeout: forever)
            #expect(answer == 2)
            try await broker.publish(1, to: self.topic)
            _ = await seen.wait(for: 1)
            try await broker.publish(contentsOf: [2, 3], to: Topic<Int>("b"))
            #expect(await seen.wait(for: 3) == [1, 2, 3])
          }
        }
      }
    }
  }

  // MARK: Apps

  /// Notes its start, its end, and whether it was asked to serve.
  private struct Noted: AppService {
    let events: Collector<String>
    let name: String
    var fails = false

    func start() async throws(GodwitError) {
      self.events.add("start \(self.name)")
      if self.fails { throw GodwitError(.disconnected, "no") }
    }

    func run() async throws {
      try await gracefulShutdown()
      self.events.add("end \(self.name)")
    }
  }

  private struct Ends: Service {
    func run() async throws { throw GodwitError(.overloaded, "ends") }
  }

  private let silent = Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }

  @Test func whatHasStartedIsStoppedWhenALaterStartFails() async throws {
    let broker = Broker.embedded()
    let events = Collector<String>()
    let work = Subscription(to: self.topic, on: broker, group: "g") { _ in .ack }
    let app = App("test", logger: self.silent) {
      broker
      work
      Noted(events: events, name: "bad", fails: true)
      Noted(events: events, name: "never")
    }
    #expect(await failureCode { try await app.run() } == .disconnected)
    #expect(events.values == ["start bad"])
    #expect(!work.isSubscribed)
    guard case .closed = broker.state else {
      Issue.record("the broker is \(broker.state)")
      return
    }
  }

  @Test func theEndOfAnAppThatFailedIsToldToo() async throws {
    let events = Collector<String>()
    let app = App("test", logger: self.silent) {
      Noted(events: events, name: "a")
      Ends()
    }
    .on(.afterStop) { events.add("stopped") }
    #expect(await failureCode { try await app.run() } == .overloaded)
    #expect(events.values == ["start a", "end a", "stopped"])
  }

  // MARK: One id for several

  @Test func aMessageIsKnownToOneSubscriptionOnly() async throws {
    let broker = Broker.embedded(middleware: [IdempotencyMiddleware()])
    let seen = Collector<String>()
    // One group, hence one id, for two topics; a message goes through both.
    let second = Topic<Int>("second")
    let work = Subscription(to: self.topic, on: broker, group: "billing") { delivery in
      seen.add("first")
      return .ack
    }
    let next = Subscription(to: second, on: broker, group: "billing") { _ in
      seen.add("second")
      return .ack
    }
    try await broker.whileRunning {
      try await work.whileRunning {
        try await next.whileRunning {
          let message = try Message(of: 1, to: self.topic)
          try await broker.publish(message)
          _ = await seen.wait(for: 1)
          var forwarded = message
          forwarded.topic = second.name
          try await broker.publish(forwarded)
          #expect(await seen.wait(for: 2) == ["first", "second"])
        }
      }
    }
  }

  @Test func aCircuitIsOfOneSubscription() async throws {
    let breaker = CircuitBreakerMiddleware(failuresMax: 1, window: 1, openTime: .seconds(3_600))
    let broker = Broker.embedded(middleware: [breaker])
    let seen = Collector<Int>()
    let options = SubscriptionOptions(retry: .never, deadLetters: .discard)
    let bad = Subscription(to: self.topic, on: broker, group: "publish", options: options) { _ in
      throw GodwitError(.timeout, "bad")
    }
    let good = Subscription(to: Topic<Int>("u"), on: broker, group: "publish", options: options) {
      seen.add($0.payload)
      return .ack
    }
    try await broker.whileRunning {
      try await bad.whileRunning {
        try await good.whileRunning {
          try await broker.publish(1, to: self.topic)
          while breaker.openCircuits.isEmpty { await Task.yield() }
          #expect(breaker.openCircuits == ["publish"])
          try await broker.publish(2, to: Topic<Int>("u"))
          #expect(await seen.wait(for: 1) == [2])
        }
      }
    }
  }

  /// A codec that the broker has and the check has not must not be a way around the check.
  @Test func whatTheHandlerCanReadIsValidated() async throws {
    struct Odd: Codec {
      var mediaTypes: [String] { ["application/odd"] }
      func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
        try JSONCodec().encode(value)
      }
      func decode<Value: Sendable>(
        _ type: Value.Type, from body: ByteBuffer
      ) throws(GodwitError) -> Value {
        try JSONCodec().decode(type, from: body)
      }
    }
    var codecs = CodecRegistry.defaults
    codecs.register(Odd())
    let events = TopicPattern<CloudEvent<Int>>("events.*")
    let broker = Broker.embedded(
      codecs: codecs,
      middleware: [
        ValidationMiddleware(self.topic) { if $0 < 0 { throw GodwitError(.invalidArgument, "n") } },
        ValidationMiddleware(events) {
          if ($0.data ?? 0) < 0 { throw GodwitError(.invalidArgument, "e") }
        },
      ])
    try await broker.whileRunning {
      let odd = Topic<Int>("t", contentType: "application/odd")
      #expect(await failureCode { try await broker.publish(-1, to: odd) } == .invalidArgument)
      try await broker.publish(1, to: odd)
      let topic = Topic<CloudEvent<Int>>("events.a")
      let bad = CloudEvent(source: "/s", type: "t", data: -1)
      #expect(await failureCode { try await broker.publish(bad, to: topic) } == .invalidArgument)
      try await broker.publish(CloudEvent(source: "/s", type: "t", data: 1), to: topic)
    }
  }

  @Test func whatCannotBePublishedOpensNoCircuit() async throws {
    let breaker = CircuitBreakerMiddleware(failuresMax: 1, window: 1)
    let broker = Broker.embedded(middleware: [breaker])
    try await broker.whileRunning {
      for topic in ["a..b", "*", ""] {
        let code = await failureCode { try await broker.publish(1, to: Topic<Int>(topic)) }
        #expect(code == .invalidArgument)
      }
      try await broker.publish(1, to: self.topic)
    }
  }
}

extension Message {
  fileprivate init(of number: Int, to topic: Topic<Int>) throws {
    self.init(
      topic: topic.name, body: try JSONCodec().encode(number), contentType: topic.contentType)
  }
}
