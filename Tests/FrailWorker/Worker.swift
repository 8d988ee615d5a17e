import Foundation
import Godwit
import GodwitMQTT
import GodwitNATS
import Logging
import Synchronization

/// A program that publishes, or works on messages, until it ends itself at the step it was told:
/// `FrailWorker URL TOPIC STEP`. It prints a line for each thing it does.
@main
struct Worker {
  private let broker: Broker
  private let topic: Topic<String>
  private let step: Step
  private let subscription: Holder

  /// The subscription that a drain is asked of: it is made after its driver.
  private final class Holder: Sendable {
    let subscription = Mutex<Subscription?>(nil)
  }

  static func main() async throws {
    let words = CommandLine.arguments
    guard words.count == 4, let step = Step(rawValue: words[3]) else {
      throw GodwitError(.invalidArgument, "FrailWorker URL TOPIC STEP")
    }
    try await Worker(url: words[1], topic: words[2], step: step).run()
  }

  private init(url: String, topic: String, step: Step) throws {
    let holder = Holder()
    let drivers: DriverRegistry = [.nats, .mqtt]
    let driver = FrailDriver(inner: try drivers.driver(for: [url]), step: step) {
      holder.subscription.withLock { $0?.stop() }
    }
    var codecs = CodecRegistry.defaults
    if step == .decoding { codecs.register(FrailCodec()) }
    self.broker = Broker(
      driver, codecs: codecs, middleware: step == .middleware ? [FrailMiddleware()] : [],
      logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() })
    self.topic = Topic<String>(topic, contentType: "application/json")
    self.step = step
    self.subscription = holder
  }

  private func run() async throws {
    try await self.broker.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.broker.run() }
      try await self.work()
      group.cancelAll()
    }
  }

  private func work() async throws {
    switch self.step {
    case .beforePublish, .publishing, .published:
      Self.say("publishing")
      try await self.broker.publish("work", to: self.topic)
      Self.say("confirmed")
    case .requested:
      _ = try await self.broker.request("work", to: self.topic, expecting: String.self)
    case .gathering, .batch:
      try await self.consume(
        Subscription(
          batchesOf: self.topic, on: self.broker, id: "worker",
          batch: .init(size: 2, within: .seconds(600))
        ) { _ in Death.come() })
    case .answering:
      try await self.consume(
        Subscription(answering: self.topic, on: self.broker, id: "worker") { _ -> String in
          Death.come()
        })
    default:
      try await self.consume(
        Subscription(
          to: self.topic, on: self.broker, id: "worker",
          options: .init(prefetch: self.step == .settled ? 1 : nil)
        ) { delivery in
          Self.say("handled \(delivery.payload)")
          return try await self.outcome(of: delivery)
        })
    }
  }

  private func consume(_ subscription: Subscription) async throws {
    self.subscription.subscription.withLock { $0 = subscription }
    try await subscription.start()
    Self.say("ready")
    try await subscription.run()
  }

  private func outcome(of delivery: Delivery<String>) async throws -> Outcome {
    switch (self.step, delivery.payload) {
    case (.handler, _), (.waiting, "last"), (.settled, "next"):
      Death.come()
    case (.waiting, _):
      return .retry(after: .seconds(600))
    case (.draining, _):
      try await Task.sleep(for: .seconds(600))
      return .ack
    case (_, "bad"):
      return .reject(reason: "it is bad")
    default:
      return .ack
    }
  }

  /// Prints a line at once: what waits in a buffer dies with the process.
  private static func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }
}
