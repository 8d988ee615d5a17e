import Godwit
import GodwitEmbedded
import NIOCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite(.timeLimit(.minutes(1))) struct EmbeddedDeliveryTests {
  let numbers = Topic<Int>("numbers")

  @Test func everySubscriptionGetsEverythingInOrder() async throws {
    try await withEmbeddedBroker { broker in
      let first = Collector<Int>()
      let second = Collector<Int>()
      let one = Subscription(to: self.numbers, on: broker, id: "one") { delivery in
        first.add(delivery.payload)
        return .ack
      }
      let two = Subscription(to: TopicPattern<Int>("*"), on: broker, id: "two") { delivery in
        second.add(delivery.payload)
        return .ack
      }
      try await one.whileRunning {
        try await two.whileRunning {
          let receipts = try await broker.publish(contentsOf: 0..<500, to: self.numbers)
          #expect(receipts.count == 500)
          #expect(receipts.allSatisfy { $0.receivers == 2 })
          #expect(await first.wait(for: 500) == Array(0..<500))
          #expect(await second.wait(for: 500) == Array(0..<500))
        }
      }
      #expect(one.progress.settled == 500)
      #expect(one.progress.handedBack == 0)
    }
  }

  @Test func membersOfAGroupShare() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let members = (0..<3).map { number in
        Subscription(to: self.numbers, on: broker, group: "workers", id: "w\(number)") {
          seen.add($0.payload)
          return .ack
        }
      }
      try await members[0].whileRunning {
        try await members[1].whileRunning {
          try await members[2].whileRunning {
            let receipts = try await broker.publish(contentsOf: 0..<300, to: self.numbers)
            #expect(receipts.allSatisfy { $0.receivers == 1 })
            #expect(await seen.wait(for: 300).sorted() == Array(0..<300))
          }
        }
      }
      #expect(members.map(\.progress.settled).reduce(0, +) == 300)
      #expect(members.allSatisfy { $0.progress.settled > 0 })
    }
  }

  @Test func aGroupKeepsItsMessagesBetweenMembers() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      func member() -> Subscription {
        Subscription(to: self.numbers, on: broker, group: "late") { delivery in
          seen.add(delivery.payload)
          return .ack
        }
      }
      try await member().whileRunning {}
      try await broker.publish(contentsOf: 0..<10, to: self.numbers)
      try await member().whileRunning {
        #expect(await seen.wait(for: 10) == Array(0..<10))
      }
    }
  }

  @Test func headersKeyAndTimeTravel() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Message>()
      let subscription = Subscription(to: Topic<String>("t"), on: broker) { delivery in
        seen.add(delivery.message)
        return .ack
      }
      try await subscription.whileRunning {
        var message = Message(
          topic: "t", body: ByteBuffer(string: "hé"), contentType: "text/plain",
          headers: ["b": "2", "a": "1", "B": "3"], key: "k", timeToLive: .seconds(60))
        message.correlationID = "c"
        try await broker.publish(message)
        let got = await seen.wait(for: 1)[0]
        #expect(got.headers == message.headers)
        #expect(got.key == "k")
        #expect(got.id == message.id)
        #expect(got.body == message.body)
        #expect(got.contentType == "text/plain")
        #expect(got.correlationID == "c")
        #expect(abs(got.time.timeIntervalSince1970 - message.time.timeIntervalSince1970) < 1e-5)
        #expect(got.timeToLive.map { $0 > .seconds(59) && $0 <= .seconds(60) } == true)
      }
    }
  }

  @Test func sendDoesNotWaitAndKeepsOrderWithPublish() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let subscription = Subscription(to: self.numbers, on: broker) { delivery in
        seen.add(delivery.payload)
        return .ack
      }
      try await subscription.whileRunning {
        for number in 0..<100 {
          if number.isMultiple(of: 7) {
            try await broker.publish(number, to: self.numbers)
          } else {
            try await broker.send(number, to: self.numbers)
          }
        }
        #expect(await seen.wait(for: 100) == Array(0..<100))
      }
    }
  }

  @Test func brokersShareNothing() async throws {
    try await withEmbeddedBroker { one in
      try await withEmbeddedBroker { other in
        let subscription = Subscription(to: self.numbers, on: other) { _ in .ack }
        try await subscription.whileRunning {
          let elsewhere = try await one.publish(1, to: self.numbers)
          let here = try await other.publish(1, to: self.numbers)
          #expect(elsewhere.receivers == 0)
          #expect(here.receivers == 1)
        }
      }
    }
  }

  @Test func expiredMessagesAreNotHandedOut() async throws {
    try await withEmbeddedBroker { broker in
      let seen = Collector<Int>()
      let subscription = Subscription(to: self.numbers, on: broker) { delivery in
        seen.add(delivery.payload)
        return .ack
      }
      try await subscription.whileRunning {
        try await broker.publish(1, to: self.numbers, timeToLive: .zero)
        try await broker.publish(2, to: self.numbers)
        #expect(await seen.wait(for: 1) == [2])
      }
    }
  }

  @Test func aStoppedBrokerRefuses() async throws {
    let broker = Broker.embedded()
    try await broker.start()
    broker.driver.stop()
    try await broker.run()
    let code = await failureCode { try await broker.publish(1, to: self.numbers) }
    #expect(code == .closed)
  }
}
