import Foundation
import Godwit
import NIOCore
import TestSupport
import Testing

@testable import GodwitConformance

/// Kills a process at each step of the failure table in `docs/framework.md`, and sees what it says.
/// One after the other: each starts programs.
@Suite(.serialized, .timeLimit(.minutes(1))) struct FailureTableTests {
  private static let killed = ChildProcess.End.signal(SIGKILL)

  private static func topic() -> Topic<String> {
    Topic<String>("failures.\(UInt64.random(in: 0 ... .max))", contentType: "application/json")
  }

  /// What a subscription of the test gathers.
  private static func gathering(
    _ seen: Gathering<Message>, of topic: String, on broker: Broker
  ) -> Subscription {
    Subscription(to: Topic<ByteBuffer>(topic), on: broker, id: "observer") {
      var message = $0.message
      message.body = $0.payload
      seen.add(message)
      return .ack
    }
  }

  @Test(arguments: FailureServer.Kind.all, FailureRow.consuming)
  func consuming(_ kind: FailureServer.Kind, _ row: FailureRow) async throws {
    // What comes next is then handed out when the acknowledgement has reached the server.
    let isOneByOne = row.step == "settled"
    let server = try await Blocking.run { try FailureServer(kind, isOneByOne: isOneByOne) }
    let topic = Self.topic()
    let letters = Gathering<Message>()
    try await server.withBroker { broker in
      let guarantee = broker.capabilities.guarantee
      let undertaker = Self.gathering(letters, of: "dead-letter.\(topic.name)", on: broker)
      try await undertaker.whileRunning {
        let first = try await WorkerProcess(server.workerURL(), topic.name, row.step)
        #expect(await first.said(until: "ready").last == "ready")
        for payload in row.published {
          try await broker.publish(payload, to: topic)
        }
        #expect(try await first.end() == Self.killed)

        let second = try await WorkerProcess(server.workerURL(), topic.name, "none")
        #expect(await second.said(until: "ready").last == "ready")
        try await broker.publish("end", to: topic)
        let handled = await second.said(until: "handled end").dropLast()
        #expect(Array(handled) == row.comesBack(guarantee).map { "handled \($0)" })
        second.kill()
        let expected = row.deadLetters(guarantee)
        let found = try await letters.wait(for: expected)
        #expect(Set(found.map(\.id)).count <= 1, "the dead letters of one message have its id")
      }
      // The drain of an observer has worked on everything that came.
      #expect(letters.values.count == row.deadLetters(guarantee))
    }
  }

  @Test(arguments: FailureServer.Kind.all, [("before-publish", 0), ("published", 1)])
  func publishing(_ kind: FailureServer.Kind, _ row: (step: String, arrives: Int)) async throws {
    let server = try await Blocking.run { try FailureServer(kind) }
    let topic = Self.topic()
    let seen = Gathering<Message>()
    try await server.withBroker { broker in
      try await Self.gathering(seen, of: topic.name, on: broker).whileRunning {
        let worker = try await WorkerProcess(server.workerURL(), topic.name, row.step)
        #expect(try await worker.end() == Self.killed)
        try await broker.publish("end", to: topic)
        let bodies = try await seen.wait(for: row.arrives + 1).map { String(buffer: $0.body) }
        #expect(bodies == Array(repeating: "\"work\"", count: row.arrives) + ["\"end\""])
      }
    }
  }

  /// The server has it, and the publisher never hears of it. When it publishes again, there are
  /// two.
  @Test(arguments: FailureServer.Kind.all)
  func publishingWithoutConfirmation(_ kind: FailureServer.Kind) async throws {
    let server = try await Blocking.run { try FailureServer(kind) }
    let topic = Self.topic()
    let seen = Gathering<Message>()
    let relay = try await Relay(host: server.host, port: server.port)
    try await server.withBroker { broker in
      try await Self.gathering(seen, of: topic.name, on: broker).whileRunning {
        let url = server.workerURL(host: relay.host, port: relay.port)
        relay.fallSilent(.ofServer, when: "work")
        let first = try await WorkerProcess(url, topic.name, "publishing")
        _ = try await seen.wait(for: 1)
        first.kill()
        #expect(await first.said() == ["publishing"], "nothing was confirmed")

        let second = try await WorkerProcess(server.workerURL(), topic.name, "published")
        #expect(try await second.end() == Self.killed)
        #expect(
          try await seen.wait(for: 2).map { String(buffer: $0.body) } == ["\"work\"", "\"work\""])
      }
    }
    await relay.close()
  }

  /// Who answers does not notice that nobody waits any more.
  @Test(arguments: FailureServer.Kind.all)
  func requesting(_ kind: FailureServer.Kind) async throws {
    let server = try await Blocking.run { try FailureServer(kind) }
    let topic = Self.topic()
    let asked = Gathering<String>()
    let go = Gathering<Void>()
    try await server.withBroker { broker in
      let service = Subscription(answering: topic, on: broker, id: "service") {
        asked.add($0.payload)
        _ = try await go.wait(for: 1)
        return "answer to \($0.payload)"
      }
      try await service.whileRunning {
        let worker = try await WorkerProcess(server.workerURL(), topic.name, "requested")
        _ = try await asked.wait(for: 1)
        #expect(try await worker.end() == Self.killed)
        go.add(())
        let answer: String = try await broker.request("another", to: topic)
        #expect(answer == "answer to another")
        #expect(asked.values == ["work", "another"])
      }
      #expect(service.progress.settled == 2)
    }
  }

  /// The requester waits until its time is over, unless the broker hands the request out again.
  @Test(arguments: FailureServer.Kind.all)
  func answering(_ kind: FailureServer.Kind) async throws {
    let server = try await Blocking.run { try FailureServer(kind) }
    let topic = Self.topic()
    try await server.withBroker { broker in
      let worker = try await WorkerProcess(server.workerURL(), topic.name, "answering")
      #expect(await worker.said(until: "ready") == ["ready"])
      do throws(GodwitError) {
        let _: String = try await broker.request("work", to: topic, timeout: .seconds(1))
        Issue.record("an answer of the dead")
      } catch {
        #expect(error.code == .timeout)
      }
      #expect(try await worker.end() == Self.killed)
    }
  }

  /// The page has a row for every step that is killed here.
  @Test func theTableHasEachStep() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/framework.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") }
      .map { $0.dropFirst(2).prefix { $0 != "|" }.trimmingCharacters(in: .whitespaces) }
    for row in FailureRow.consuming.map(\.name) + FailureRow.others {
      #expect(rows.contains(row), "the table has no row '\(row)'")
    }
  }
}
