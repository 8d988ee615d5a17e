import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import Logging
import NIOCore

/// The server's half of one Kafka connection. Confined to the loop.
///
/// Requests are served one after the other, as Kafka does; only Produce requests overtake the wait
/// for the commit of those before them. `KafkaSession+Serve` says which is served by whom.
final class KafkaSession: Session {
  /// Where a conversation is.
  enum Stage {
    /// The client must say who it is.
    case unknown
    /// It is being found out.
    case authenticating
    /// Requests are served.
    case serving
    /// The session has ended the connection, or the connection is gone.
    case ended
  }

  /// How many Produce requests may wait for their commit.
  private static let callsMax = 64
  /// No request is begun while so much waits to be sent.
  private static let unsentMax = 1 << 20
  /// The largest request of a client that has not said who it is.
  private static let strangerBytesMax = 64 << 10
  /// So much of requests that wait for their turn is read, so that a client is seen to leave.
  private static let heldBytesMax = 64 << 10
  /// A request within this size is received whatever others send.
  private static let ownBytesMax = 1 << 20
  /// How long a request may be on its way, in milliseconds.
  private static let requestMilliseconds = 120_000
  /// The largest request of which what is in it may wait for a commit beside others.
  private static let callBytesMax = 4 << 20

  let server: KafkaServer
  var stage = Stage.unknown
  var principal: Principal?
  var tenant: KafkaTenant?
  /// What the client was found to be allowed.
  var rights = KafkaRights()
  /// The SASL exchange that is under way.
  var exchange: KafkaExchange?
  /// The software that the client says it is.
  var software = ""
  private var calls: [KafkaCall] = []
  private var callBytes = 0
  /// Whether a whole request waits for its turn.
  private var isHeld = false
  private var timeout: (any KafkaAlarm)?
  /// While the client is held back by a quota.
  private var muted: (any KafkaAlarm)?
  /// Until when, in milliseconds.
  private var mutedUntil = 0
  /// Whether the connection has been counted.
  private var isCounted = false
  /// While a request is on its way of which a part is here.
  private var receiving: (any KafkaAlarm)?
  /// Whether answers are being handed on.
  private var isFlushing = false
  /// What of all sessions' bytes is this one's: of a request that is not whole, and of answers that
  /// were not sent.
  private var incomingBytes = 0
  private var outgoingBytes = 0

  init(connection: Connection, server: KafkaServer) {
    self.server = server
    super.init(connection: connection)
  }

  var engine: Engine { server.engine }
  /// What members of groups are shown as: the client's own name, and where it is.
  var clientID: String { connection.clientName.isEmpty ? "client" : connection.clientName }
  var clientHost: String { "/\(connection.peer.address)" }

  // MARK: Opening

  override func opened() {
    connection.pendingBytesMax = server.values.pendingBytesMax
    connection.writeDeadlineSeconds = server.values.writeDeadlineSeconds
    server.admit(self)
    // Everybody may come in, or a certificate says who this is.
    server.context.access.authenticate(.none, peer: identity) { result in
      if case .success(let principal) = result { self.adopt(principal) }
    }
    guard stage == .unknown else { return }
    let milliseconds = Int(server.values.authTimeoutSeconds * 1_000)
    timeout = server.clock.alarm(after: milliseconds) { [weak self] in
      guard let self, self.stage != .serving else { return }
      self.end(.authenticationTimeout)
    }
  }

  var identity: PeerIdentity {
    let peer = connection.peer
    return PeerIdentity(
      protocolName: KafkaServer.name, address: peer.address,
      certificateSubject: peer.certificateSubject,
      certificateCommonName: peer.certificateCommonName, clientID: connection.clientName)
  }

  /// Serves the client as `principal` from now on.
  func adopt(_ principal: Principal) {
    self.principal = principal
    rights = KafkaRights()
    tenant = server.tenant(principal.tenant)
    stage = .serving
    timeout?.cancel()
    timeout = nil
    connection.userName = principal.name
    connection.tenantName = principal.tenant.name
    countConnection()
  }

  /// Ends a connection that is one too many of its address, after a while, as Kafka does: whoever
  /// connects again at once has nothing of it.
  private func countConnection() {
    guard !isCounted, let tenant else { return }
    isCounted = true
    let milliseconds = tenant.quotas.charge(
      connectionFrom: connection.peer.address, now: server.now)
    guard milliseconds > 0 else { return }
    server.statistics.throttled &+= 1
    muted = server.clock.alarm(after: milliseconds) { [weak self] in
      self?.end(CloseReason("Too Many Connections A Second"))
    }
    mutedUntil = .max
  }

  // MARK: Reading

  override func receive(_ buffer: ByteBuffer) -> Intake {
    var rest = buffer
    while stage != .ended, connection.isOpen {
      let offset = buffer.readableBytes - rest.readableBytes
      do throws(KafkaWireError) {
        let sizeMax = frameSizeMax
        let scan = try rest.withUnsafeReadableBytes { bytes throws(KafkaWireError) in
          try KafkaFrame.scan(bytes, sizeMax: sizeMax)
        }
        switch scan {
        case .incomplete(let needed):
          noteIncoming(rest.readableBytes)
          // In steps, so that what has come is counted.
          return Intake(
            consumed: offset, needed: min(needed, rest.readableBytes + Self.ownBytesMax))
        case .frame(let size):
          noteIncoming(0)
          let head = KafkaFrame.headSize
          guard
            let frame = rest.getSlice(at: rest.readerIndex + head, length: size - head),
            mayTake(frame)
          else {
            isHeld = true
            if rest.readableBytes > Self.heldBytesMax { connection.pauseReading() }
            // It is looked at again when there is too much, or when its turn has come.
            return Intake(
              consumed: offset, needed: max(rest.readableBytes, Self.heldBytesMax) + 1)
          }
          rest.moveReaderIndex(forwardBy: size)
          // What is large is copied once, by the log that keeps it. Parts of others may be kept.
          try take(Self.isProduce(frame) ? frame : frame.copied)
          if engine.isTurnSpent {
            connection.giveWay()
            return Intake(consumed: offset + size)
          }
        }
      } catch {
        fail(error)
      }
    }
    return Intake(consumed: buffer.readableBytes)
  }

  /// Takes down how much of a request is here that is not whole.
  private func noteIncoming(_ bytes: Int) {
    let counted = max(0, bytes - Self.ownBytesMax)
    server.incomingBytes += counted - incomingBytes
    incomingBytes = counted
    guard bytes > 0 else {
      receiving?.cancel()
      receiving = nil
      return
    }
    if counted > 0, server.incomingBytes > server.values.requestMemoryMax {
      end(CloseReason("Requests Too Large"))
    } else if receiving == nil {
      receiving = server.clock.alarm(after: Self.requestMilliseconds) { [weak self] in
        self?.receiving = nil
        self?.end(CloseReason("Request Timeout"))
      }
    }
  }

  /// Takes down how much waits to be sent.
  private func noteOutgoing() {
    let waiting = stage == .ended ? 0 : connection.pendingBytes
    server.outgoingBytes += waiting - outgoingBytes
    outgoingBytes = waiting
  }

  private var frameSizeMax: Int {
    stage == .serving ? server.values.requestBytesMax : Self.strangerBytesMax
  }

  private func mayTake(_ frame: ByteBuffer) -> Bool {
    guard stage != .authenticating, muted == nil, hasSent else { return false }
    guard let last = calls.last else { return true }
    return last.header.key == .produce && Self.isProduce(frame) && calls.count < Self.callsMax
      && callBytes + frame.readableBytes <= Self.callBytesMax
  }

  /// Whether little enough waits to be sent. If not, `outputDrained` comes.
  private var hasSent: Bool {
    if connection.pendingBytes < Self.unsentMax { return true }
    connection.awaitDrain()
    return false
  }

  private static func isProduce(_ frame: ByteBuffer) -> Bool {
    frame.getInteger(at: frame.readerIndex) == KafkaAPIKey.produce.rawValue
  }

  private func take(_ frame: ByteBuffer) throws(KafkaWireError) {
    if let exchange, exchange.isRaw { return continueRaw(exchange, frame) }
    var body = frame
    let header = try KafkaRequestHeader(from: &body)
    server.statistics.requests &+= 1
    if let name = header.clientID, connection.clientName != name {
      connection.clientName = String(name.prefix(256))
    }
    let call = KafkaCall(header, size: frame.readableBytes, session: self)
    calls.append(call)
    callBytes += call.size
    try call.work { () throws(KafkaWireError) in try serve(call, body) }
  }

  // MARK: Sending

  /// Sends what is ready, in the order of the requests.
  func flushAnswers() {
    // What is handed on may be written at once: then there may be room, or nobody any more.
    guard !isFlushing else { return }
    isFlushing = true
    var hasSent = false
    while let call = calls.first, let pieces = call.pieces {
      calls.removeFirst()
      callBytes -= call.size
      hasSent = true
      for piece in pieces { connection.append(piece) }
    }
    isFlushing = false
    guard hasSent else { return }
    noteOutgoing()
    goOn()
  }

  /// Takes the request that was put off, if its turn has come.
  func goOn() {
    guard isHeld, !isFlushing, muted == nil, stage != .ended, stage != .authenticating,
      hasSent, calls.isEmpty || calls.last?.header.key == .produce
    else { return }
    isHeld = false
    // Shows what is held, too.
    connection.pauseReading()
    connection.resumeReading()
  }

  /// Takes no request for so long.
  func mute(for milliseconds: Int) {
    let until = server.clock.now + milliseconds
    guard muted == nil || until > mutedUntil else { return }
    mutedUntil = until
    muted?.cancel()
    muted = server.clock.alarm(after: milliseconds) { [weak self] in
      self?.muted = nil
      self?.goOn()
    }
  }

  override func outputDrained() {
    noteOutgoing()
    goOn()
  }

  // MARK: Ending

  /// The client has sent what no client sends.
  func fail(_ error: KafkaWireError) {
    server.statistics.protocolErrors &+= 1
    server.context.logger.debug(
      "kafka: \(error)", metadata: ["address": "\(connection.peer.address)"])
    end(.protocolError)
  }

  func end(_ reason: CloseReason) {
    guard stage != .ended else { return }
    stage = .ended
    timeout?.cancel()
    timeout = nil
    connection.close(reason)
  }

  override func closed(_ reason: CloseReason) {
    stage = .ended
    timeout?.cancel()
    timeout = nil
    muted?.cancel()
    muted = nil
    noteIncoming(0)
    noteOutgoing()
    server.forget(self)
    let open = calls
    calls = []
    for call in open { call.session = nil }
    for fetch in fetches.values { fetch.cancel() }
    fetches = [:]
    shareFetch?.cancel()
    shareFetch = nil
    tenant?.shareGroups.disconnected(connection.id)
    server.fetchSessions.disconnected(connection.id)
  }

  /// Fetches that wait for records.
  var fetches: [ObjectIdentifier: KafkaFetchJob] = [:]
  /// The ShareFetch request that waits for records.
  var shareFetch: KafkaShareFetchJob?

  override var details: [(name: String, value: SettingValue)] {
    [("software", .text(software)), ("requests_open", .integer(calls.count))]
  }

  /// The settings were read again: does the client still get in, and with what?
  func settingsChanged() {
    connection.pendingBytesMax = server.values.pendingBytesMax
    connection.writeDeadlineSeconds = server.values.writeDeadlineSeconds
    guard let principal else { return }
    guard let today = server.authenticator.refresh(principal, peer: identity),
      today.tenant === principal.tenant
    else { return end(.authentication) }
    self.principal = today
  }
}
