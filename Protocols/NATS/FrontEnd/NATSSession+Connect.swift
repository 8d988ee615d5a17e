import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire

extension NATSSession {
  /// CONNECT: takes over the options and checks the credentials.
  func connect(_ argument: UnsafeRawBufferPointer) {
    self.cancelAuthTimer()
    do throws(NATSWireError) {
      try self.options.merge(parsing: argument)
    } catch {
      self.frontEnd.statistics.protocolErrors &+= 1
      self.end(.protocolViolation)
      return
    }
    self.lastActivityAt = self.engine.now
    if self.isConnected {
      // A later CONNECT may act for somebody else: nothing is carried over.
      self.dropSubscriptions()
    } else {
      self.roundTrip = max(1, self.engine.now - self.connection.openedAt)
      self.scheduleFirstPing()
    }
    self.isConnected = true
    self.parser.acceptsHeaders = self.options.headers
    self.connection.clientName = self.options.name
    guard let credentials = self.credentials() else {
      self.violation()
      return
    }
    self.authenticate(credentials)
  }

  /// What CONNECT shows; `nil` when it is not well-formed.
  private func credentials() -> Credentials? {
    let options = self.options
    if !options.nkey.isEmpty {
      guard let key = NATSNkey(options.nkey), key.role == .user,
        let signature = Base64.decode(options.signature.utf8), signature.count == 64,
        !self.nonce.isEmpty
      else { return self.frontEnd.authenticator.requiresCredentials ? nil : Credentials.none }
      return .nkey(
        publicKey: key.publicKey, signature: signature, nonce: Array(self.nonce.utf8))
    }
    if !options.user.isEmpty {
      return .password(user: options.user, password: Array(options.password.utf8))
    }
    // Where everybody may come in a token says nothing.
    guard !options.authToken.isEmpty, self.frontEnd.authenticator.requiresCredentials else {
      return Credentials.none
    }
    return .token(Array(options.authToken.utf8))
  }

  /// Asks who the client is. Checking a password takes a while; nothing is read meanwhile.
  func authenticate(_ credentials: Credentials) {
    let previous = self.stage
    self.stage = .authenticating
    var isAnswered = false
    var wasPaused = false
    self.frontEnd.context.access.authenticate(credentials, peer: self.identity) { result in
      isAnswered = true
      guard self.stage == .authenticating else { return }
      self.authenticated(result, previous)
      if wasPaused, self.stage != .ended { self.connection.resumeReading() }
    }
    if !isAnswered {
      wasPaused = true
      self.connection.pauseReading()
    }
  }

  private var identity: PeerIdentity {
    let peer = self.connection.peer
    return PeerIdentity(
      protocolName: NATSServer.name, address: peer.address,
      certificateSubject: peer.certificateSubject,
      certificateCommonName: peer.certificateCommonName, clientID: self.options.name)
  }

  private func authenticated(_ result: Result<Principal, AccessRefusal>, _ previous: Stage) {
    switch result {
    case .failure:
      // Without credentials, before CONNECT: the client must say who it is.
      if !self.isConnected {
        self.stage = previous
        self.scheduleAuthTimeout()
      } else {
        self.violation()
      }
    case .success(let principal):
      self.stage = .serving
      self.adopt(principal)
      if self.isConnected { self.finishConnect() }
    }
  }

  /// Checks that nats-server makes once the client is let in.
  private func finishConnect() {
    let options = self.options
    if !options.account.isEmpty || options.newAccount {
      self.violation()
    } else if !(0...1).contains(options.protocolVersion) {
      self.end(saying: .invalidClientProtocol, CloseReason("Bad Client Protocol Version"))
    } else if options.noResponders, !options.headers {
      self.end(saying: .noRespondersRequiresHeaders, CloseReason("No Responders Requires Headers"))
    } else if options.verbose {
      self.sendOK()
    }
  }

  /// The client did not prove who it is, or broke off to do something else first.
  func violation() {
    self.frontEnd.statistics.authenticationFailures &+= 1
    self.end(saying: .authorizationViolation, .authentication)
  }

  /// Makes the client act for `principal`.
  func adopt(_ principal: Principal) {
    self.subject.forget()
    self.memo = nil
    let isSame =
      self.receiver?.tenant === principal.tenant
      && self.receiver?.permissions === principal.permissions
    if !isSame {
      self.dropSubscriptions()
      self.receiver?.retire()
      let receiver = NATSReceiver(
        tenant: principal.tenant, session: self, permissions: principal.permissions)
      receiver.bytesOut = self.receiver?.bytesOut ?? 0
      self.receiver = receiver
      self.jetStream = self.frontEnd.jetStream(of: receiver.tenant)
    }
    self.principal = principal
    self.receiver?.configure(echo: self.options.echo, takesHeaders: self.options.headers)
    self.parser.limits.payloadBytesMax =
      principal.payloadBytesMax > 0
      ? principal.payloadBytesMax : self.frontEnd.values.payloadBytesMax
    self.connection.userName = principal.name
    self.connection.tenantName = principal.tenant.name
  }

  private func dropSubscriptions() {
    guard let receiver = self.receiver else { return }
    for subscription in receiver.subscriptions.all {
      receiver.tenant.router.unsubscribe(subscription)
    }
    receiver.subscriptions.removeAll()
  }

  /// The settings were read again: does the client still get in, and with what?
  func refresh() {
    guard self.stage == .serving, let old = self.principal else { return }
    guard let new = self.frontEnd.authenticator.refresh(old, peer: self.identity) else {
      self.violation()
      return
    }
    guard new.revision != old.revision || new.tenant !== old.tenant else { return }
    guard new.tenant === old.tenant else {
      // Its subscriptions belong elsewhere now; it will come back and make them there.
      self.end(CloseReason("Account Changed"))
      return
    }
    let kept = self.receiver?.subscriptions.all ?? []
    self.adopt(new)
    for subscription in kept { self.subscribeAgain(subscription) }
  }

  /// Makes a subscription once more under new permissions, or says that it is gone.
  private func subscribeAgain(_ old: NATSSubscription) {
    guard !old.isActive, let receiver = self.receiver else { return }
    let queue = old.queue.isEmpty ? nil : old.queue
    if let permissions = receiver.permissions,
      !permissions.maySubscribe(old.pattern, group: queue)
    {
      self.send(self.refusal(old.pattern.bytes, queue: queue))
      return
    }
    let subscription = self.makeSubscription(
      old.pattern, sid: old.sid, queue: old.queue, receiver: receiver)
    subscription.delivered = old.delivered
    subscription.deliveredMax = old.deliveredMax
    guard (try? receiver.tenant.router.subscribe(subscription)) != nil else { return }
    old.sid.withUnsafeBytes { receiver.subscriptions[$0] = subscription }
  }
}
