import Godwit
import GodwitEmbedded
import Logging
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct AppTests {
  struct Broken: Error {}

  /// Ends when a subscription has settled a message.
  struct EndsAfter: Service {
    let subscription: Subscription
    func run() async throws {
      while self.subscription.progress.settled == 0 { await Task.yield() }
    }
  }

  struct Other: Error {}

  struct Fails: Service {
    func run() async throws { throw Broken() }
  }

  @Test func startsServesDrainsAndStops() async throws {
    let broker = Broker.embedded()
    let events = Collector<String>()
    let subscription = Subscription(to: Topic<String>("t"), on: broker) { delivery in
      events.add(delivery.payload)
      return .ack
    }
    let app = App("test", logger: .quiet) {
      broker
      subscription
      EndsAfter(subscription: subscription)
    }
    .on(.beforeStart) { events.add("before") }
    .on(.afterStart) {
      events.add("after")
      try await broker.publish("hello", to: Topic<String>("t"))
    }
    .on(.beforeStop) {
      #expect(broker.state.isConnected && subscription.progress.settled == 1)
      events.add("stopping")
    }
    .on(.afterStop) { events.add("stopped") }
    // A service that ends begins the shutdown of all others.
    try await app.run()
    #expect(events.values == ["before", "after", "hello", "stopping", "stopped"])
    #expect(subscription.progress.settled == 1)
  }

  @Test func anErrorOfTheStartIsWhatRunThrows() async throws {
    let broker = Broker.embedded()
    let app = App("test") {
      broker
      Subscription(to: TopicPattern<String>(">"), on: broker) { _ in .ack }
    }
    let code = await failureCode { try await app.run() }
    #expect(code == .invalidArgument)
    let hooked = App("test") { broker }.on(.beforeStart) { throw Broken() }
    await #expect(throws: Broken.self) { try await hooked.run() }
  }

  @Test func aFailureIsThrownAfterTheEnd() async throws {
    let broker = Broker.embedded()
    let events = Collector<String>()
    let app = App("test", logger: .quiet) {
      broker
      Fails()
    }
    .on(.beforeStop) { events.add("stopping") }
    .on(.afterStop) {
      events.add("stopped")
      throw Other()
    }
    await #expect(throws: Broken.self) { try await app.run() }
    #expect(events.values == ["stopping", "stopped"])
    #expect(broker.state.description == "closed")
  }

  @Test func whatHadStartedIsStoppedWhenTheStartFails() async throws {
    let broker = Broker.embedded()
    let subscription = Subscription(to: Topic<String>("t"), on: broker) { _ in .ack }
    let app = App("test", logger: .quiet) {
      broker
      subscription
    }
    .on(.afterStart) { throw Broken() }
    await #expect(throws: Broken.self) { try await app.run() }
    #expect(broker.state.description == "closed")
  }
}

extension Logger {
  fileprivate static var quiet: Logger { Logger(label: "t") { _ in SwiftLogNoOpLogHandler() } }
}
