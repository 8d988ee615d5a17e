import NIOCore

extension MQTTConnect {
  init(_ header: MQTTFixedHeader, _ body: inout MQTTBody) throws(MQTTWireError) {
    guard header.first & 0x0F == 0 else { throw .malformed("reserved flags are wrong") }
    let version = try Self.version(&body)
    let flags = try body.byte()
    guard version == .v31 || flags & 0x01 == 0 else {
      throw .malformed("reserved connect flag is set")
    }
    let hasWill = flags & 0x04 != 0
    guard let willQoS = MQTTQoS(rawValue: flags >> 3 & 0x03) else { throw .malformed("will QoS 3") }
    let willRetain = flags & 0x20 != 0
    guard hasWill || version == .v31 || (willQoS == .atMostOnce && !willRetain) else {
      throw .malformed("will flags without a will")
    }
    let hasUserName = flags & 0x80 != 0
    let hasPassword = flags & 0x40 != 0
    guard version != .v311 || hasUserName || !hasPassword else {
      throw .malformed("password without a user name")
    }
    let keepAliveSeconds = try body.twoBytes()
    let properties = try body.properties(.connect, version)
    let clientID = try body.text()
    self.init(
      version: version, clientID: clientID, cleanStart: flags & 0x02 != 0,
      keepAliveSeconds: keepAliveSeconds, properties: properties)
    if hasWill {
      let properties = try body.properties(.will, version)
      let topic = try body.text()
      guard topic.withUnsafeReadableBytes({ MQTTTopicName.isValid($0) }) else {
        throw .malformed("will topic is empty or has a wildcard")
      }
      will = Will(
        topic: topic, payload: try body.binary(), qos: willQoS, retain: willRetain,
        properties: properties)
    }
    // MQTT 3.1 allows the flags without the fields.
    if hasUserName, version != .v31 || !body.isEmpty { userName = try body.text() }
    if hasPassword, version != .v31 || !body.isEmpty { password = try body.binary() }
    try body.finish()
  }

  private static func version(_ body: inout MQTTBody) throws(MQTTWireError) -> MQTTVersion {
    let name = try body.text()
    let level = try body.byte()
    if name == ByteBuffer(string: "MQTT") {
      if level == MQTTVersion.v311.rawValue { return .v311 }
      if level == MQTTVersion.v5.rawValue { return .v5 }
    } else if name == ByteBuffer(string: "MQIsdp") {
      if level == MQTTVersion.v31.rawValue { return .v31 }
    } else {
      throw .malformed("protocol name is neither MQTT nor MQIsdp")
    }
    throw MQTTWireError(.unsupportedProtocolVersion, "unknown protocol version")
  }
}
