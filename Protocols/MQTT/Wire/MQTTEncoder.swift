public import NIOCore

/// Writes packets. Appends, never flushes.
public enum MQTTEncoder {
  /// Appends one packet in the form of `version`; CONNECT brings its own version.
  ///
  /// What a version cannot say (properties, reasons) is left out.
  public static func encode(
    _ packet: MQTTPacket, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    switch packet {
    case .connect(let connect): encode(connect, into: &out)
    case .connack(let connack): encode(connack, version, into: &out)
    case .publish(let publish): encode(publish, version, alias: nil, into: &out)
    case .puback(let acknowledgement): encode(acknowledgement, .puback, version, into: &out)
    case .pubrec(let acknowledgement): encode(acknowledgement, .pubrec, version, into: &out)
    case .pubrel(let acknowledgement): encode(acknowledgement, .pubrel, version, into: &out)
    case .pubcomp(let acknowledgement): encode(acknowledgement, .pubcomp, version, into: &out)
    case .subscribe(let subscribe): encode(subscribe, version, into: &out)
    case .suback(let suback): encode(suback, .suback, version, into: &out)
    case .unsubscribe(let unsubscribe): encode(unsubscribe, version, into: &out)
    case .unsuback(let unsuback): encode(unsuback, .unsuback, version, into: &out)
    case .pingreq: out.writeInteger(UInt16(0xC000))
    case .pingresp: out.writeInteger(UInt16(0xD000))
    case .disconnect(let disconnect): encode(disconnect, version, into: &out)
    case .auth(let auth): encode(auth, into: &out)
    }
  }

  private static func header(
    _ type: MQTTPacketType, _ flags: UInt8, _ bodySize: Int, into out: inout ByteBuffer
  ) {
    out.writeInteger(type.rawValue << 4 | flags)
    out.writeMQTTVarint(bodySize)
  }

  /// Bytes of a list of properties with its length; 0 before MQTT 5.0.
  private static func size(_ properties: MQTTProperties, _ version: MQTTVersion) -> Int {
    guard version == .v5 else { return 0 }
    let count = properties.bytes.readableBytes
    return MQTTVarint.size(count) + count
  }

  private static func write(
    _ properties: MQTTProperties, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    guard version == .v5 else { return }
    out.writeMQTTVarint(properties.bytes.readableBytes)
    out.writeImmutableBuffer(properties.bytes)
  }

  private static func encode(_ connect: MQTTConnect, into out: inout ByteBuffer) {
    let version = connect.version
    let name: StaticString = version == .v31 ? "MQIsdp" : "MQTT"
    var flags: UInt8 = connect.cleanStart ? 0x02 : 0
    var bodySize = 2 + name.utf8CodeUnitCount + 4 + size(connect.properties, version)
    bodySize += 2 + connect.clientID.readableBytes
    if let will = connect.will {
      flags |= 0x04 | will.qos.rawValue << 3 | (will.retain ? 0x20 : 0)
      bodySize += size(will.properties, version) + 4
      bodySize += will.topic.readableBytes + will.payload.readableBytes
    }
    if let userName = connect.userName {
      flags |= 0x80
      bodySize += 2 + userName.readableBytes
    }
    if let password = connect.password {
      flags |= 0x40
      bodySize += 2 + password.readableBytes
    }
    header(.connect, 0, bodySize, into: &out)
    out.writeInteger(UInt16(truncatingIfNeeded: name.utf8CodeUnitCount))
    out.writeStaticString(name)
    out.writeInteger(version.rawValue)
    out.writeInteger(flags)
    out.writeInteger(connect.keepAliveSeconds)
    write(connect.properties, version, into: &out)
    out.writeMQTTCounted(connect.clientID)
    if let will = connect.will {
      write(will.properties, version, into: &out)
      out.writeMQTTCounted(will.topic)
      out.writeMQTTCounted(will.payload)
    }
    if let userName = connect.userName { out.writeMQTTCounted(userName) }
    if let password = connect.password { out.writeMQTTCounted(password) }
  }

  private static func encode(
    _ connack: MQTTConnack, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    header(.connack, 0, 2 + size(connack.properties, version), into: &out)
    out.writeInteger(connack.sessionPresent && version != .v31 ? UInt8(1) : 0)
    out.writeInteger(connack.code)
    write(connack.properties, version, into: &out)
  }

  /// Appends a PUBLISH, of MQTT 5.0 with an alias behind its properties.
  public static func encode(
    _ publish: MQTTPublish, _ version: MQTTVersion, alias: UInt16?, into out: inout ByteBuffer
  ) {
    let alias = version == .v5 ? alias : nil
    let hasID = publish.qos != .atMostOnce
    let flags =
      (publish.duplicate ? 0x08 : 0) | publish.qos.rawValue << 1 | (publish.retain ? 0x01 : 0)
    let propertiesSize = publish.properties.bytes.readableBytes + (alias == nil ? 0 : 3)
    let bodySize =
      2 + publish.topic.readableBytes + (hasID ? 2 : 0)
      + (version == .v5 ? MQTTVarint.size(propertiesSize) + propertiesSize : 0)
      + publish.payload.readableBytes
    header(.publish, flags, bodySize, into: &out)
    out.writeMQTTCounted(publish.topic)
    if hasID { out.writeInteger(publish.packetID) }
    if version == .v5 {
      out.writeMQTTVarint(propertiesSize)
      out.writeImmutableBuffer(publish.properties.bytes)
      if let alias {
        out.writeInteger(MQTTPropertyID.topicAlias.rawValue)
        out.writeInteger(alias)
      }
    }
    out.writeImmutableBuffer(publish.payload)
  }

  private static func encode(
    _ acknowledgement: MQTTAcknowledgement, _ type: MQTTPacketType, _ version: MQTTVersion,
    into out: inout ByteBuffer
  ) {
    let flags: UInt8 = type == .pubrel ? 0x02 : 0
    let hasProperties = version == .v5 && !acknowledgement.properties.isEmpty
    let hasReason = version == .v5 && (hasProperties || acknowledgement.reason != .success)
    let bodySize =
      2 + (hasReason ? 1 : 0) + (hasProperties ? size(acknowledgement.properties, version) : 0)
    header(type, flags, bodySize, into: &out)
    out.writeInteger(acknowledgement.packetID)
    if hasReason { out.writeInteger(acknowledgement.reason.rawValue) }
    if hasProperties { write(acknowledgement.properties, version, into: &out) }
  }

  private static func encode(
    _ subscribe: MQTTSubscribe, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    let filtersSize = subscribe.requests.reduce(0) { $0 + 3 + $1.filter.readableBytes }
    header(.subscribe, 0x02, 2 + size(subscribe.properties, version) + filtersSize, into: &out)
    out.writeInteger(subscribe.packetID)
    write(subscribe.properties, version, into: &out)
    for request in subscribe.requests {
      out.writeMQTTCounted(request.filter)
      var options = request.qos.rawValue
      if version == .v5 {
        options |= (request.noLocal ? 0x04 : 0) | (request.retainAsPublished ? 0x08 : 0)
        options |= request.retainHandling.rawValue << 4
      }
      out.writeInteger(options)
    }
  }

  private static func encode(
    _ suback: MQTTSuback, _ type: MQTTPacketType, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    let reasons = version != .v5 && type == .unsuback ? [] : suback.reasons
    header(type, 0, 2 + size(suback.properties, version) + reasons.count, into: &out)
    out.writeInteger(suback.packetID)
    write(suback.properties, version, into: &out)
    for reason in reasons {
      // Before MQTT 5.0 there is one word for failure.
      let code = version != .v5 && reason.isError ? MQTTReasonCode.unspecifiedError : reason
      out.writeInteger(code.rawValue)
    }
  }

  private static func encode(
    _ unsubscribe: MQTTUnsubscribe, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    let filtersSize = unsubscribe.filters.reduce(0) { $0 + 2 + $1.readableBytes }
    header(.unsubscribe, 0x02, 2 + size(unsubscribe.properties, version) + filtersSize, into: &out)
    out.writeInteger(unsubscribe.packetID)
    write(unsubscribe.properties, version, into: &out)
    for filter in unsubscribe.filters { out.writeMQTTCounted(filter) }
  }

  private static func encode(
    _ disconnect: MQTTDisconnect, _ version: MQTTVersion, into out: inout ByteBuffer
  ) {
    let isBare = disconnect.reason == .success && disconnect.properties.isEmpty
    guard version == .v5, !isBare else {
      out.writeInteger(UInt16(0xE000))
      return
    }
    let hasProperties = !disconnect.properties.isEmpty
    let bodySize = 1 + (hasProperties ? size(disconnect.properties, version) : 0)
    header(.disconnect, 0, bodySize, into: &out)
    out.writeInteger(disconnect.reason.rawValue)
    if hasProperties { write(disconnect.properties, version, into: &out) }
  }

  private static func encode(_ auth: MQTTAuth, into out: inout ByteBuffer) {
    guard auth.reason != .success || !auth.properties.isEmpty else {
      out.writeInteger(UInt16(0xF000))
      return
    }
    header(.auth, 0, 1 + size(auth.properties, .v5), into: &out)
    out.writeInteger(auth.reason.rawValue)
    write(auth.properties, .v5, into: &out)
  }
}
