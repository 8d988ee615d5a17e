import NIOCore

extension MQTTConnack {
  init(_ body: inout MQTTBody, _ version: MQTTVersion) throws(MQTTWireError) {
    let flags = try body.byte()
    guard version == .v31 || flags & 0xFE == 0 else {
      throw .malformed("reserved flags of CONNACK are set")
    }
    let code = try body.byte()
    let isKnown =
      version == .v5
      ? MQTTReasonCode(rawValue: code).isAllowed(in: .connack)
      : MQTTConnectReturnCode(rawValue: code) != nil
    guard isKnown else { throw .protocolError("unknown code in CONNACK") }
    let properties = try body.properties(.connack, version)
    try body.finish()
    let isPresent = version != .v31 && flags & 0x01 != 0
    guard !isPresent || code == 0 else { throw .protocolError("a refused session is not present") }
    self.init(sessionPresent: isPresent, code: code, properties: properties)
  }
}

extension MQTTSubscribe {
  init(
    _ body: inout MQTTBody, _ version: MQTTVersion, requestsMax: Int
  ) throws(MQTTWireError) {
    let packetID = try body.packetID()
    let properties = try body.properties(.subscribe, version)
    self.init(packetID: packetID, requests: [], properties: properties)
    while !body.isEmpty {
      guard requests.count < requestsMax else {
        throw MQTTWireError(.quotaExceeded, "too many filters in one packet")
      }
      requests.append(try Request(&body, version))
    }
    guard !requests.isEmpty else { throw .protocolError("SUBSCRIBE without a filter") }
  }
}

extension MQTTSubscribe.Request {
  init(_ body: inout MQTTBody, _ version: MQTTVersion) throws(MQTTWireError) {
    let filter = try body.filter()
    let options = try body.byte()
    guard options & (version == .v5 ? 0xC0 : 0xFC) == 0 else {
      throw .malformed("reserved subscription options are set")
    }
    guard let qos = MQTTQoS(rawValue: options & 0x03) else { throw .malformed("QoS 3") }
    guard let retainHandling = MQTTSubscribe.RetainHandling(rawValue: options >> 4 & 0x03) else {
      throw .protocolError("retain handling 3")
    }
    let noLocal = options & 0x04 != 0
    if noLocal, filter.withUnsafeReadableBytes({ MQTTTopicFilter.isShared($0) }) {
      throw .protocolError("no local on a shared subscription")
    }
    self.init(
      filter: filter, qos: qos, noLocal: noLocal, retainAsPublished: options & 0x08 != 0,
      retainHandling: retainHandling)
  }
}

extension MQTTUnsubscribe {
  init(_ body: inout MQTTBody, _ version: MQTTVersion, filtersMax: Int) throws(MQTTWireError) {
    let packetID = try body.packetID()
    let properties = try body.properties(.unsubscribe, version)
    self.init(packetID: packetID, filters: [], properties: properties)
    while !body.isEmpty {
      guard filters.count < filtersMax else {
        throw MQTTWireError(.quotaExceeded, "too many filters in one packet")
      }
      filters.append(try body.filter())
    }
    guard !filters.isEmpty else { throw .protocolError("UNSUBSCRIBE without a filter") }
  }
}

extension MQTTSuback {
  init(
    _ body: inout MQTTBody, _ version: MQTTVersion, _ type: MQTTPacketType
  ) throws(MQTTWireError) {
    let packetID = try body.packetID()
    let properties = try body.properties(.acknowledgement, version)
    self.init(packetID: packetID, reasons: [], properties: properties)
    guard version == .v5 || type == .suback else {
      try body.finish()
      return
    }
    while !body.isEmpty {
      let reason = MQTTReasonCode(rawValue: try body.byte())
      let isKnown =
        version == .v5
        ? reason.isAllowed(in: type) : reason.rawValue <= 2 || reason == .unspecifiedError
      guard isKnown else { throw .protocolError("unknown code in an acknowledgement") }
      reasons.append(reason)
    }
    guard !reasons.isEmpty else { throw .protocolError("an acknowledgement of nothing") }
  }
}

extension MQTTDisconnect {
  init(_ body: inout MQTTBody, _ version: MQTTVersion) throws(MQTTWireError) {
    self.init()
    guard !body.isEmpty else { return }
    guard version == .v5 else { throw .malformed("bytes after the end of a packet") }
    reason = MQTTReasonCode(rawValue: try body.byte())
    guard reason.isAllowed(in: .disconnect) else {
      throw .protocolError("reason code not allowed in DISCONNECT")
    }
    guard !body.isEmpty else { return }
    properties = try body.properties(.disconnect, version)
    try body.finish()
  }
}

extension MQTTAuth {
  init(_ body: inout MQTTBody, _ version: MQTTVersion) throws(MQTTWireError) {
    guard version == .v5 else { throw .malformed("AUTH before MQTT 5.0") }
    self.init(reason: .success)
    guard !body.isEmpty else { return }
    reason = MQTTReasonCode(rawValue: try body.byte())
    guard reason.isAllowed(in: .auth) else {
      throw .protocolError("reason code not allowed in AUTH")
    }
    properties = try body.properties(.auth, version)
    try body.finish()
  }
}
