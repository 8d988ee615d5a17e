import Godwit

extension Conformance {
  /// Who gets what, and in which order.
  static let delivery: [Scenario] = [
    Scenario("every subscription gets everything, in order") { stage in
      let topic = stage.topic("numbers")
      let first = Gathering<Int>()
      let second = Gathering<Int>()
      let one = Subscription(to: topic, on: stage.subscriber, id: "one") {
        first.add($0.payload)
        return .ack
      }
      let two = Subscription(to: topic, on: stage.subscriber, id: "two") {
        second.add($0.payload)
        return .ack
      }
      try await stage.running([one, two]) {
        for number in 0..<300 { try await stage.publisher.publish(number, to: topic) }
        try expect(try await first.wait(for: 300), Array(0..<300), "the first got")
        try expect(try await second.wait(for: 300), Array(0..<300), "the second got")
      }
    },
    Scenario("a batch is published in order, with a receipt for each") { stage in
      let topic = stage.topic("batch")
      let seen = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        let receipts = try await stage.publisher.publish(contentsOf: 0..<1_000, to: topic)
        try expect(receipts.count, 1_000, "receipts")
        try expect(Set(receipts.map(\.id)).count, 1_000, "different ids")
        try expect(try await seen.wait(for: 1_000), Array(0..<1_000), "the subscription got")
      }
    },
    Scenario("what is sent without waiting arrives in order") { stage in
      let topic = stage.topic("sent")
      let seen = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        for number in 0..<300 { try await stage.publisher.send(number, to: topic) }
        try expect(try await seen.wait(for: 300), Array(0..<300), "the subscription got")
      }
    },
    Scenario("a handler that is slow gets everything in the end, in order") { stage in
      let topic = stage.topic("slow")
      let seen = Gathering<Int>()
      let go = Gathering<Void>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        if $0.payload == 0 { _ = try await go.wait(for: 1) }
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.publish(contentsOf: 0..<2_000, to: topic)
        try expect(seen.values.count, 0, "messages before the handler went on")
        go.add(())
        try expect(try await seen.wait(for: 2_000), Array(0..<2_000), "the subscription got")
      }
    },
    Scenario("many publishers share a client") { stage in
      let topic = stage.topic("shared")
      let seen = Gathering<Int>()
      let subscription = Subscription(to: topic, on: stage.subscriber) {
        seen.add($0.payload)
        return .ack
      }
      try await stage.running([subscription]) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<200 {
            group.addTask { try await stage.publisher.publish(number, to: topic) }
          }
          try await group.waitForAll()
        }
        try expect(try await seen.wait(for: 200).sorted(), Array(0..<200), "the subscription got")
      }
    },
    Scenario(
      "patterns match one level, or the rest",
      unless: { $0.capabilities.hasPatterns ? nil : "no patterns" }
    ) { stage in
      let one = Gathering<String>()
      let rest = Gathering<String>()
      let subscriptions = [
        Subscription(to: TopicPattern<Int>("\(stage.prefix).*.c"), on: stage.subscriber) {
          one.add($0.topic)
          return .ack
        },
        Subscription(to: TopicPattern<Int>("\(stage.prefix).a.>"), on: stage.subscriber) {
          rest.add($0.topic)
          return .ack
        },
      ]
      try await stage.running(subscriptions) {
        let names = ["a", "a.b", "a.b.c", "a.c", "b.c", "b.c.d"].map { "\(stage.prefix).\($0)" }
        for name in names { try await stage.publisher.publish(1, to: Topic<Int>(name)) }
        let last = "\(stage.prefix).a.c.end"
        try await stage.publisher.publish(1, to: Topic<Int>("\(stage.prefix).end.c"))
        try await stage.publisher.publish(1, to: Topic<Int>(last))
        try expect(
          try await one.wait(for: 3), [names[3], names[4], "\(stage.prefix).end.c"], "'*' matched")
        try expect(
          try await rest.wait(for: 4), [names[1], names[2], names[3], last], "'>' matched")
      }
    },
    Scenario(
      "members of a group share", unless: { $0.capabilities.hasGroups ? nil : "no groups" }
    ) { stage in
      let topic = stage.topic("work")
      let seen = Gathering<Int>()
      let all = Gathering<Int>()
      var subscriptions = (0..<3).map { number in
        Subscription(
          to: topic, on: number == 0 ? stage.publisher : stage.subscriber, group: "workers",
          id: "worker-\(number)"
        ) {
          seen.add($0.payload)
          return .ack
        }
      }
      subscriptions.append(
        Subscription(to: topic, on: stage.subscriber, group: "others") {
          all.add($0.payload)
          return .ack
        })
      try await stage.running(subscriptions) {
        try await stage.publisher.publish(contentsOf: 0..<300, to: topic)
        try expect(
          try await all.wait(for: 300).sorted(), Array(0..<300), "the other group got")
        try expect(try await seen.wait(for: 300).sorted(), Array(0..<300), "the group got")
      }
      try expect(seen.values.count, 300, "messages that the group got in the end")
    },
    Scenario("a key's messages are worked on in order") { stage in
      let topic = stage.topic("keyed")
      let seen = Gathering<String>()
      let subscription = Subscription(
        to: topic, on: stage.subscriber, options: .init(concurrency: 8, isOrderedByKey: true)
      ) {
        seen.add("\($0.message.key ?? "none") \($0.payload)")
        return .ack
      }
      try await stage.running([subscription]) {
        for number in 0..<200 {
          try await stage.publisher.publish(number, to: topic, key: "k\(number % 5)")
        }
        let lines = try await seen.wait(for: 200)
        for key in 0..<5 {
          try expect(
            lines.filter { $0.hasPrefix("k\(key) ") },
            (0..<200).filter { $0 % 5 == key }.map { "k\(key) \($0)" }, "of one key came")
        }
      }
    },
  ]
}
