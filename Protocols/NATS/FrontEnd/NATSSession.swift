import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NATSWire
import NIOCore

/// The server's half of one NATS connection. Confined to the loop.
///
/// `NATSSession+Connect` lets the client in, `+Publish` and `+Subscribe` do its work, `+Liveness`
/// keeps its timers.
final class NATSSession: Session {
  /// Where a conversation is.
  enum Stage {
    /// CONNECT has not come and credentials are required.
    case awaitingConnect
    /// Credentials are being checked.
    case authenticating
    /// The client may work.
    case serving
    /// The session has ended the connection, or the connection is gone.
    case ended
  }

  /// What must be looked at before a message to a subject is published.
  struct Verdict: OptionSet {
    let rawValue: UInt8
    /// The client may not publish here.
    static let denied = Verdict(rawValue: 1)
    /// A token is empty: nobody can receive it.
    static let undeliverable = Verdict(rawValue: 2)
    /// A token is empty or a wildcard, which a pedantic client is told.
    static let notLiteral = Verdict(rawValue: 4)
    /// The server itself may answer.
    static let service = Verdict(rawValue: 8)
    /// Longer, or of more tokens, than the engine takes.
    static let overLimit = Verdict(rawValue: 16)
    /// JetStream's, which is asked in place of the router.
    static let jetStream = Verdict(rawValue: 32)
  }

  let frontEnd: NATSServer
  var parser: NATSParser
  var options = NATSConnectOptions.serverDefaults
  var stage = Stage.awaitingConnect
  /// Whether CONNECT has come.
  var isConnected = false
  /// What was offered to sign; empty when no user has an nkey.
  let nonce: String

  // The client, once it is known.
  var principal: Principal?
  var receiver: NATSReceiver? {
    didSet {
      self.receiverID = self.receiver?.id ?? 0
      self.mayPublishAll = self.receiver.map { $0.permissions == nil } ?? false
      self.hotTenant = self.receiver.map { Unmanaged.passUnretained($0.tenant) }
    }
  }

  /// The tenant's streams, once the client is known.
  var jetStream: JetStreamAccount?

  // Publishing. The tenant once more, reached without counting references: `receiver` keeps it
  // alive, and the two change together.
  var memo: Route?
  private(set) var receiverID: UInt64 = 0
  /// Whether no rule says what the client may publish.
  private(set) var mayPublishAll = false
  private(set) var hotTenant: Unmanaged<Tenant>?
  let origin: Origin
  /// How much routing has cost in this turn of the loop; see `Engine.effort`.
  let effort: UnsafeMutablePointer<UInt64>
  var messagesIn: UInt64 = 0
  var bytesIn: UInt64 = 0
  let subject = NATSLastSubject()
  var verdict: Verdict = []

  // Liveness.
  var authTimer: Timers.Token?
  var pingTimer: Timers.Token?
  var pingsOutstanding = 0
  var pingSentAt: Int64 = 0
  var roundTrip: Int64 = 0
  var lastActivityAt: Int64
  var hasSentFirstPong = false

  init(connection: Connection, frontEnd: NATSServer) {
    self.frontEnd = frontEnd
    let settings = frontEnd.values
    var limits = NATSParser.Limits.defaults
    limits.controlLineBytesMax = settings.controlLineBytesMax
    limits.payloadBytesMax = settings.payloadBytesMax
    self.parser = NATSParser(sender: .client, limits: limits)
    self.parser.acceptsHeaders = false
    self.nonce = frontEnd.authenticator.offersNonce ? frontEnd.makeNonce() : ""
    self.lastActivityAt = connection.openedAt
    self.origin = frontEnd.envelope.origin
    self.effort = frontEnd.context.loop.engine.effort
    super.init(connection: connection)
  }

  var engine: Engine { self.frontEnd.context.loop.engine }

  // MARK: Opening

  override func opened() {
    self.connection.pendingBytesMax = self.frontEnd.values.pendingBytesMax
    self.connection.writeDeadlineSeconds = self.frontEnd.values.writeDeadlineSeconds
    let isTooMany = !self.frontEnd.admit(self)
    self.send { NATSEncoder.info(self.info(), into: &$0) }
    if isTooMany {
      self.end(saying: .maximumConnectionsExceeded, .tooMany)
    } else if self.connection.peer.transport == .tls, !self.connection.peer.isEncrypted {
      // INFO goes out in the clear; what follows is the handshake.
      if !self.connection.startTLS() { self.end(.tlsError) }
    } else {
      self.begin()
    }
  }

  override func tlsEstablished() {
    // A client on a plain port that chose TLS had begun before its handshake.
    if self.pingTimer == nil { self.begin() }
  }

  /// The transport stands: wait for CONNECT, or serve at once where nobody needs to say who it is.
  private func begin() {
    self.schedulePing(afterSeconds: self.frontEnd.values.pingIntervalSeconds)
    if self.frontEnd.authenticator.requiresCredentials {
      self.scheduleAuthTimeout()
    } else {
      self.authenticate(.none)
    }
  }

  /// What this client is told of the server.
  func info() -> NATSServerInfo {
    var info = self.frontEnd.info
    let peer = self.connection.peer
    info.clientID = self.connection.id
    info.clientIP = peer.address
    info.nonce = self.nonce
    info.authRequired = self.frontEnd.authenticator.requiresCredentials
    info.maxPayload = self.parser.limits.payloadBytesMax
    info.tlsRequired = peer.transport.isEncrypted
    info.tlsVerify = peer.mustShowCertificate && peer.transport.isEncrypted
    info.tlsAvailable = peer.transport.isEncrypted || self.connection.canStartTLS
    if let address = self.frontEnd.address(of: peer.transport) {
      info.host = address.host
      info.port = address.port
    }
    return info
  }

  // MARK: Sending

  /// Sends what `body` writes; for the cold ways.
  func send(_ body: (inout ByteBuffer) -> Void) {
    var buffer = ByteBuffer()
    body(&buffer)
    self.connection.append(buffer)
  }

  @inline(never)
  func sendOK() {
    self.send { NATSEncoder.ok(into: &$0) }
  }

  func send(_ error: NATSServerError) {
    self.send { NATSEncoder.error(error, into: &$0) }
  }

  // MARK: Ending

  /// Ends the connection after what was sent so far.
  func end(_ reason: CloseReason) {
    guard self.stage != .ended else { return }
    self.stage = .ended
    self.receiver?.retire()
    self.connection.close(reason)
  }

  /// Says why, then ends the connection.
  func end(saying error: NATSServerError, _ reason: CloseReason) {
    guard self.stage != .ended else { return }
    self.send(error)
    self.end(reason)
  }

  override func outputOverflowed() {
    self.cut(.slowConsumer)
  }

  override func outputTimedOut() {
    self.cut(.writeDeadline)
  }

  /// The client does not read: nothing that could be said would reach it.
  private func cut(_ reason: CloseReason) {
    guard self.stage != .ended else { return }
    self.stage = .ended
    self.receiver?.retire()
    self.frontEnd.noteSlowConsumer(self, reason)
    self.connection.abort(reason)
  }

  override func inputClosed() {
    self.end(.peerClosed)
  }

  override func evict(_ reason: CloseReason) {
    self.end(reason)
  }

  override func closed(_ reason: CloseReason) {
    self.stage = .ended
    self.cancelTimers()
    self.receiver?.retire()
    self.jetStream?.interestChanged()
    self.frontEnd.forget(self, reason)
    // A subscription keeps its receiver alive, and the table is the receiver's.
    self.receiver?.subscriptions.removeAll()
    self.receiver = nil
    self.memo = nil
  }

  override var details: [(name: String, value: SettingValue)] {
    [
      ("language", .text(self.options.language)),
      ("version", .text(self.options.version)),
      ("subscriptions", .integer(self.receiver?.subscriptions.count ?? 0)),
      ("headers", .bool(self.options.headers)),
    ]
  }

  // MARK: Receiving

  override func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
    guard let base = bytes.baseAddress else { return Intake(consumed: 0) }
    if !self.isConnected, self.begins(handshake: bytes) { return Intake(consumed: bytes.count) }
    var operation = NATSOperation()
    var offset = 0
    var isWork = false
    do throws(NATSWireError) {
      while self.stage == .serving || self.mayConnect(base, offset, bytes.count) {
        let rest = UnsafeRawBufferPointer(start: base + offset, count: bytes.count &- offset)
        guard try self.parser.next(rest, into: &operation) else {
          if isWork { self.noteWork() }
          return Intake(consumed: offset, needed: self.parser.bytesNeeded)
        }
        offset &+= operation.consumed
        if operation.kind == .publish {
          isWork = true
          self.publish(&operation)
        } else {
          isWork = self.perform(operation) || isWork
        }
        if self.effort.pointee > Engine.effortMax {
          self.connection.giveWay()
          break
        }
      }
    } catch {
      self.fail(error)
    }
    if isWork { self.noteWork() }
    // While credentials are checked reading is paused, and the rest comes again.
    return Intake(consumed: self.stage == .ended ? bytes.count : offset)
  }

  /// Once per read: what the client did is a sign of life, and counted.
  private func noteWork() {
    self.lastActivityAt = self.engine.now
    self.connection.counters.messagesIn = self.messagesIn
  }

  /// Before CONNECT nothing but CONNECT is read where credentials are required.
  private func mayConnect(_ base: UnsafeRawPointer, _ offset: Int, _ count: Int) -> Bool {
    guard self.stage == .awaitingConnect else { return false }
    guard offset < count else { return true }
    if base.load(fromByteOffset: offset, as: UInt8.self) | 0x20 == UInt8(ascii: "c") { return true }
    self.violation()
    return false
  }

  /// Whether the client begins TLS on a plain port, which then follows.
  private func begins(handshake bytes: UnsafeRawBufferPointer) -> Bool {
    bytes[0] == 0x16 && self.connection.canStartTLS && self.connection.startTLS(replaying: bytes)
  }

  /// Does what an operation other than a publish asks for.
  ///
  /// - Returns: whether it is a sign of life of its own accord, unlike an answer.
  @inline(never)
  private func perform(_ operation: NATSOperation) -> Bool {
    switch operation.kind {
    case .ping: self.ping()
    case .pong:
      self.pong()
      return false
    case .subscribe: self.subscribe(operation)
    case .unsubscribe: self.unsubscribe(operation)
    case .connect: self.connect(operation.argument)
    case .info:
      if (try? NATSServerInfo(parsing: operation.argument)) == nil {
        self.end(.protocolViolation)
      }
    case .error: self.end(.parseError)
    case .ok, .none, .publish, .message: return false
    }
    return true
  }

  private func fail(_ error: NATSWireError) {
    let reason: CloseReason
    switch error.code {
    case .controlLineTooLong: reason = CloseReason("Maximum Control Line Exceeded")
    case .payloadTooLarge: reason = CloseReason("Maximum Message Payload Exceeded")
    default: reason = .protocolViolation
    }
    self.frontEnd.statistics.protocolErrors &+= 1
    if let reply = error.reply {
      self.end(saying: reply, reason)
    } else {
      self.end(reason)
    }
  }
}

extension CloseReason {
  static var protocolViolation: Self { .init("Protocol Violation") }
  static var parseError: Self { .init("Parse Error") }
}
