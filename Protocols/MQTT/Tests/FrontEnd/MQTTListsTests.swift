import GodwitEngine
import MQTTWire
import NIOCore
import Testing

@testable import MQTTFrontEnd

@Suite struct MQTTListsTests {
  @Test func slowListKeepsTheSlowest() {
    var rule = MQTTSlowSubscriptionRule()
    rule.entriesMax = 2
    var list = MQTTSlowSubscriptions(rule)
    for latency: Int64 in [5, 9, 7, 1] {
      list.note(.init(clientID: "c\(latency)", topic: "t", latency: latency, at: 0))
    }
    #expect(list.list(now: 0).map(\.latency) == [9, 7])
    list.note(.init(clientID: "c9", topic: "t", latency: 8, at: 0))
    #expect(list.list(now: 0).map(\.latency) == [8, 7])
    #expect(list.list(now: 301_000_000_000).isEmpty)
  }

  @Test func placeholdersAreFilledIn() {
    let automatic = MQTTAutomaticSubscription(
      filter: "a/%c/${username}/x",
      request: .init(filter: ByteBuffer(), qos: .atMostOnce))
    #expect(automatic.filter(clientID: "me", userName: "you") == "a/me/you/x")
    #expect(automatic.filter(clientID: "me", userName: nil) == nil)
    #expect(automatic.filter(clientID: "a/#", userName: "you") == nil)
  }

  @Test func outboxGivesEachMessageOneIdentifier() {
    let engine = Engine(now: 0)
    let outbox = MQTTOutbox(name: "c", engine: engine, bytesMax: 1 << 20)
    let tenant = engine.tenant(named: "t")
    let facts = MQTTOutbox.Facts(qos: .atLeastOnce, retain: false, identifiers: [])
    for number in 0..<100 {
      let record = tenant.record(topic: Array("t".utf8), payload: [UInt8(number)])
      #expect(outbox.append(record, facts))
    }
    var seen: Set<UInt16> = []
    while let next = outbox.next() {
      #expect(seen.insert(next.packetID).inserted)
      if seen.count % 2 == 0 { #expect(outbox.finish(next.packetID, if: .puback) != nil) }
    }
    #expect(seen.count == 100 && outbox.outstanding == 50 && outbox.waitingCount == 0)
    #expect(outbox.finish(1, if: .pubcomp) == nil)
    outbox.connectionLost()
    #expect(outbox.outstanding == 0 && outbox.count == 50)
    var order: [UInt16] = []
    while let (packetID, _) = outbox.nextResend() { order.append(packetID) }
    #expect(order == order.sorted() && order.count == 50)
    for packetID in order { outbox.finish(packetID) }
    #expect(outbox.count == 0 && outbox.outstanding == 0 && engine.memory.used == 0)
  }

  @Test func whatIsAcknowledgedBeforeItIsSentAgainIsNot() {
    let engine = Engine(now: 0)
    let outbox = MQTTOutbox(name: "c", engine: engine, bytesMax: 1 << 20)
    let tenant = engine.tenant(named: "t")
    let facts = MQTTOutbox.Facts(qos: .atLeastOnce, retain: false, identifiers: [])
    for number in 0..<4 {
      let record = tenant.record(topic: Array("t".utf8), payload: [UInt8(number)])
      #expect(outbox.append(record, facts))
    }
    var sent: [UInt16] = []
    while let next = outbox.next() { sent.append(next.packetID) }
    outbox.connectionLost()
    #expect(outbox.nextResend()?.packetID == sent[0] && outbox.outstanding == 1)
    // Of the earlier connection, the second; of this one, the first.
    outbox.finish(sent[1])
    #expect(outbox.outstanding == 1)
    outbox.finish(sent[0])
    #expect(outbox.outstanding == 0)
    #expect(outbox.nextResend()?.packetID == sent[2] && outbox.outstanding == 1)
    #expect(outbox.nextResend()?.packetID == sent[3] && outbox.outstanding == 2)
    #expect(outbox.nextResend() == nil && outbox.isClear)
    // Lost again: what was sent again waits once more.
    outbox.connectionLost()
    outbox.finish(sent[3])
    #expect(outbox.outstanding == 0 && outbox.nextResend()?.packetID == sent[2])
  }
}
