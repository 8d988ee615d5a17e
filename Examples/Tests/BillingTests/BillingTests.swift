import Godwit
import GodwitEmbedded
import Testing

// Tests of a service on the engine itself: no server, no port, no clean-up, milliseconds each.
// Every test has a broker of its own.
@testable import Billing

@Suite(.timeLimit(.minutes(1))) struct BillingTests {
  @Test func ordersAreBilled() async throws {
    try await withEmbeddedBroker { broker in
      let billing = Billing(on: broker)
      try await broker.withDeliveries(of: Billing.billed) { invoices in
        try await billing.subscription.whileRunning {
          try await broker.publish(Order(id: 7, cents: 1_250), to: Billing.created)
          let invoice = try #require(await invoices.first { _ in true })
          #expect(invoice.payload == Invoice(order: 7, cents: 1_250))
          try invoice.settle(.ack)
        }
      }
    }
  }

  @Test func ordersForNothingAreDeadLetters() async throws {
    try await withEmbeddedBroker { broker in
      let billing = Billing(on: broker)
      let dead = Topic<Order>("dead-letter.orders.created")
      try await broker.withDeliveries(of: dead) { letters in
        try await billing.subscription.whileRunning {
          try await broker.publish(Order(id: 8, cents: 0), to: Billing.created)
          let letter = try #require(await letters.first { _ in true })
          #expect(letter.payload.id == 8)
          #expect(letter.message.headers[DeadLetters.Header.reason] == "an order for nothing")
          try letter.settle(.ack)
        }
      }
      #expect(billing.subscription.progress.dead == 1)
    }
  }

  @Test func twoInstancesShareTheOrders() async throws {
    try await withEmbeddedBroker { broker in
      let instances = [Billing(on: broker), Billing(on: broker)]
      try await broker.withDeliveries(of: Billing.billed) { invoices in
        try await instances[0].subscription.whileRunning {
          try await instances[1].subscription.whileRunning {
            let orders = (1...20).map { Order(id: $0, cents: 100) }
            try await broker.publish(contentsOf: orders, to: Billing.created)
            var billed: Set<Int> = []
            for await invoice in invoices {
              billed.insert(invoice.payload.order)
              try invoice.settle(.ack)
              if billed.count == orders.count { break }
            }
          }
        }
      }
      // Everything was drained: whatever each of them took, all of it was billed once.
      #expect(instances.map(\.subscription.progress.settled).reduce(0, +) == 20)
    }
  }
}
