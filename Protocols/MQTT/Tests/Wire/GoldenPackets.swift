import MQTTWire
import NIOCore

/// What the bytes of `Vectors/packets.txt` are, by name.
enum GoldenPackets {
  static func text(_ string: String) -> ByteBuffer { ByteBuffer(string: string) }
  static func bytes(_ list: UInt8...) -> ByteBuffer { ByteBuffer(bytes: list) }

  static func properties(_ fill: (inout MQTTProperties) -> Void) -> MQTTProperties {
    var properties = MQTTProperties()
    fill(&properties)
    return properties
  }

  static let all: [String: MQTTPacket] = {
    var all = connects.merging(connacks) { first, _ in first }
    all.merge(publishes) { first, _ in first }
    all.merge(acknowledgements) { first, _ in first }
    all.merge(subscriptions) { first, _ in first }
    all.merge(others) { first, _ in first }
    return all
  }()

  private static let connects: [String: MQTTPacket] = {
    var all311 = MQTTConnect(
      version: .v311, clientID: text("cl"), cleanStart: false, keepAliveSeconds: 10)
    all311.will = .init(topic: text("w/t"), payload: text("\0bye"), qos: .atLeastOnce, retain: true)
    all311.userName = text("user")
    all311.password = bytes(0xFF, 0)
    var all5 = MQTTConnect(version: .v5, clientID: text("id"), keepAliveSeconds: 65535)
    all5.will = .init(topic: text("will"), payload: text("gone"), qos: .exactlyOnce, retain: true)
    all5.userName = text("user")
    all5.password = text("pass")
    all5.properties = properties {
      $0.append(.sessionExpiryInterval, 3600)
      $0.append(.receiveMaximum, 20)
      $0.append(.maximumPacketSize, 1_000_000)
      $0.append(.topicAliasMaximum, 10)
      $0.append(.requestResponseInformation, 1)
      $0.append(.requestProblemInformation, 0)
      $0.append(userProperty: "k", "v")
      $0.append(userProperty: "k", "w")
      $0.append(.authenticationMethod, "SCRAM-SHA-256")
      $0.append(.authenticationData, bytes(1, 2))
    }
    all5.will?.properties = properties {
      $0.append(.willDelayInterval, 5)
      $0.append(.payloadFormatIndicator, 1)
      $0.append(.messageExpiryInterval, 60)
      $0.append(.contentType, "text/plain")
      $0.append(.responseTopic, "re/ply")
      $0.append(.correlationData, bytes(0, 1))
      $0.append(userProperty: "wk", "wv")
    }
    var flags31 = MQTTConnect(version: .v31, clientID: text("a"), keepAliveSeconds: 60)
    let minimal31 = flags31
    flags31.userName = nil
    return [
      "connect-31-minimal": .connect(minimal31),
      "connect-31-flags-without-fields": .connect(flags31),
      "connect-311-minimal": .connect(MQTTConnect(version: .v311, clientID: text(""))),
      "connect-311-all": .connect(all311),
      "connect-5-minimal": .connect(MQTTConnect(version: .v5, clientID: text(""))),
      "connect-5-all": .connect(all5),
    ]
  }()

  private static let connacks: [String: MQTTPacket] = [
    "connack-31": .connack(MQTTConnack(code: 0)),
    "connack-311-present": .connack(MQTTConnack(sessionPresent: true, code: 0)),
    "connack-311-refused": .connack(MQTTConnack(code: 5)),
    "connack-5-minimal": .connack(MQTTConnack(code: 0)),
    "connack-5-all": .connack(
      MQTTConnack(
        sessionPresent: true, code: 0,
        properties: properties {
          $0.append(.sessionExpiryInterval, 1)
          $0.append(.receiveMaximum, 2)
          $0.append(.maximumQoS, 1)
          $0.append(.retainAvailable, 0)
          $0.append(.maximumPacketSize, 3)
          $0.append(.assignedClientIdentifier, "given")
          $0.append(.topicAliasMaximum, 4)
          $0.append(.reasonString, "why")
          $0.append(userProperty: "", "")
          $0.append(.wildcardSubscriptionAvailable, 1)
          $0.append(.subscriptionIdentifierAvailable, 1)
          $0.append(.sharedSubscriptionAvailable, 0)
          $0.append(.serverKeepAlive, 5)
          $0.append(.responseInformation, "info")
          $0.append(.serverReference, "other:1883")
          $0.append(.authenticationMethod, "m")
          $0.append(.authenticationData, "d")
        })),
  ]

  private static let publishes: [String: MQTTPacket] = [
    "publish-311-qos0": .publish(MQTTPublish(topic: text("a/b"), payload: text("hello"))),
    "publish-311-empty-payload": .publish(
      MQTTPublish(topic: text("a"), payload: text(""), retain: true)),
    "publish-311-qos1-dup": .publish(
      MQTTPublish(
        topic: text("a/b"), payload: text("x"), qos: .atLeastOnce, packetID: 10, duplicate: true)),
    "publish-311-qos2": .publish(
      MQTTPublish(topic: text("a/b"), payload: text("x"), qos: .exactlyOnce, packetID: 65535)),
    "publish-311-long": .publish(
      MQTTPublish(topic: text("t"), payload: ByteBuffer(repeating: 0x7A, count: 200))),
    "publish-31-qos0-dup": .publish(
      MQTTPublish(topic: text("a"), payload: text("x"), duplicate: true)),
    "publish-5-qos0": .publish(MQTTPublish(topic: text("a/b"), payload: text("hello"))),
    "publish-5-alias": .publish(
      MQTTPublish(
        topic: text(""), payload: text("x"), qos: .atLeastOnce, packetID: 1,
        properties: properties { $0.append(.topicAlias, 7) })),
    "publish-5-all": .publish(
      MQTTPublish(
        topic: text("é/€/😀"), payload: text("payload"), qos: .exactlyOnce, packetID: 258,
        retain: true,
        properties: properties {
          $0.append(.payloadFormatIndicator, 1)
          $0.append(.messageExpiryInterval, 0xFFFF_FFFF)
          $0.append(.topicAlias, 65535)
          $0.append(.responseTopic, "r/s")
          $0.append(.correlationData, bytes(0xFF, 0xFE))
          $0.append(userProperty: "a", "1")
          $0.append(userProperty: "a", "1")
          $0.append(.subscriptionIdentifier, 1)
          $0.append(.subscriptionIdentifier, 268_435_455)
          $0.append(.contentType, "json")
        })),
  ]

  private static let acknowledgements: [String: MQTTPacket] = {
    var all: [String: MQTTPacket] = ["pubrel-31-dup": .pubrel(MQTTAcknowledgement(packetID: 3))]
    let kinds: [(String, (MQTTAcknowledgement) -> MQTTPacket, MQTTReasonCode)] = [
      ("puback", { .puback($0) }, .noMatchingSubscribers),
      ("pubrec", { .pubrec($0) }, .noMatchingSubscribers),
      ("pubrel", { .pubrel($0) }, .packetIdentifierNotFound),
      ("pubcomp", { .pubcomp($0) }, .packetIdentifierNotFound),
    ]
    for (name, make, reason) in kinds {
      all["\(name)-311"] = make(MQTTAcknowledgement(packetID: 1))
      all["\(name)-5-success"] = make(MQTTAcknowledgement(packetID: 513))
      all["\(name)-5-reason"] = make(MQTTAcknowledgement(packetID: 2, reason: reason))
      all["\(name)-5-all"] = make(
        MQTTAcknowledgement(
          packetID: 2, reason: reason,
          properties: properties {
            $0.append(.reasonString, "no")
            $0.append(userProperty: "a", "b")
          }))
    }
    return all
  }()

  private static let subscriptions: [String: MQTTPacket] = [
    "subscribe-311": .subscribe(
      MQTTSubscribe(
        packetID: 10,
        requests: [
          .init(filter: text("a/+/c"), qos: .atLeastOnce),
          .init(filter: text("#"), qos: .exactlyOnce),
          .init(filter: text("x"), qos: .atMostOnce),
        ])),
    "subscribe-31-dup": .subscribe(
      MQTTSubscribe(packetID: 10, requests: [.init(filter: text("a"), qos: .atLeastOnce)])),
    "subscribe-5-all": .subscribe(
      MQTTSubscribe(
        packetID: 10,
        requests: [
          .init(
            filter: text("a/#"), qos: .atLeastOnce, noLocal: true, retainAsPublished: true,
            retainHandling: .doNotSend),
          .init(
            filter: text("$share/g/b/+"), qos: .exactlyOnce, retainAsPublished: true,
            retainHandling: .sendIfNew),
        ],
        properties: properties {
          $0.append(.subscriptionIdentifier, 300)
          $0.append(userProperty: "a", "b")
        })),
    "suback-311": .suback(
      MQTTSuback(
        packetID: 10, reasons: [.success, .grantedQoS1, .grantedQoS2, .unspecifiedError])),
    "suback-5": .suback(
      MQTTSuback(
        packetID: 10,
        reasons: [
          .success, .grantedQoS1, .grantedQoS2, .notAuthorized, .topicFilterInvalid, .quotaExceeded,
        ], properties: properties { $0.append(.reasonString, "r") })),
    "unsubscribe-311": .unsubscribe(
      MQTTUnsubscribe(packetID: 11, filters: [text("a"), text("b/#")])),
    "unsubscribe-5": .unsubscribe(
      MQTTUnsubscribe(
        packetID: 11, filters: [text("a")],
        properties: properties { $0.append(userProperty: "a", "b") })),
    "unsuback-311": .unsuback(MQTTSuback(packetID: 11, reasons: [])),
    "unsuback-5": .unsuback(
      MQTTSuback(packetID: 11, reasons: [.success, .noSubscriptionExisted, .unspecifiedError])),
  ]

  private static let others: [String: MQTTPacket] = [
    "pingreq": .pingreq,
    "pingresp": .pingresp,
    "disconnect-311": .disconnect(MQTTDisconnect()),
    "disconnect-5-normal": .disconnect(MQTTDisconnect()),
    "disconnect-5-reason": .disconnect(MQTTDisconnect(reason: .disconnectWithWill)),
    "disconnect-5-all": .disconnect(
      MQTTDisconnect(
        reason: .serverMoved,
        properties: properties {
          $0.append(.sessionExpiryInterval, 9)
          $0.append(.reasonString, "moved")
          $0.append(.serverReference, "b:1")
          $0.append(userProperty: "a", "b")
        })),
    "auth-5-success": .auth(MQTTAuth(reason: .success)),
    "auth-5-all": .auth(
      MQTTAuth(
        reason: .continueAuthentication,
        properties: properties {
          $0.append(.authenticationMethod, "SCRAM-SHA-256")
          $0.append(.authenticationData, "n,,n=u,r=x")
          $0.append(.reasonString, "go")
          $0.append(userProperty: "a", "b")
        })),
  ]
}
