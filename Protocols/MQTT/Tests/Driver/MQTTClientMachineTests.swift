import Godwit
import MQTTWire
import NIOCore
import Testing

@testable import GodwitMQTT

/// The client's half by itself: connecting and publishing.
@Suite struct MQTTClientMachineTests {
  @Test func publishesWaitForTheLogin() throws {
    var bench = try MQTTBench()
    #expect(try bench.publish(1, "a.b").isEmpty)
    let connect = bench.begin()
    guard case .connect(let packet)? = connect.first else { return #expect(connect.isEmpty) }
    #expect(packet.cleanStart && packet.keepAliveSeconds == 30)
    #expect(packet.properties.number(.sessionExpiryInterval) == 3_600)
    let said = try bench.hear(.connack(MQTTConnack(code: 0)))
    #expect(said.map(\.words) == ["PUBLISH 1 a/b"])
    _ = try bench.hear(.acknowledged(1))
    #expect(bench.events == ["connected", "published 1 ?"])
  }

  @Test func aBatchIsConfirmedAsAWhole() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(1, "a", "b")
    _ = try bench.hear(.acknowledged(2, .noMatchingSubscribers))
    #expect(bench.events.isEmpty)
    _ = try bench.hear(.acknowledged(1))
    #expect(bench.events == ["published 1 ? 0"])
  }

  @Test func theServersReceiveMaximumIsKept() throws {
    var properties = MQTTProperties()
    properties.append(.receiveMaximum, 2)
    var bench = try MQTTBench.connected(properties: properties)
    #expect(try bench.publish(1, "a", "b", "c", "d").count == 2)
    #expect(try bench.hear(.acknowledged(1)).map(\.words) == ["PUBLISH 3 c"])
    #expect(try bench.hear(.acknowledged(3), .acknowledged(2)).map(\.words) == ["PUBLISH 4 d"])
  }

  @Test func refusalsAreErrorsWithTheirNames() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(1, "a")
    _ = try bench.publish(2, "b")
    _ = try bench.publish(3, "c")
    _ = try bench.hear(
      .acknowledged(1, .notAuthorized), .acknowledged(2, .quotaExceeded),
      .acknowledged(3, .implementationSpecificError))
    #expect(bench.events == ["failed 1 notPermitted", "failed 2 overloaded", "failed 3 refused"])
    let error = MQTTRefusal.error(.implementationSpecificError, "no")
    #expect(error.message == "no: implementation specific error")
    var properties = MQTTProperties()
    properties.append(.reasonString, "a\u{1B}[31mb\r\nc")
    #expect(MQTTRefusal.error(.banned, "no", properties).message == "no: banned (a [31mb c)")
  }

  @Test func whatIsNotAcknowledgedIsRepeatedInASession() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(1, "a", qos: 2)
    _ = try bench.publish(2, "b", qos: 2)
    _ = try bench.publish(3, "c")
    let released = try bench.hear(.pubrec(MQTTAcknowledgement(packetID: 1)))
    #expect(released.map(\.words) == ["PUBREL 1 0"])
    let again = try bench.reconnect(sessionPresent: true)
    #expect(again.map(\.words) == ["PUBREL 1 0", "PUBLISH 2 dup b", "PUBLISH 3 dup c"])
    _ = try bench.hear(
      .pubcomp(MQTTAcknowledgement(packetID: 1)), .acknowledged(3))
    #expect(bench.events == ["connected", "published 1 ?", "published 3 ?"])
  }

  @Test func withoutASessionItIsPublishedAnew() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(1, "a")
    _ = try bench.publish(2, "b", qos: 2)
    _ = try bench.publish(nil, "c")
    let again = try bench.reconnect(sessionPresent: false)
    // At QoS 2 it could be doubled.
    #expect(again.map(\.words) == ["PUBLISH 4 a", "PUBLISH 5 c"])
    #expect(bench.events == ["sessionLost", "failed 2 unconfirmed", "connected"])
  }

  /// What an earlier session carried may have arrived, though it waits to be published anew.
  @Test func whatWaitsAnewIsNotSaidToBeUnpublished() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.subscribe(9, "t", .atMostOnce)
    _ = try bench.hear(.suback(MQTTSuback(packetID: 1, reasons: [.success])))
    _ = try bench.publish(1, "a")
    _ = try bench.publish(2, "b")
    // Nothing is published before the subscription stands again.
    #expect(try bench.reconnect(sessionPresent: false).map(\.words) == ["SUBSCRIBE 4 t"])
    _ = try bench.publish(3, "c")
    _ = try bench.publish(4, "d")
    let (old, new) = (bench.machine.withdraw(1), bench.machine.withdraw(3))
    #expect(!old && new)
    bench.events = []
    bench.abandon(GodwitError(.closed, "stopped"))
    #expect(bench.events == ["failed 2 unconfirmed", "failed 4 closed"])
  }

  @Test func whoHasGoneIsNotPublishedForAnew() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(1, "a")
    #expect(bench.machine.withdraw(1) == false)
    #expect(try bench.reconnect(sessionPresent: false).isEmpty)
    bench.end()
    _ = try bench.publish(2, "b")
    #expect(bench.machine.withdraw(2) == true)
    #expect(bench.machine.pendingBytes == 0)
  }

  @Test func topicsGetAliases() throws {
    var properties = MQTTProperties()
    properties.append(.topicAliasMaximum, 1)
    var bench = try MQTTBench.connected(properties: properties)
    let said = try bench.publish(1, "a", "a", "b")
    #expect(said.map(\.words) == ["PUBLISH 1 a =1", "PUBLISH 2  =1", "PUBLISH 3 b"])
    // Another connection knows no aliases.
    let again = try bench.reconnect(sessionPresent: true)
    #expect(again.map(\.words) == ["PUBLISH 1 dup a", "PUBLISH 2 dup a", "PUBLISH 3 dup b"])
  }

  @Test func whatTheServerDoesNotTakeIsRefused() throws {
    var properties = MQTTProperties()
    properties.append(.maximumPacketSize, 60)
    var bench = try MQTTBench.connected(properties: properties)
    #expect(try bench.publish(1, String(repeating: "a", count: 80)).isEmpty)
    #expect(bench.events == ["failed 1 tooLarge"])
    var weak = MQTTProperties()
    weak.append(.maximumQoS, 0)
    let error = #expect(throws: MQTTBench.Ending.self) {
      _ = try MQTTBench.connected(properties: weak)
    }
    #expect(error?.error.code == .unsupported)
  }

  @Test func leavingWaitsForConfirmations() throws {
    var bench = try MQTTBench.connected()
    _ = try bench.publish(nil, "a")
    #expect(bench.leave().map(\.words) == ["pingreq"])
    #expect(try bench.hear(.pingresp).isEmpty)
    let last = try bench.hear(.acknowledged(1))
    guard case .disconnect(let farewell)? = last.first else { return #expect(last.isEmpty) }
    #expect(farewell.properties.number(.sessionExpiryInterval) == 0)
    #expect(bench.events == ["left"])
  }

  @Test(arguments: [
    MQTTPacket.pingreq, .suback(MQTTSuback(packetID: 9, reasons: [.success])), .pingresp,
    .connack(MQTTConnack(code: 0)), .auth(MQTTAuth(reason: .continueAuthentication)),
    .unsuback(MQTTSuback(packetID: 9, reasons: [.success])),
  ])
  func aServerThatBreaksTheProtocolIsTold(_ packet: MQTTPacket) throws {
    var bench = try MQTTBench.connected()
    let ending = #expect(throws: MQTTBench.Ending.self) { _ = try bench.hear(packet) }
    #expect(ending?.said.map(\.words) == ["DISCONNECT 130"])
    #expect(ending?.error.code == .disconnected)
  }

  @Test func refusedLogins() throws {
    var bench = try MQTTBench()
    _ = bench.begin()
    let ending = #expect(throws: MQTTBench.Ending.self) {
      _ = try bench.hear(.connack(MQTTConnack(code: 0x87)))
    }
    #expect(ending?.error.code == .notPermitted)
    #expect(ending?.error.message == "the server does not let us in: not authorized")
    var old = try MQTTBench { $0.version = .v311 }
    _ = old.begin()
    let refusal = #expect(throws: MQTTBench.Ending.self) {
      _ = try old.hear(.connack(MQTTConnack(code: 4)))
    }
    #expect(refusal?.error.code == .notPermitted)
  }
}
