import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire
import NIOCore

/// The server's half of one network connection: reads packets, answers them, and hands messages on.
final class MQTTClient: Session {
  enum Phase {
    /// Nothing but CONNECT may come.
    case awaitingConnect
    /// CONNECT came; who the client is, is being found out.
    case authenticating
    /// CONNACK was sent.
    case connected
    /// Nothing more is read.
    case closed
  }

  /// Settings that every packet asks for.
  struct Limits {
    var packetBytesMax = 0
    var qosMax = MQTTQoS.exactlyOnce
    var isRetainAvailable = true
  }

  unowned let frontEnd: MQTTServer
  /// Where packets are counted; see `MQTTServer.counters`.
  let counters: UnsafeMutablePointer<MQTTStatistics>
  /// How much routing has cost in this turn of the loop; see `Engine.effort`.
  let effort: UnsafeMutablePointer<UInt64>
  /// What the engine calls this protocol.
  let origin: Origin
  /// The connection, which outlives this.
  let link: Unmanaged<Connection>
  /// Copied from the settings.
  private(set) var limits = Limits()
  var phase = Phase.awaitingConnect
  /// The version of CONNECT.
  var version = MQTTVersion.v311
  /// The session, from CONNACK until it is taken over or the connection ends.
  var session: MQTTSession?
  /// Whom the connection acts for, from CONNACK on.
  var principal: Principal?
  /// What is needed only while somebody is let in.
  private var admission: MQTTAdmission?
  /// The method of enhanced authentication that CONNECT named.
  var authenticationMethod: String?
  /// Keep-alive in seconds; 0 for none.
  var keepAliveSeconds = 0
  /// Whether reason strings may be sent with every packet (MQTT 5.0, 3.1.2.11.7).
  var wantsProblemInformation = true
  /// The last topic published to; made with the first message.
  var memo: MQTTTopicMemo?
  /// Topics by the alias that the client gave them.
  var aliases: [UInt16: [UInt8]] = [:]
  /// Whether the server chose the client identifier.
  var hasAssignedID = false
  /// Whether the session's will is published when the connection ends.
  var publishesWill = true
  /// Whether reading waits for an answer from elsewhere.
  var isWaiting = false
  /// Whether reading waits for a subscriber; see `MQTTHold`.
  var isHeld = false
  /// Who keeps the message at hand.
  var kept: Kept?
  /// Answers that wait for those; made with the first.
  var answers: MQTTAnswers?
  private var timer: Timers.Token?

  init(connection: Connection, frontEnd: MQTTServer) {
    self.frontEnd = frontEnd
    counters = frontEnd.counters
    origin = frontEnd.origin
    effort = frontEnd.engine.effort
    link = .passUnretained(connection)
    super.init(connection: connection)
    copyLimits()
  }

  /// CONNECT, until CONNACK.
  var pendingConnect: MQTTConnect? {
    get { admission?.connect }
    set { admit { $0.connect = newValue } }
  }

  /// An exchange of AUTH packets that is under way.
  var exchange: MQTTAuthenticationExchange? {
    get { admission?.exchange }
    set { admit { $0.exchange = newValue } }
  }

  /// The last word of an exchange, for CONNACK.
  var finalAuthenticationData: [UInt8]? {
    get { admission?.finalData }
    set { admit { $0.finalData = newValue } }
  }

  private func admit(_ change: (MQTTAdmission) -> Void) {
    let changed = admission ?? MQTTAdmission()
    change(changed)
    admission = changed.isOver ? nil : changed
  }

  private func copyLimits() {
    let settings = frontEnd.settings
    limits = Limits(
      packetBytesMax: settings.packetBytesMax, qosMax: settings.qosMax,
      isRetainAvailable: settings.isRetainAvailable)
    session?.pendingBytesMax = settings.pendingBytesMax
  }

  override func opened() {
    frontEnd.statistics.socketsOpened &+= 1
    connection.pendingBytesMax = frontEnd.settings.pendingBytesMax * 4
    connection.writeDeadlineSeconds = frontEnd.settings.writeDeadlineSeconds
    timer = frontEnd.engine.timers.schedule(
      afterSeconds: frontEnd.settings.connectTimeoutSeconds, self, kind: 0)
  }

  // MARK: Reading

  override func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
    var offset = 0
    do throws(MQTTWireError) {
      while offset < bytes.count, phase != .closed, !isWaiting, !isHeld {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        if phase == .awaitingConnect, rest[0] != MQTTPacketType.connect.rawValue << 4 {
          throw MQTTWireError(.protocolError, "the first packet is not CONNECT")
        }
        let scan = try MQTTFixedHeader.scan(
          rest,
          packetSizeMax: phase == .awaitingConnect
            ? min(frontEnd.settings.connectBytesMax, frontEnd.settings.packetBytesMax)
            : limits.packetBytesMax,
          minimal: version == .v5 && phase != .awaitingConnect)
        guard case .packet(let header) = scan else {
          guard case .needs(let missing) = scan else { break }
          counters.pointee.bytesReceived &+= UInt64(truncatingIfNeeded: offset)
          return Intake(consumed: offset, needed: rest.count &+ missing)
        }
        offset &+= header.packetSize
        counters.pointee.packetsReceived &+= 1
        let packet = UnsafeRawBufferPointer(rebasing: rest[..<header.packetSize])
        if header.first >> 4 == MQTTPacketType.publish.rawValue, phase == .connected {
          try publish(packet, header)
        } else {
          try handle(packet, header)
        }
        if effort.pointee > Engine.effortMax {
          connection.giveWay()
          break
        }
      }
    } catch {
      refuse(error)
      offset = bytes.count
    }
    counters.pointee.bytesReceived &+= UInt64(truncatingIfNeeded: offset)
    return Intake(consumed: phase == .closed ? bytes.count : offset)
  }

  private func handle(
    _ packet: UnsafeRawBufferPointer, _ header: MQTTFixedHeader
  ) throws(MQTTWireError) {
    guard let type = header.type else { throw MQTTWireError(.malformedPacket, "packet type 0") }
    switch (type, phase) {
    case (.connect, .awaitingConnect): try connect(packet)
    case (.auth, .authenticating), (.auth, .connected): try authenticate(decode(packet))
    case (.disconnect, .authenticating): end(.peerClosed)
    case (_, .authenticating):
      throw MQTTWireError(.protocolError, "only AUTH may come before CONNACK")
    case (.puback, _), (.pubrec, _), (.pubrel, _), (.pubcomp, _):
      try acknowledged(type, packet, header)
    case (.subscribe, _): try subscribe(decode(packet))
    case (.unsubscribe, _): try unsubscribe(decode(packet))
    case (.pingreq, _):
      _ = try decode(packet)
      send(.pingresp)
    case (.disconnect, _): try disconnected(decode(packet))
    case (.connect, _): throw MQTTWireError(.protocolError, "a second CONNECT")
    default: throw MQTTWireError(.protocolError, "a packet that only servers send")
    }
  }

  /// Decodes one whole packet of the rarer kinds.
  private func decode(_ packet: UnsafeRawBufferPointer) throws(MQTTWireError) -> MQTTPacket {
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = frontEnd.settings.packetBytesMax
    limits.filtersMax = frontEnd.settings.filtersPerPacketMax
    var decoder = MQTTDecoder(version: version, limits: limits)
    var buffer = ByteBuffer(bytes: packet)
    guard let decoded = try decoder.decode(&buffer) else {
      throw MQTTWireError(.malformedPacket, "packet is cut short")
    }
    return decoded
  }

  // MARK: Sending

  /// Sends a packet of the rarer kinds. A client for which one is too large is closed without it
  /// (MQTT-3.1.2-24).
  func send(_ packet: MQTTPacket) {
    var buffer = ByteBuffer()
    MQTTEncoder.encode(packet, version, into: &buffer)
    guard buffer.readableBytes <= packetSizeMax else {
      end(CloseReason("Packet Too Large"))
      return
    }
    frontEnd.statistics.packetsSent &+= 1
    frontEnd.statistics.bytesSent &+= UInt64(truncatingIfNeeded: buffer.readableBytes)
    connection.append(buffer)
  }

  /// The largest packet that the client takes, as CONNECT says.
  private var packetSizeMax: Int {
    if let session { return session.packetSizeMax }
    return pendingConnect?.properties.number(.maximumPacketSize).map { Int($0) } ?? .max
  }

  // MARK: Ending

  /// The client broke the protocol: it is told why, as far as its version has words, and closed.
  func refuse(_ error: MQTTWireError) {
    switch phase {
    case .connected: disconnect(error.reason, .protocolError, error.message)
    case .authenticating: rejectConnect(error.reason, error.message)
    case .awaitingConnect, .closed: end(.protocolError)
    }
  }

  /// Says farewell with a reason and closes.
  func disconnect(_ reason: MQTTReasonCode, _ close: CloseReason, _ message: String? = nil) {
    guard phase != .closed else { return }
    if phase == .connected, version == .v5 {
      var properties = MQTTProperties()
      if let message { properties.append(.reasonString, message) }
      let full = MQTTDisconnect(reason: reason, properties: properties)
      let fits = full.properties.bytes.readableBytes + 16 <= session?.packetSizeMax ?? .max
      send(.disconnect(fits ? full : MQTTDisconnect(reason: reason)))
    }
    end(close)
  }

  /// Closes without a word.
  func end(_ reason: CloseReason) {
    guard phase != .closed else { return }
    phase = .closed
    connection.close(reason)
    frontEnd.engine.whenQuiet { self.leaveSession() }
  }

  /// The session goes on, or ends, without waiting for the socket to close.
  private func leaveSession() {
    let session = session
    self.session = nil
    session?.detach(publishesWill: publishesWill)
  }

  /// Another connection has taken the session.
  func lostSession() {
    session = nil
    disconnect(.sessionTakenOver, CloseReason("Session Taken Over"))
  }

  override func evict(_ reason: CloseReason) {
    disconnect(
      reason == .shutdown ? .serverShuttingDown : .administrativeAction, reason)
  }

  override func outputOverflowed() { end(.slowConsumer) }

  override func inputClosed() { end(.peerClosed) }

  override func outputDrained() { session?.pump() }

  override func closed(_ reason: CloseReason) {
    phase = .closed
    if let timer { frontEnd.engine.timers.cancel(timer) }
    timer = nil
    pendingConnect = nil
    exchange = nil
    if principal != nil { frontEnd.statistics.clientsConnected -= 1 }
    leaveSession()
  }

  override var details: [(name: String, value: SettingValue)] {
    var list: [(name: String, value: SettingValue)] = [
      ("version", .text(version == .v31 ? "3.1" : version == .v311 ? "3.1.1" : "5.0")),
      ("keep_alive_seconds", .integer(keepAliveSeconds)),
    ]
    if let session {
      list.append(("subscriptions", .integer(session.subscriptions.count)))
      list.append(("queued", .integer(session.queuedCount)))
    }
    return list
  }

  /// Permissions, limits or rules may have changed.
  func settingsChanged() {
    memo?.forget()
    copyLimits()
    connection.pendingBytesMax = frontEnd.settings.pendingBytesMax * 4
    connection.writeDeadlineSeconds = frontEnd.settings.writeDeadlineSeconds
    guard let principal, let session else { return }
    guard
      let today = frontEnd.context.access.authenticator.refresh(principal, peer: peerIdentity)
    else {
      publishesWill = false
      disconnect(.notAuthorized, .authentication)
      return
    }
    guard today.tenant === principal.tenant else {
      publishesWill = false
      disconnect(.administrativeAction, .operatorRequest)
      return
    }
    self.principal = today
    session.changePrincipal(today)
  }
}

extension MQTTClient: TimerTarget {
  /// The keep-alive begins with CONNACK; the same timer was the deadline for CONNECT before.
  func startKeepAlive() {
    if let timer { frontEnd.engine.timers.cancel(timer) }
    timer = nil
    guard keepAliveSeconds > 0 else { return }
    timer = frontEnd.engine.timers.schedule(atUptime: keepAliveDeadline, self, kind: 1)
  }

  /// One and a half times the keep-alive after the last bytes (MQTT-3.1.2-22). Who is not read from
  /// now cannot be heard.
  private var keepAliveDeadline: Int64 {
    (connection.isReadingPaused ? frontEnd.engine.uptime : connection.lastReadAt)
      + Int64(keepAliveSeconds) * 1_500_000_000
  }

  func timerFired(_ kind: Int) {
    timer = nil
    guard phase == .connected else {
      if phase != .closed { end(.authenticationTimeout) }
      return
    }
    let deadline = keepAliveDeadline
    if deadline > frontEnd.engine.uptime {
      timer = frontEnd.engine.timers.schedule(atUptime: deadline, self, kind: 1)
    } else {
      disconnect(.keepAliveTimeout, .stale)
    }
  }
}
