import Godwit

/// What a customer has ordered.
struct Order: Codable, Hashable, Sendable {
  var id: Int
  var cents: Int
}

/// What the customer pays.
struct Invoice: Codable, Hashable, Sendable {
  var order: Int
  var cents: Int
}

/// A service that bills orders. It is given its broker, and does not know which one it is.
struct Billing: Sendable {
  static let created = Topic<Order>("orders.created")
  static let billed = Topic<Invoice>("orders.billed")

  let subscription: Subscription

  init(on broker: Broker) {
    self.subscription = Subscription(to: Self.created, on: broker, group: "billing") { order in
      guard order.payload.cents > 0 else { return .reject(reason: "an order for nothing") }
      let invoice = Invoice(order: order.payload.id, cents: order.payload.cents)
      try await broker.publish(invoice, to: Self.billed)
      return .ack
    }
  }
}
