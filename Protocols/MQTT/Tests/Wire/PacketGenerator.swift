import GodwitWireTesting
import MQTTWire
import NIOCore

/// Legal packets from a seed.
struct PacketGenerator {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func flip() -> Bool { Bool.random(using: &random) }
  private mutating func count(_ max: Int) -> Int { Int.random(in: 0...max, using: &random) }
  private mutating func id() -> UInt16 { UInt16.random(in: 1...UInt16.max, using: &random) }
  private mutating func qos() -> MQTTQoS {
    MQTTQoS.allCases.randomElement(using: &random) ?? .atMostOnce
  }

  mutating func bytes(_ max: Int) -> ByteBuffer {
    ByteBuffer(bytes: (0..<count(max)).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  mutating func string(_ max: Int, from alphabet: [Character] = Array("ab./$ é€😀%20")) -> String {
    String((0..<count(max)).map { _ in alphabet.randomElement(using: &random) ?? "x" })
  }

  private mutating func text(_ max: Int = 12) -> ByteBuffer { ByteBuffer(string: string(max)) }

  private mutating func filter() -> ByteBuffer {
    ByteBuffer(string: (flip() ? "$share/g/" : "") + string(5) + "x/" + (flip() ? "+/y" : "#"))
  }

  mutating func properties(_ version: MQTTVersion, _ ids: [MQTTPropertyID]) -> MQTTProperties {
    var list = MQTTProperties()
    guard version == .v5 else { return list }
    for id in ids.shuffled(using: &random) where flip() {
      switch id.form {
      case .byte: list.append(id, UInt32.random(in: 0...1, using: &random))
      case .twoBytes: list.append(id, UInt32.random(in: 1...0xFFFF, using: &random))
      case .fourBytes: list.append(id, UInt32.random(in: 1...UInt32.max, using: &random))
      case .varint: list.append(id, UInt32.random(in: 1...268_435_455, using: &random))
      case .text, .binary:
        list.append(id, id == .responseTopic ? ByteBuffer(string: "r" + string(8)) : text())
      case .pair: for _ in 0..<count(3) { list.append(userProperty: string(4), string(4)) }
      }
    }
    return list
  }

  mutating func publish(_ version: MQTTVersion) -> MQTTPublish {
    let qos = qos()
    return MQTTPublish(
      topic: ByteBuffer(string: "t" + string(20)), payload: bytes(flip() ? 20 : 20_000), qos: qos,
      packetID: qos == .atMostOnce ? 0 : id(), retain: flip(),
      duplicate: qos != .atMostOnce && flip(),
      properties: properties(
        version,
        [
          .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic,
          .correlationData, .subscriptionIdentifier, .topicAlias, .userProperty,
        ]))
  }

  private mutating func connect(_ version: MQTTVersion) -> MQTTConnect {
    var connect = MQTTConnect(
      version: version, clientID: text(), cleanStart: flip(), keepAliveSeconds: id(),
      properties: properties(
        version,
        [
          .sessionExpiryInterval, .requestProblemInformation, .requestResponseInformation,
          .receiveMaximum, .topicAliasMaximum, .maximumPacketSize, .authenticationMethod,
          .userProperty,
        ]))
    if flip() {
      connect.will = .init(
        topic: ByteBuffer(string: "w" + string(5)), payload: bytes(30), qos: qos(), retain: flip(),
        properties: properties(version, [.willDelayInterval, .contentType, .userProperty]))
    }
    if flip() {
      connect.userName = text()
      if flip() { connect.password = bytes(10) }
    }
    return connect
  }

  mutating func packet(_ version: MQTTVersion) -> MQTTPacket {
    let extra: [MQTTPropertyID] = [.reasonString, .userProperty]
    switch count(12) {
    case 0: return .connect(connect(version))
    case 1:
      return .connack(
        MQTTConnack(
          sessionPresent: version != .v31 && flip(), code: 0,
          properties: properties(version, [.receiveMaximum, .serverKeepAlive, .reasonString])))
    case 2: return .puback(acknowledgement(version, .notAuthorized))
    case 3: return .pubrec(acknowledgement(version, .quotaExceeded))
    case 4: return .pubrel(acknowledgement(version, .packetIdentifierNotFound))
    case 5: return .pubcomp(acknowledgement(version, .packetIdentifierNotFound))
    case 6:
      let is5 = version == .v5
      let requests = (0...count(3)).map { _ in
        MQTTSubscribe.Request(
          filter: filter(), qos: qos(), retainAsPublished: is5 && flip(),
          retainHandling: is5 && flip() ? .sendIfNew : .send)
      }
      return .subscribe(
        MQTTSubscribe(
          packetID: id(), requests: requests,
          properties: properties(version, [.subscriptionIdentifier, .userProperty])))
    case 7:
      return .suback(
        MQTTSuback(
          packetID: id(), reasons: [.grantedQoS1, .unspecifiedError],
          properties: properties(version, extra)))
    case 8:
      return .unsubscribe(
        MQTTUnsubscribe(
          packetID: id(), filters: [filter(), filter()],
          properties: properties(version, [.userProperty])))
    case 9 where version == .v5:
      return .disconnect(
        MQTTDisconnect(
          reason: .disconnectWithWill,
          properties: properties(version, extra + [.sessionExpiryInterval])))
    case 10 where version == .v5:
      return .auth(
        MQTTAuth(
          reason: .continueAuthentication,
          properties: properties(version, [.authenticationMethod, .reasonString])))
    default: return .publish(publish(version))
    }
  }

  private mutating func acknowledgement(
    _ version: MQTTVersion, _ reason: MQTTReasonCode
  ) -> MQTTAcknowledgement {
    MQTTAcknowledgement(
      packetID: id(), reason: version == .v5 && flip() ? reason : .success,
      properties: properties(version, [.reasonString, .userProperty]))
  }
}
