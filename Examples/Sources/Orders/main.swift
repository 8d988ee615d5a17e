// A service that bills orders: typed topics, retries, and a dead-letter topic that somebody reads.
// It ends by itself when both orders have come to their end.
import Godwit
import GodwitEmbedded
import ServiceLifecycle

struct Order: Codable, Sendable {
  var id: Int
  var cents: Int
}

struct CardReaderBusy: Error {}

let created = Topic<Order>("orders.created")
let broker = Broker.embedded()
let (ends, end) = AsyncStream.makeStream(of: String.self)

/// Ends the app after two orders; another program would have an HTTP server here.
struct UntilBothAreDone: Service {
  func run() async throws {
    var count = 0
    for await line in ends {
      print(line)
      count += 1
      if count == 2 { return }
    }
  }
}

let app = App("billing", version: "1.0.0") {
  broker
  Subscription(
    to: created, on: broker, group: "billing",
    options: .init(concurrency: 4, retry: .init(backoff: .init(initial: .milliseconds(10))))
  ) { delivery in
    guard delivery.payload.cents > 0 else { return .reject(reason: "an order for nothing") }
    // The first attempt meets a busy card reader: thrown, waited for, tried again.
    if delivery.attempt == 1 { throw CardReaderBusy() }
    end.yield("order \(delivery.payload.id) is billed, attempt \(delivery.attempt)")
    return .ack
  }
  Subscription(to: TopicPattern<Order>("dead-letter.orders.*"), on: broker, group: "support") {
    end.yield(
      "order \($0.payload.id) is dead: \($0.message.headers[DeadLetters.Header.reason] ?? "")")
    return .ack
  }
  UntilBothAreDone()
}
.on(.afterStart) {
  try await broker.publish(Order(id: 1, cents: 1_250), to: created, key: "customer-7")
  try await broker.publish(Order(id: 2, cents: 0), to: created, key: "customer-8")
}

try await app.run()
