import MQTTWire
import NIOCore

/// A client's half of an MQTT conversation, in any version.
struct MQTTClientSession: ClientSession {
  private enum State {
    case connecting
    case active
  }

  /// What is still to come for a packet identifier of ours.
  private enum Pending {
    case puback
    case pubrec
    case pubcomp
    case suback(Int)
  }

  private static let packetSizeMax = 64 << 20
  /// Unsettled messages where a server cannot say how many it takes; Mosquitto drops what is more.
  private static let windowBeforeV5 = 20

  private let configuration: ClientConfiguration
  private let version: MQTTVersion
  private var decoder: MQTTDecoder
  private var state = State.connecting
  private var pending: [UInt16: Pending] = [:]
  private var unsettled = 0
  private var lastPacketID: UInt16 = 0
  /// Identifiers of received messages with QoS 2 that are not released yet.
  private var unreleased: Set<UInt16> = []
  private var flushesAwaited = 0
  private var subscriptionCount = 0
  private var receiveMaximum = 65_535
  private var packetSizeMax = Int.max
  private var maximumQoS = MQTTQoS.exactlyOnce
  private var retainAvailable = true

  static let separator = "/"

  /// A conversation that has not begun.
  init(_ configuration: ClientConfiguration) {
    self.configuration = configuration
    self.version = configuration.mqttVersion
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = Self.packetSizeMax
    self.decoder = MQTTDecoder(version: configuration.mqttVersion, limits: limits)
    if configuration.mqttVersion != .v5 { self.receiveMaximum = Self.windowBeforeV5 }
  }

  mutating func begin(into out: inout ByteBuffer) {
    var connect = MQTTConnect(
      version: self.version, clientID: ByteBuffer(string: self.configuration.name),
      keepAliveSeconds: 60)
    connect.userName = self.configuration.user.map { ByteBuffer(string: $0) }
    connect.password = self.configuration.password.map { ByteBuffer(string: $0) }
    MQTTEncoder.encode(.connect(connect), self.version, into: &out)
  }

  mutating func secured(into out: inout ByteBuffer) {}

  mutating func receive(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, events: inout [SessionEvent],
    deliver: (Delivery) -> Void
  ) throws(ClientError) {
    while input.readableBytes > 0 {
      do throws(MQTTWireError) {
        if try self.receivePublish(&input, into: &out, deliver: deliver) { continue }
      } catch {
        throw ClientError("the server does not speak MQTT: \(error.message)")
      }
      guard let packet = try self.decode(&input) else { return }
      try self.handle(packet, into: &out, events: &events)
    }
  }

  private mutating func decode(_ input: inout ByteBuffer) throws(ClientError) -> MQTTPacket? {
    // A PUBLISH that is not whole is for `receivePublish` to await.
    let first = input.getInteger(at: input.readerIndex, as: UInt8.self) ?? 0
    guard first >> 4 != MQTTPacketType.publish.rawValue else { return nil }
    do throws(MQTTWireError) {
      return try self.decoder.decode(&input)
    } catch {
      throw ClientError("the server does not speak MQTT: \(error.message)")
    }
  }

  /// Takes a PUBLISH from the front without copying it; false when there is no whole one.
  private mutating func receivePublish(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, deliver: (Delivery) -> Void
  ) throws(MQTTWireError) -> Bool {
    let first = input.getInteger(at: input.readerIndex, as: UInt8.self) ?? 0
    guard first >> 4 == MQTTPacketType.publish.rawValue, self.state == .active else { return false }
    let bytes = input
    let result: Result<MQTTPublishView, MQTTWireError>? = bytes.withUnsafeReadableBytes { raw in
      do throws(MQTTWireError) {
        guard
          case .packet(let header) = try MQTTFixedHeader.scan(
            raw, packetSizeMax: Self.packetSizeMax, minimal: self.version == .v5)
        else { return nil }
        let packet = UnsafeRawBufferPointer(rebasing: raw[..<header.packetSize])
        let view = try MQTTPublishView(packet, header: header, version: self.version)
        let isNew = view.qos != .exactlyOnce || self.unreleased.insert(view.packetID).inserted
        if isNew {
          deliver(
            Delivery(
              form: .mqtt, topic: UnsafeRawBufferPointer(rebasing: packet[view.topic]),
              metadata: UnsafeRawBufferPointer(rebasing: packet[view.properties]),
              payload: UnsafeRawBufferPointer(rebasing: packet[view.payload]), qos: view.qos,
              retain: view.retain))
        }
        return .success(view)
      } catch {
        return .failure(error)
      }
    }
    guard let view = try result?.get() else { return false }
    input.moveReaderIndex(forwardBy: view.payload.upperBound)
    switch view.qos {
    case .atMostOnce: break
    case .atLeastOnce: self.acknowledge(.puback, view.packetID, into: &out)
    case .exactlyOnce: self.acknowledge(.pubrec, view.packetID, into: &out)
    }
    return true
  }

  private enum Answer {
    case puback
    case pubrec
    case pubrel
    case pubcomp
  }

  private func acknowledge(_ answer: Answer, _ packetID: UInt16, into out: inout ByteBuffer) {
    let body = MQTTAcknowledgement(packetID: packetID)
    let packet: MQTTPacket =
      switch answer {
      case .puback: .puback(body)
      case .pubrec: .pubrec(body)
      case .pubrel: .pubrel(body)
      case .pubcomp: .pubcomp(body)
      }
    MQTTEncoder.encode(packet, self.version, into: &out)
  }

  private mutating func handle(
    _ packet: MQTTPacket, into out: inout ByteBuffer, events: inout [SessionEvent]
  ) throws(ClientError) {
    switch packet {
    case .connack(let connack):
      try self.receive(connack)
      events.append(.ready)
    case .puback(let answer), .pubcomp(let answer):
      self.settle(answer, events: &events)
    case .pubrec(let answer):
      guard case .pubrec? = self.pending[answer.packetID], !answer.reason.isError else {
        self.settle(answer, events: &events)
        return
      }
      self.pending[answer.packetID] = .pubcomp
      self.acknowledge(.pubrel, answer.packetID, into: &out)
    case .pubrel(let answer):
      self.unreleased.remove(answer.packetID)
      self.acknowledge(.pubcomp, answer.packetID, into: &out)
    case .suback(let suback):
      guard case .suback(let number)? = self.pending.removeValue(forKey: suback.packetID) else {
        return
      }
      let reason = suback.reasons.first ?? .unspecifiedError
      guard reason.isError else {
        events.append(.subscribed(number))
        return
      }
      let words = reason.words(suback.properties.text(.reasonString))
      events.append(.refused(number, ClientError("the server refused the subscription: \(words)")))
    case .pingresp:
      guard self.flushesAwaited > 0 else { return }
      self.flushesAwaited -= 1
      events.append(.flushed)
    case .disconnect(let disconnect):
      let words = disconnect.reason.words(disconnect.properties.text(.reasonString))
      throw ClientError("the server closed the connection: \(words)")
    case .connect, .publish, .subscribe, .unsubscribe, .unsuback, .pingreq, .auth: break
    }
  }

  private mutating func receive(_ connack: MQTTConnack) throws(ClientError) {
    guard connack.code == 0 else {
      let words: String
      if self.version == .v5 {
        words = MQTTReasonCode(rawValue: connack.code)
          .words(connack.properties.text(.reasonString))
      } else {
        words =
          MQTTConnectReturnCode(rawValue: connack.code)?.words ?? "return code \(connack.code)"
      }
      throw ClientError("the server refused the connection: \(words)")
    }
    self.state = .active
    let properties = connack.properties
    if self.version == .v5 {
      self.receiveMaximum = properties.number(.receiveMaximum).map { Int($0) } ?? 65_535
    }
    self.packetSizeMax = properties.number(.maximumPacketSize).map { Int($0) } ?? .max
    if let number = properties.number(.maximumQoS) {
      self.maximumQoS = MQTTQoS(rawValue: UInt8(truncatingIfNeeded: number)) ?? .exactlyOnce
    }
    self.retainAvailable = properties.number(.retainAvailable) != 0
  }

  private mutating func settle(_ answer: MQTTAcknowledgement, events: inout [SessionEvent]) {
    switch self.pending.removeValue(forKey: answer.packetID) {
    case .puback?, .pubrec?, .pubcomp?: break
    case .suback(let number)?:
      self.pending[answer.packetID] = .suback(number)
      return
    case nil: return
    }
    self.unsettled -= 1
    if answer.reason.isError {
      let words = answer.reason.words(answer.properties.text(.reasonString))
      events.append(.settled(.refused(ClientError("the server refused the message: \(words)"))))
    } else if answer.reason == .noMatchingSubscribers {
      events.append(.settled(.withoutReceiver))
    } else {
      events.append(.settled(.accepted))
    }
  }

  /// A packet identifier that is not in use; there is one as long as not all are.
  private mutating func nextPacketID() throws(ClientError) -> UInt16 {
    guard self.pending.count < Int(UInt16.max) else {
      throw ClientError("all packet identifiers are in use")
    }
    repeat {
      self.lastPacketID = self.lastPacketID == .max ? 1 : self.lastPacketID + 1
    } while self.pending[self.lastPacketID] != nil
    return self.lastPacketID
  }

  mutating func subscribe(
    _ request: SubscriptionRequest, into out: inout ByteBuffer
  ) throws(ClientError) -> Int {
    let filter = request.group.map { "$share/\($0)/\(request.pattern)" } ?? request.pattern
    let isValid = Array(filter.utf8).withUnsafeBytes { MQTTTopicFilter($0) } != nil
    guard isValid, filter.utf8.count <= Int(UInt16.max) else {
      throw ClientError("`\(filter)` is no MQTT topic filter")
    }
    let packetID = try self.nextPacketID()
    self.subscriptionCount += 1
    self.pending[packetID] = .suback(self.subscriptionCount)
    let subscribe = MQTTSubscribe(
      packetID: packetID,
      requests: [.init(filter: ByteBuffer(string: filter), qos: request.qos)])
    MQTTEncoder.encode(.subscribe(subscribe), self.version, into: &out)
    return self.subscriptionCount
  }

  mutating func publish(
    _ message: OutgoingMessage, into out: inout ByteBuffer
  ) throws(ClientError) -> Bool {
    guard message.topic.readableBytes <= Int(UInt16.max),
      message.topic.withUnsafeReadableBytes({ MQTTTopicName.isValid($0) })
    else {
      throw ClientError("`\(String(buffer: message.topic))` is no MQTT topic to publish to")
    }
    guard message.qos <= self.maximumQoS else {
      throw ClientError("the server allows QoS \(self.maximumQoS.rawValue) at most")
    }
    guard self.retainAvailable || !message.retain else {
      throw ClientError("the server retains no messages")
    }
    var publish = MQTTPublish(
      topic: message.topic, payload: message.payload, qos: message.qos, retain: message.retain)
    publish.properties = try self.properties(of: message)
    let size =
      publish.topic.readableBytes + publish.payload.readableBytes
      + publish.properties.bytes.readableBytes + 16
    guard size <= self.packetSizeMax, size <= MQTTVarint.max else {
      throw ClientError("the message takes \(size) bytes and the server allows fewer")
    }
    if message.qos != .atMostOnce {
      guard self.unsettled < self.receiveMaximum, self.pending.count < 60_000 else { return false }
      publish.packetID = try self.nextPacketID()
      self.pending[publish.packetID] = message.qos == .atLeastOnce ? .puback : .pubrec
      self.unsettled += 1
    }
    MQTTEncoder.encode(.publish(publish), self.version, into: &out)
    return true
  }

  private func properties(of message: OutgoingMessage) throws(ClientError) -> MQTTProperties {
    var properties = MQTTProperties()
    guard message.hasMetadata || message.reply != nil else { return properties }
    guard self.version == .v5 else {
      throw ClientError(
        "MQTT 3 has no headers, answers, content types or expiry: leave out --mqtt-version")
    }
    if let seconds = message.expirySeconds { properties.append(.messageExpiryInterval, seconds) }
    if let contentType = message.contentType { properties.append(.contentType, contentType) }
    if let reply = message.reply {
      guard reply.withUnsafeReadableBytes({ MQTTTopicName.isValid($0) }) else {
        throw ClientError("`\(String(buffer: reply))` is no MQTT topic for answers")
      }
      properties.append(.responseTopic, reply)
    }
    if let correlation = message.correlation { properties.append(.correlationData, correlation) }
    for header in message.headers {
      guard header.name.utf8.count <= Int(UInt16.max), header.value.utf8.count <= Int(UInt16.max)
      else { throw ClientError("MQTT cannot carry the header `\(header.name)`: it is too long") }
      properties.append(userProperty: header.name, header.value)
    }
    return properties
  }

  mutating func flush(into out: inout ByteBuffer) {
    self.flushesAwaited += 1
    MQTTEncoder.encode(.pingreq, self.version, into: &out)
  }

  mutating func end(into out: inout ByteBuffer) {
    MQTTEncoder.encode(.disconnect(MQTTDisconnect()), self.version, into: &out)
  }

  func inbox(_ unique: String) -> String { "_INBOX/\(unique)" }
}
