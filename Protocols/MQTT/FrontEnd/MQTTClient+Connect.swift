import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore

extension MQTTClient {
  /// What is known of the peer, for authentication.
  var peerIdentity: PeerIdentity {
    PeerIdentity(
      protocolName: MQTTServer.name, address: connection.peer.address,
      certificateSubject: connection.peer.certificateSubject,
      certificateCommonName: connection.peer.certificateCommonName,
      clientID: connection.clientName)
  }

  /// CONNECT (MQTT 5.0, 3.1): checks it and finds out who the client is.
  func connect(_ packet: UnsafeRawBufferPointer) throws(MQTTWireError) {
    var limits = MQTTDecoder.Limits()
    limits.packetSizeMax = frontEnd.settings.connectBytesMax
    limits.connectSizeMax = frontEnd.settings.connectBytesMax
    var decoder = MQTTDecoder(limits: limits)
    var buffer = ByteBuffer(bytes: packet)
    let decoded: MQTTPacket?
    do throws(MQTTWireError) {
      decoded = try decoder.decode(&buffer)
    } catch {
      explainRefusal(of: packet, error)
      return
    }
    guard case .connect(var connect)? = decoded else { return }
    version = connect.version
    phase = .authenticating
    pendingConnect = connect
    wantsProblemInformation = connect.properties.number(.requestProblemInformation) != 0
    if let refusal = nameClient(&connect) {
      rejectConnect(refusal)
      return
    }
    connection.clientName = String(buffer: connect.clientID)
    if frontEnd.isDraining {
      rejectConnect(.serverUnavailable)
      return
    }
    pendingConnect = connect
    if let method = connect.properties.text(.authenticationMethod) {
      authenticationMethod = method
      beginExchange(method, connect.properties.data(.authenticationData), connect)
      return
    }
    check(credentials(of: connect))
  }

  /// A CONNECT that is none: a client that seems to speak a known version is told why.
  private func explainRefusal(of packet: UnsafeRawBufferPointer, _ error: MQTTWireError) {
    let bytes = packet.dropFirst(2).prefix(12)
    if error.reason == .unsupportedProtocolVersion {
      // Every version reads this answer (3.1.1, 3.1.2.2).
      connection.append(ByteBuffer(bytes: [0x20, 2, 0, 1]))
    } else if bytes.count > 6, packet[2] == 0, bytes.dropFirst(2).starts(with: "MQTT\u{5}".utf8) {
      version = .v5
      send(.connack(MQTTConnack(code: error.reason.rawValue)))
    }
    end(.protocolError)
  }

  /// Gives a client without an identifier one, where its version allows that.
  ///
  /// - Returns: the reason to refuse it.
  private func nameClient(_ connect: inout MQTTConnect) -> MQTTReasonCode? {
    guard connect.clientID.readableBytes == 0 else { return nil }
    if version == .v31 || (version == .v311 && !connect.cleanStart) {
      return .clientIdentifierNotValid
    }
    connect.clientID = ByteBuffer(bytes: frontEnd.makeClientID())
    hasAssignedID = true
    return nil
  }

  private func credentials(of connect: MQTTConnect) -> Credentials {
    guard connect.userName != nil || connect.password != nil else { return .none }
    return .password(
      user: connect.userName.map { String(buffer: $0) } ?? "",
      password: connect.password.map { Array($0.readableBytesView) } ?? [])
  }

  /// Asks whether the client may come in, and goes on when the answer is there.
  func check(_ credentials: Credentials) {
    isWaiting = true
    frontEnd.context.access.authenticate(credentials, peer: peerIdentity) {
      // Not weak: a weak reference would slow down every later use of this object.
      self.authenticated($0)
    }
    if isWaiting { connection.pauseReading() }
  }

  private func authenticated(_ result: Result<Principal, AccessRefusal>) {
    guard isWaiting else { return }
    isWaiting = false
    if phase == .connected {
      reauthenticated(result)
    } else if phase == .authenticating, let connect = pendingConnect {
      switch result {
      case .success(let principal) where isBanned(connect, principal):
        frontEnd.statistics.bans &+= 1
        rejectConnect(.banned)
      case .success(let principal): accept(connect, principal)
      case .failure(let refusal): rejectConnect(Self.reason(of: refusal))
      }
    }
    if connection.isOpen, !isWaiting { connection.resumeReading() }
  }

  /// Counts the connection. Only clients that are let in count, so that nobody else gets a client
  /// banned.
  private func isBanned(_ connect: MQTTConnect, _ principal: Principal) -> Bool {
    guard frontEnd.flapping != nil else { return false }
    let client = MQTTFlapping.Key(
      tenant: principal.tenant.name, user: principal.name,
      clientID: Array(connect.clientID.readableBytesView))
    return frontEnd.flapping?.isBanned(client, now: frontEnd.engine.now) == true
  }

  static func reason(of refusal: AccessRefusal) -> MQTTReasonCode {
    switch refusal {
    case .badCredentials: .badUserNameOrPassword
    case .notAuthorized, .credentialsRequired: .notAuthorized
    case .busy: .serverBusy
    }
  }

  /// Refuses a CONNECT with a reason and closes.
  func rejectConnect(_ reason: MQTTReasonCode, _ message: String? = nil) {
    if version == .v5 {
      var properties = MQTTProperties()
      if let message { properties.append(.reasonString, message) }
      send(.connack(MQTTConnack(code: reason.rawValue, properties: properties)))
    } else if let code = MQTTConnectReturnCode(reason) {
      send(.connack(MQTTConnack(code: code.rawValue)))
    }
    let isAccess: Set<MQTTReasonCode> = [
      .badUserNameOrPassword, .notAuthorized, .badAuthenticationMethod,
    ]
    end(isAccess.contains(reason) ? .authentication : .protocolError)
  }

  // MARK: Accepting

  /// The client is known: finds or makes its session and answers CONNACK.
  func accept(_ connect: MQTTConnect, _ principal: Principal) {
    guard let will = checkedWill(connect, principal) else { return }
    let table = frontEnd.table(of: principal.tenant)
    let clientID = Array(connect.clientID.readableBytesView)
    var earlier = table.session(clientID)
    // Nobody is ended by another user who knows the client identifier.
    if let earlier, earlier.isOnline, earlier.principal.name != principal.name {
      rejectConnect(.clientIdentifierNotValid, "another user is connected with it")
      return
    }
    if earlier == nil, frontEnd.sessionCount >= frontEnd.settings.sessionsMax {
      rejectConnect(.quotaExceeded)
      return
    }
    let terms = terms(of: connect)
    var charge = connect.cleanStart ? nil : earlier?.charge
    if terms.expirySeconds > 0, charge == nil {
      charge = principal.tenant.memory.charge(MQTTSession.byteCount(clientID))
      guard charge != nil else {
        rejectConnect(.quotaExceeded, "the server keeps too much already")
        return
      }
    }
    if let holder = earlier?.client {
      holder.lostSession()
      earlier?.detach(publishesWill: holder.publishesWill)
      if earlier?.isEnded == true { earlier = nil }
    }
    // Somebody else's session is nobody's to continue.
    var waits = false
    if let old = earlier, connect.cleanStart || old.principal.name != principal.name {
      waits = old.queue != nil
      old.end()
      earlier = nil
    }
    let session: MQTTSession
    if let earlier {
      session = earlier
    } else {
      guard let made = makeSession(clientID, principal, terms) else {
        rejectConnect(.quotaExceeded, "the server keeps too much already")
        return
      }
      session = made
      table.add(made)
      waits = waits || made.queue != nil
    }
    session.charge = terms.expirySeconds > 0 ? charge : nil
    let entrance = Entrance(
      connect: connect, principal: principal, terms: terms, will: will.value, session: session,
      isPresent: earlier != nil)
    if waits, let queues = principal.tenant.queues {
      enter(entrance, whenDefinedBy: queues)
    } else {
      enter(entrance)
    }
  }

  /// Everything that is known of a client that is let in.
  private struct Entrance {
    let connect: MQTTConnect
    let principal: Principal
    let terms: MQTTTerms
    let will: MQTTWill?
    let session: MQTTSession
    let isPresent: Bool
  }

  /// A session, in a queue where it is to outlive its connection and may outlive the process; `nil`
  /// where there is no room for it.
  private func makeSession(
    _ clientID: [UInt8], _ principal: Principal, _ terms: MQTTTerms
  ) -> MQTTSession? {
    guard terms.expirySeconds > 0, let queues = principal.tenant.queues else {
      return MQTTSession(clientID: clientID, principal: principal, frontEnd: frontEnd)
    }
    guard let queue = try? queues.create(MQTTSession.queueName(clientID)) else { return nil }
    let head = MQTTSessionHead(
      expirySeconds: terms.expirySeconds, disconnectedAt: frontEnd.engine.now,
      sender: MQTTSender(principal, peerIdentity).note(frontEnd.runID))
    do {
      try queue.set(MQTTSessionHead.key, head.bytes)
    } catch {
      queues.delete(queue)
      return nil
    }
    return MQTTSession(clientID: clientID, principal: principal, frontEnd: frontEnd, queue: queue)
  }

  /// Lets the client in once its session, or the end of an earlier one, is known after a restart.
  private func enter(_ entrance: Entrance, whenDefinedBy queues: Queues) {
    isWaiting = true
    queues.whenDefined { error in
      self.isWaiting = false
      let session = entrance.session
      let isFree =
        self.phase == .authenticating && !session.isOnline && !session.isEnded
        && !self.frontEnd.isDraining
      if isFree, error == nil {
        self.enter(entrance)
      } else {
        // A session that nobody has entered is no session.
        if !entrance.isPresent, !session.isOnline { session.end() }
        if self.phase == .authenticating {
          self.rejectConnect(error == nil ? .serverBusy : .quotaExceeded)
        }
      }
      if self.connection.isOpen { self.connection.resumeReading() }
    }
    if isWaiting { connection.pauseReading() }
  }

  private func enter(_ entrance: Entrance) {
    let session = entrance.session
    let principal = entrance.principal
    self.session = session
    self.principal = principal
    pendingConnect = nil
    exchange = nil
    phase = .connected
    connection.userName = principal.name
    connection.tenantName = principal.tenant.name
    frontEnd.statistics.clientsConnected += 1
    frontEnd.statistics.connectionsAccepted &+= 1
    frontEnd.statistics.clientsMaximum = max(
      frontEnd.statistics.clientsMaximum, frontEnd.statistics.clientsConnected)
    session.attach(self, terms: entrance.terms, principal: principal)
    session.will = entrance.will
    session.noteWill()
    keepAliveSeconds = grantedKeepAlive(entrance.connect)
    answer(entrance.connect, entrance.terms, isPresent: entrance.isPresent)
    guard phase == .connected else { return }
    startKeepAlive()
    subscribeAutomatically(entrance.connect, isNew: !entrance.isPresent)
    session.pump()
  }

  /// A will that was checked; `nil` stands for a CONNECT that was refused for it.
  private struct CheckedWill {
    var value: MQTTWill?
  }

  private func checkedWill(_ connect: MQTTConnect, _ principal: Principal) -> CheckedWill? {
    guard let will = connect.will else { return CheckedWill(value: nil) }
    if will.qos > frontEnd.settings.qosMax {
      rejectConnect(.qosNotSupported)
      return nil
    }
    if will.retain, !frontEnd.settings.isRetainAvailable {
      rejectConnect(.retainNotSupported)
      return nil
    }
    let isText = will.properties.number(.payloadFormatIndicator) == 1
    if isText, frontEnd.settings.checksPayloadFormat,
      !will.payload.withUnsafeReadableBytes({ MQTTText.isValidPayload($0) })
    {
      rejectConnect(.payloadFormatInvalid)
      return nil
    }
    let resolved: Result<MQTTResolvedTopic, MQTTWireError> = will.topic.withUnsafeReadableBytes {
      topic in
      do throws(MQTTWireError) {
        return .success(try frontEnd.resolve(topic, principal))
      } catch {
        return .failure(error)
      }
    }
    switch resolved {
    case .failure(let error): rejectConnect(error.reason, error.message)
    case .success(let topic) where topic.refusal == .notPermitted:
      rejectConnect(.notAuthorized, "the will's topic is not permitted")
    case .success(let topic) where topic.refusal == .needsEscape:
      rejectConnect(.topicNameInvalid, MQTTServer.strictNameMessage.description)
    case .success(let topic):
      var value = MQTTWill(will, topic: topic, version: version)
      // A will may outlive its connection by far, so it counts like any stored message.
      value.charge = principal.tenant.memory.charge(value.packet.storageCapacity + 256)
      if value.charge != nil { return CheckedWill(value: value) }
      rejectConnect(.quotaExceeded, "the server keeps too much already")
    }
    return nil
  }

  private func terms(of connect: MQTTConnect) -> MQTTTerms {
    let settings = frontEnd.settings
    var terms = MQTTTerms(version: version, window: settings.inflightMax)
    guard version == .v5 else {
      terms.expirySeconds = connect.cleanStart ? 0 : settings.sessionExpirySecondsMax
      return terms
    }
    let properties = connect.properties
    terms.window = min(terms.window, Int(properties.number(.receiveMaximum) ?? 65_535))
    terms.packetSizeMax = Int(properties.number(.maximumPacketSize) ?? .max)
    terms.aliasMaximum = min(
      settings.topicAliasesToClientMax, Int(properties.number(.topicAliasMaximum) ?? 0))
    terms.expirySeconds = min(
      settings.sessionExpirySecondsMax, properties.number(.sessionExpiryInterval) ?? 0)
    return terms
  }

  private func grantedKeepAlive(_ connect: MQTTConnect) -> Int {
    let most = frontEnd.settings.keepAliveSecondsMax
    let wanted = Int(connect.keepAliveSeconds)
    // An older client cannot be told, and none need send more than it said.
    guard version == .v5, most > 0, most < 65_535, wanted == 0 || wanted > most else {
      return wanted
    }
    return most
  }

  private func answer(_ connect: MQTTConnect, _ terms: MQTTTerms, isPresent: Bool) {
    var properties = MQTTProperties()
    if version == .v5 { fill(&properties, connect, terms) }
    send(
      .connack(MQTTConnack(sessionPresent: isPresent, code: 0, properties: properties)))
  }

  private func fill(
    _ properties: inout MQTTProperties, _ connect: MQTTConnect, _ terms: MQTTTerms
  ) {
    let settings = frontEnd.settings
    if let asked = connect.properties.number(.sessionExpiryInterval), asked > terms.expirySeconds {
      properties.append(.sessionExpiryInterval, terms.expirySeconds)
    }
    properties.append(.receiveMaximum, UInt32(settings.receiveMaximum))
    if settings.qosMax < .exactlyOnce {
      properties.append(.maximumQoS, UInt32(settings.qosMax.rawValue))
    }
    if !settings.isRetainAvailable { properties.append(.retainAvailable, 0) }
    properties.append(.maximumPacketSize, UInt32(clamping: settings.packetBytesMax))
    if hasAssignedID { properties.append(.assignedClientIdentifier, connect.clientID) }
    if settings.topicAliasMaximum > 0 {
      properties.append(.topicAliasMaximum, UInt32(settings.topicAliasMaximum))
    }
    if keepAliveSeconds != Int(connect.keepAliveSeconds) {
      properties.append(.serverKeepAlive, UInt32(keepAliveSeconds))
    }
    if connect.properties.number(.requestResponseInformation) == 1,
      !settings.responseTopicPrefix.isEmpty,
      !connection.clientName.contains(where: { "/+#".contains($0) })
    {
      properties.append(
        .responseInformation, settings.responseTopicPrefix + connection.clientName)
    }
    if let method = authenticationMethod {
      properties.append(.authenticationMethod, method)
      if let last = finalAuthenticationData {
        properties.append(.authenticationData, ByteBuffer(bytes: last))
        finalAuthenticationData = nil
      }
    }
  }

  // MARK: DISCONNECT

  /// DISCONNECT (MQTT 5.0, 3.14).
  func disconnected(_ packet: MQTTPacket) throws(MQTTWireError) {
    guard case .disconnect(let disconnect) = packet else { return }
    if let expiry = disconnect.properties.number(.sessionExpiryInterval), let session {
      guard session.expirySeconds > 0 || expiry == 0 else {
        throw MQTTWireError(.protocolError, "a session without expiry cannot get one at its end")
      }
      session.expirySeconds = min(expiry, frontEnd.settings.sessionExpirySecondsMax)
    }
    // A client's server reference, and the codes that only servers send, are its own affair.
    publishesWill = disconnect.reason != .success
    end(.peerClosed)
  }
}
