import MQTTWire
import NIOCore

/// Where a client's half can be when something happens.
enum TableState: String, CaseIterable {
  /// CONNECT has not come.
  case awaitingConnect
  /// CONNECT has come, and the authenticator has not answered.
  case authenticating
  /// CONNECT named SCRAM, and the server has put its question (5.0).
  case exchanging
  /// Nothing is under way.
  case connected
  /// A second exchange is under way (5.0).
  case reauthenticating
  /// A QoS 2 message with packet identifier 5 has come, and PUBREL has not.
  case received
  /// A QoS 1 message with packet identifier 1 was sent, and not acknowledged.
  case sent1
  /// The same with QoS 2: PUBREC is awaited.
  case sent2
  /// PUBREC has come and PUBREL was sent: PUBCOMP is awaited.
  case released
  /// One message is under way, another waits, and the client takes one at a time (5.0).
  case full
  /// Another connection has taken the session.
  case takenOver
  /// The client broke the protocol; the socket still stands.
  case closing
  /// The socket is gone.
  case closed
  /// The connection is gone, and the session waits for the next one with a message under way.
  case offline
  /// The session has waited too long.
  case expired

  func exists(in version: MQTTVersion) -> Bool {
    switch self {
    case .exchanging, .reauthenticating, .full: version == .v5
    default: true
    }
  }
}

/// What can happen.
enum TableEvent: String, CaseIterable {
  // What a client may say.
  case connect, publish0, publish1, publish2, publishAgain
  case puback, pubrec, pubrel, pubcomp, pubrecRefusing
  case pubackUnknown, pubrecUnknown, pubrelUnknown, pubcompUnknown
  case subscribe, subscribeTwo, unsubscribe, unsubscribeUnknown
  case pingreq, disconnect, disconnectWithWill, authContinue, authAgain, authOtherMethod
  // What it may not say.
  case connack, suback, unsuback, pingresp
  case publishQoS3, publishWildcard, publishWithoutTopic, publishWithoutID, publishHalf
  case pubackWithoutID, pubrelFlags, subscribeFlags, subscribeNothing, subscribeInvalid
  case typeZero, endlessLength, pingreqWithBody
  // What others do.
  case delivery0, delivery1, authenticated, refused, takeOver, resume
  // What time brings.
  case connectTime, keepAliveTime, willDelayTime, sessionExpiryTime
  // What the socket brings.
  case inputClosed, reset, readError, overflow, writeDeadline
  // What the server brings.
  case kicked, drain, reload, reloadWithoutUser

  /// The client's bytes; `nil` for what is none of the client's.
  func bytes(_ version: MQTTVersion) -> ByteBuffer? {
    if let packet = self.packet(version) {
      var buffer = ByteBuffer()
      MQTTEncoder.encode(packet, version, into: &buffer)
      return buffer
    }
    let none: [UInt8] = version == .v5 ? [0] : []
    func packet(_ first: UInt8, _ body: [UInt8]) -> ByteBuffer {
      ByteBuffer(bytes: [first, UInt8(body.count)] + body)
    }
    switch self {
    case .publishQoS3: return packet(0x36, [0, 1, 0x74, 0, 9] + none)
    case .publishWildcard: return packet(0x30, [0, 1, 0x23] + none)
    case .publishWithoutTopic: return packet(0x30, [0, 0] + none)
    case .publishWithoutID: return packet(0x32, [0, 1, 0x74, 0, 0] + none)
    case .publishHalf: return ByteBuffer(bytes: [0x30, 20, 0, 1, 0x74])
    case .pubackWithoutID: return packet(0x40, [0, 0])
    case .pubrelFlags: return packet(0x60, [0, 5])
    case .subscribeFlags: return packet(0x80, [0, 9] + none + [0, 1, 0x73, 0])
    case .subscribeNothing: return packet(0x82, [0, 9] + none)
    case .typeZero: return packet(0x00, [])
    case .endlessLength: return ByteBuffer(bytes: [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    case .pingreqWithBody: return packet(0xC0, [0])
    default: return nil
    }
  }

  private func packet(_ version: MQTTVersion) -> MQTTPacket? {
    func acknowledgement(
      _ packetID: UInt16, _ reason: MQTTReasonCode = .success
    ) -> MQTTAcknowledgement { MQTTAcknowledgement(packetID: packetID, reason: reason) }
    func subscribe(_ filters: String...) -> MQTTPacket {
      .subscribe(
        MQTTSubscribe(
          packetID: 9,
          requests: filters.map { .init(filter: ByteBuffer(string: $0), qos: .atLeastOnce) }))
    }
    func publish(_ qos: MQTTQoS, _ packetID: UInt16, again: Bool = false) -> MQTTPacket {
      .publish(
        MQTTPublish(
          topic: ByteBuffer(string: "witness"), payload: ByteBuffer(string: "x"), qos: qos,
          packetID: packetID, duplicate: again))
    }
    func auth(_ reason: MQTTReasonCode, _ data: String, method: String = "SCRAM-SHA-256")
      -> MQTTPacket
    {
      var properties = MQTTProperties()
      properties.append(.authenticationMethod, method)
      properties.append(.authenticationData, ByteBuffer(string: data))
      return .auth(MQTTAuth(reason: reason, properties: properties))
    }
    switch self {
    case .connect: return .connect(SessionTable.connect(version))
    case .publish0: return publish(.atMostOnce, 0)
    case .publish1: return publish(.atLeastOnce, 6)
    case .publish2: return publish(.exactlyOnce, 7)
    case .publishAgain: return publish(.exactlyOnce, 5, again: true)
    case .puback: return .puback(acknowledgement(1))
    case .pubrec: return .pubrec(acknowledgement(1))
    case .pubrel: return .pubrel(acknowledgement(5))
    case .pubcomp: return .pubcomp(acknowledgement(1))
    case .pubrecRefusing:
      return .pubrec(acknowledgement(1, version == .v5 ? .unspecifiedError : .success))
    case .pubackUnknown: return .puback(acknowledgement(99))
    case .pubrecUnknown: return .pubrec(acknowledgement(99))
    case .pubrelUnknown: return .pubrel(acknowledgement(99))
    case .pubcompUnknown: return .pubcomp(acknowledgement(99))
    case .subscribe: return subscribe("other")
    case .subscribeTwo: return subscribe("other", "a/#/b")
    case .subscribeInvalid: return subscribe("a/#/b")
    case .unsubscribe:
      return .unsubscribe(MQTTUnsubscribe(packetID: 9, filters: [ByteBuffer(string: "mine/#")]))
    case .unsubscribeUnknown:
      return .unsubscribe(MQTTUnsubscribe(packetID: 9, filters: [ByteBuffer(string: "none")]))
    case .pingreq: return .pingreq
    case .disconnect: return .disconnect(MQTTDisconnect(reason: .success))
    case .disconnectWithWill:
      return .disconnect(
        MQTTDisconnect(reason: version == .v5 ? .disconnectWithWill : .success))
    case .authContinue: return version == .v5 ? auth(.continueAuthentication, "c=biws") : nil
    case .authAgain: return version == .v5 ? auth(.reauthenticate, "n,,n=u,r=xyz") : nil
    case .authOtherMethod:
      return version == .v5 ? auth(.continueAuthentication, "", method: "other") : nil
    case .connack: return .connack(MQTTConnack(code: 0))
    case .suback: return .suback(MQTTSuback(packetID: 9, reasons: [.success]))
    case .unsuback: return .unsuback(MQTTSuback(packetID: 9, reasons: [.success]))
    case .pingresp: return .pingresp
    default: return nil
    }
  }

  /// Packets that only 5.0 has.
  func exists(in version: MQTTVersion) -> Bool {
    switch self {
    case .authContinue, .authAgain, .authOtherMethod: version == .v5
    // Before, a session that is continued is taken over in the same way.
    case .resume: version == .v5
    default: true
    }
  }

  /// Whether a client says it.
  var isSaid: Bool { self.bytes(.v5) != nil }
}

/// What has to come of an event: packets as `SessionTable.text` names them.
enum TableAnswer: Hashable {
  /// It says these and goes on.
  case says([String])
  /// It says these and ends.
  case ends([String])
  /// It does nothing until the authenticator has answered, and then what a session in `connected`
  /// does.
  case later
  /// It is over: nothing is said or done.
  case nothing
}

/// The declared answers: first by state, then by class of event. `nil` is a hole in the table.
enum SessionTable {
  /// A session that outlives its connection by 100 seconds; in 5.0 its will waits for 20.
  static func connect(_ version: MQTTVersion) -> MQTTConnect {
    var properties = MQTTProperties()
    var willProperties = MQTTProperties()
    if version == .v5 {
      properties.append(.sessionExpiryInterval, 100)
      willProperties.append(.willDelayInterval, 20)
    }
    return MQTTConnect(
      version: version, clientID: ByteBuffer(string: "c"), cleanStart: version == .v5,
      keepAliveSeconds: 10,
      will: MQTTConnect.Will(
        topic: ByteBuffer(string: "will"), payload: ByteBuffer(string: "x"),
        properties: willProperties),
      userName: ByteBuffer(string: "u"), password: ByteBuffer(string: "pw"),
      properties: properties)
  }

  static func answer(
    _ state: TableState, _ event: TableEvent, _ version: MQTTVersion
  ) -> TableAnswer? {
    let table = Row(state: state, isNew: version == .v5)
    switch state {
    case .takenOver, .closing, .closed, .offline, .expired: return .nothing
    case .awaitingConnect: return table.socket(event) ?? table.awaitingConnect(event)
    case .authenticating: return table.authenticating(event)
    case .exchanging: return table.socket(event) ?? table.exchanging(event)
    case .connected, .reauthenticating, .received, .sent1, .sent2, .released, .full:
      return table.socket(event) ?? table.server(event) ?? table.violation(event)
        ?? table.acknowledgement(event) ?? table.work(event)
    }
  }

  /// A packet in a few letters: its type, packet identifier and reasons.
  static func text(_ packet: MQTTPacket) -> String {
    func hex(_ code: UInt8) -> String { (code < 16 ? "0" : "") + String(code, radix: 16) }
    func acknowledgement(_ name: String, _ value: MQTTAcknowledgement) -> String {
      "\(name) \(value.packetID)"
        + (value.reason == .success ? "" : " " + hex(value.reason.rawValue))
    }
    switch packet {
    case .connack(let connack): return "connack " + hex(connack.code)
    case .publish(let publish):
      return "publish \(publish.packetID)" + (publish.duplicate ? " again" : "")
    case .puback(let value): return acknowledgement("puback", value)
    case .pubrec(let value): return acknowledgement("pubrec", value)
    case .pubrel(let value): return acknowledgement("pubrel", value)
    case .pubcomp(let value): return acknowledgement("pubcomp", value)
    case .suback(let suback):
      return (["suback \(suback.packetID)"] + suback.reasons.map { hex($0.rawValue) })
        .joined(separator: " ")
    case .unsuback(let unsuback):
      return (["unsuback \(unsuback.packetID)"] + unsuback.reasons.map { hex($0.rawValue) })
        .joined(separator: " ")
    case .pingresp: return "pingresp"
    case .disconnect(let disconnect): return "disconnect " + hex(disconnect.reason.rawValue)
    case .auth(let auth): return "auth " + hex(auth.reason.rawValue)
    case .connect, .subscribe, .unsubscribe, .pingreq: return "\(packet.type)"
    }
  }
}

/// The answers of one state in one version.
private struct Row {
  var state: TableState
  /// Whether the version is 5.0.
  var isNew: Bool

  /// 5.0 has last words.
  private func farewell(_ reason: String) -> TableAnswer {
    .ends(isNew ? ["disconnect \(reason)"] : [])
  }

  /// The socket fails: no last words.
  func socket(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .inputClosed, .reset, .readError, .overflow, .writeDeadline: .ends([])
    default: nil
    }
  }

  func awaitingConnect(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .connect: .says(["connack 00"])
    case .connectTime, .keepAliveTime, .willDelayTime, .sessionExpiryTime, .kicked, .drain:
      .ends([])
    case .delivery0, .delivery1, .authenticated, .refused, .takeOver, .resume, .reload,
      .reloadWithoutUser:
      .says([])
    default: event.isSaid ? .ends([]) : nil
    }
  }

  func authenticating(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .authenticated: .says(["connack 00"])
    case .refused: .ends(isNew ? ["connack 86"] : ["connack 04"])
    case .connectTime, .keepAliveTime, .willDelayTime, .sessionExpiryTime, .kicked, .drain:
      .ends([])
    case .delivery0, .delivery1, .takeOver, .resume, .reload, .reloadWithoutUser: .says([])
    // Reading is paused, so that the end of the input waits as well.
    case .inputClosed: .later
    default: event.isSaid ? .later : socket(event)
    }
  }

  func exchanging(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .disconnect, .disconnectWithWill: .ends([])
    // The proof is wrong.
    case .authContinue: .ends(["connack 87"])
    case .publishHalf: .says([])
    case .delivery0, .delivery1, .authenticated, .refused, .takeOver, .resume, .reload,
      .reloadWithoutUser:
      .says([])
    case .connectTime, .keepAliveTime, .willDelayTime, .sessionExpiryTime, .kicked, .drain:
      .ends([])
    case .endlessLength, .typeZero: .ends(["connack 81"])
    default: event.isSaid ? .ends(["connack 82"]) : nil
    }
  }

  func server(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .authenticated, .refused, .reload, .connectTime: .says([])
    case .keepAliveTime, .willDelayTime, .sessionExpiryTime: farewell("8d")
    case .takeOver, .resume: farewell("8e")
    case .kicked: farewell("98")
    case .drain: farewell("8b")
    case .reloadWithoutUser: farewell("87")
    case .delivery0: .says(["publish 0"])
    case .delivery1:
      switch state {
      case .full: .says([])
      case .sent1, .sent2, .released: .says(["publish 2"])
      default: .says(["publish 1"])
      }
    default: nil
    }
  }

  /// What ends a session wherever it is served.
  func violation(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .connect, .connack, .suback, .unsuback, .pingresp, .publishWithoutTopic,
      .publishWithoutID, .pubackWithoutID, .subscribeNothing, .authOtherMethod:
      farewell("82")
    // An ill-formed filter is no matter of one subscription: the packet is malformed (5.0, 4.7.1).
    case .publishQoS3, .publishWildcard, .pubrelFlags, .subscribeFlags, .subscribeTwo,
      .subscribeInvalid, .typeZero, .endlessLength, .pingreqWithBody:
      farewell("81")
    case .authContinue: state == .reauthenticating ? farewell("87") : farewell("82")
    case .authAgain: farewell("82")
    case .disconnect, .disconnectWithWill: .ends([])
    default: nil
    }
  }

  /// PUBACK to PUBCOMP, known and unknown.
  func acknowledgement(_ event: TableEvent) -> TableAnswer? {
    let unknown = isNew ? " 92" : ""
    switch event {
    case .puback: return .says(state == .full ? ["publish 2"] : [])
    case .pubrec:
      let isKnown = state == .sent2 || state == .released
      return .says(["pubrel 1" + (isKnown ? "" : unknown)])
    case .pubrecRefusing where isNew: return .says(state == .full ? ["publish 2"] : [])
    case .pubrecRefusing: return acknowledgement(.pubrec)
    case .pubrel: return .says(["pubcomp 5" + (state == .received ? "" : unknown)])
    case .pubcomp, .pubackUnknown, .pubcompUnknown: return .says([])
    case .pubrecUnknown: return .says(["pubrel 99" + unknown])
    case .pubrelUnknown: return .says(["pubcomp 99" + unknown])
    default: return nil
    }
  }

  func work(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .publish0, .publishHalf: .says([])
    case .publish1: .says(["puback 6"])
    case .publish2: .says(["pubrec 7"])
    case .publishAgain: .says(["pubrec 5"])
    case .subscribe: .says(["suback 9 01"])
    case .unsubscribe: .says(["unsuback 9" + (isNew ? " 00" : "")])
    case .unsubscribeUnknown: .says(["unsuback 9" + (isNew ? " 11" : "")])
    case .pingreq: .says(["pingresp"])
    default: nil
    }
  }
}
