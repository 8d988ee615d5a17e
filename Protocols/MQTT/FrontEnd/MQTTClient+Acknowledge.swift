import GodwitEngine
import GodwitFrontEndKit
import MQTTWire

extension MQTTClient {
  /// Sends PUBACK, PUBREC, PUBREL or PUBCOMP.
  func acknowledge(
    _ type: MQTTPacketType, _ packetID: UInt16, _ reason: MQTTReasonCode,
    _ message: StaticString = ""
  ) {
    if version == .v5, reason.isError, wantsProblemInformation, message.utf8CodeUnitCount > 0,
      (session?.packetSizeMax ?? .max) >= 16 + message.utf8CodeUnitCount
    {
      var properties = MQTTProperties()
      properties.append(.reasonString, message.description)
      let full = MQTTAcknowledgement(packetID: packetID, reason: reason, properties: properties)
      send(type == .puback ? .puback(full) : type == .pubrec ? .pubrec(full) : .pubcomp(full))
      return
    }
    let hasReason = version == .v5 && reason != .success
    let size = hasReason ? 5 : 4
    link._withUnsafeGuaranteedRef {
      $0.append(count: size) { memory in
        guard let base = memory.baseAddress else { return }
        let flags: UInt8 = type == .pubrel ? 0x02 : 0
        base.storeBytes(of: type.rawValue << 4 | flags, as: UInt8.self)
        base.storeBytes(of: hasReason ? 3 : 2, toByteOffset: 1, as: UInt8.self)
        base.storeBytes(of: packetID.bigEndian, toByteOffset: 2, as: UInt16.self)
        if hasReason { base.storeBytes(of: reason.rawValue, toByteOffset: 4, as: UInt8.self) }
      }
    }
    counters.pointee.packetsSent &+= 1
    counters.pointee.bytesSent &+= UInt64(size)
  }

  /// Sends PUBREL or PUBCOMP when what it says will be known after a restart, where anything is.
  private func acknowledge(
    _ type: MQTTPacketType, _ packetID: UInt16, _ reason: MQTTReasonCode, whenWritten waits: Bool,
    _ session: MQTTSession
  ) {
    guard waits, session.queue != nil, let queues = session.tenant.queues else {
      acknowledge(type, packetID, reason)
      return
    }
    queues.whenWritten { error in
      guard self.phase == .connected, self.session === session else { return }
      if error == nil {
        self.acknowledge(type, packetID, reason)
      } else {
        // It asks again on its next connection.
        self.disconnect(.quotaExceeded, .protocolError, "\(Self.notKept)")
      }
    }
  }

  /// PUBACK, PUBREC, PUBREL and PUBCOMP from the client (MQTT 5.0, 3.4 to 3.7).
  func acknowledged(
    _ type: MQTTPacketType, _ packet: UnsafeRawBufferPointer, _ header: MQTTFixedHeader
  ) throws(MQTTWireError) {
    let view = try MQTTAcknowledgementView(packet, header: header, version: version)
    if !view.properties.isEmpty {
      try MQTTPropertyReader.validate(
        UnsafeRawBufferPointer(rebasing: packet[view.properties]), in: .acknowledgement)
    }
    guard let session else { return }
    switch type {
    case .pubrel:
      let isKnown = session.forget(view.packetID)
      acknowledge(
        .pubcomp, view.packetID, isKnown || version != .v5 ? .success : .packetIdentifierNotFound,
        whenWritten: isKnown, session)
    case .puback:
      // One that is not known is a race after a resumed session, or harmless.
      finished(view.packetID, .puback, session)
    case .pubrec:
      guard !view.reason.isError else {
        finished(view.packetID, nil, session)
        return
      }
      let isKnown = session.outbox?.received(view.packetID) ?? false
      acknowledge(
        .pubrel, view.packetID, isKnown || version != .v5 ? .success : .packetIdentifierNotFound,
        whenWritten: isKnown, session)
    default: finished(view.packetID, .pubcomp, session)
    }
  }

  private func finished(
    _ packetID: UInt16, _ awaited: MQTTOutbox.Awaited?, _ session: MQTTSession
  ) {
    guard let outbox = session.outbox else { return }
    // What is done with can no longer be looked at.
    let known = frontEnd.slow == nil ? nil : outbox.inFlight[packetID].flatMap(outbox.record(of:))
    guard let message = outbox.finish(packetID, if: awaited) else { return }
    if let slow = frontEnd.slow, let record = message.record ?? known {
      let now = frontEnd.engine.now
      let latency = now - record.receivedAt
      if latency >= slow.threshold {
        frontEnd.slow?.note(
          .init(
            clientID: session.clientName,
            topic: String(decoding: MQTTTopicCodec.name(record.topic) ?? [], as: UTF8.self),
            latency: latency, at: now))
      }
    }
    session.pump()
  }
}
