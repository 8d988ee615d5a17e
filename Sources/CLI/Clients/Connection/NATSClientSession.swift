import MQTTWire
import NATSWire
import NIOCore

/// A client's half of a NATS conversation.
struct NATSClientSession: ClientSession {
  private enum State {
    case awaitingInfo
    case securing
    /// CONNECT was said.
    case connected
  }

  /// What a PONG means, in the order of the PINGs.
  private enum Question {
    case login
    case subscription(Int)
    case flush
  }

  private let configuration: ClientConfiguration
  private var parser = NATSParser(sender: .server, limits: .client)
  private var state = State.awaitingInfo
  private var info = NATSServerInfo()
  private var questions: [Question] = []
  private var subscriptions: [Int: String] = [:]
  private var subscriptionCount = 0

  static let separator = "."

  /// A conversation that has not begun.
  init(_ configuration: ClientConfiguration) {
    self.configuration = configuration
  }

  mutating func begin(into out: inout ByteBuffer) {}

  mutating func secured(into out: inout ByteBuffer) throws(ClientError) {
    if case .securing = self.state { try self.connect(into: &out) }
  }

  mutating func receive(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, events: inout [SessionEvent],
    deliver: (Delivery) -> Void
  ) throws(ClientError) {
    let bytes = input
    var failure: ClientError?
    var consumed = 0
    var operation = NATSOperation()
    bytes.withUnsafeReadableBytes { raw in
      do throws(ClientError) {
        while consumed < raw.count {
          let rest = UnsafeRawBufferPointer(rebasing: raw[consumed...])
          guard try self.parse(rest, &operation) else { return }
          consumed += operation.consumed
          try self.handle(operation, into: &out, events: &events, deliver: deliver)
        }
      } catch {
        failure = error
      }
    }
    input.moveReaderIndex(forwardBy: consumed)
    if let failure { throw failure }
  }

  private mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(ClientError) -> Bool {
    do throws(NATSWireError) {
      return try self.parser.next(bytes, into: &operation)
    } catch {
      throw ClientError("the server does not speak NATS: \(error.message)")
    }
  }

  private mutating func handle(
    _ operation: NATSOperation, into out: inout ByteBuffer, events: inout [SessionEvent],
    deliver: (Delivery) -> Void
  ) throws(ClientError) {
    switch operation.kind {
    case .message:
      deliver(
        Delivery(
          form: .nats, subscription: Self.number(operation.sid), topic: operation.subject,
          reply: operation.reply, metadata: operation.headers, payload: operation.payload))
    case .info: try self.receiveInfo(operation, into: &out, events: &events)
    case .ping: NATSEncoder.pong(into: &out)
    case .pong: self.receivePong(events: &events)
    case .error: try self.receiveError(operation, events: &events)
    case .none, .ok, .connect, .publish, .subscribe, .unsubscribe: break
    }
  }

  private mutating func receivePong(events: inout [SessionEvent]) {
    guard !self.questions.isEmpty else { return }
    switch self.questions.removeFirst() {
    case .login: events.append(.ready)
    case .flush: events.append(.flushed)
    case .subscription(let number):
      if self.subscriptions[number] != nil { events.append(.subscribed(number)) }
    }
  }

  private static func number(_ digits: UnsafeRawBufferPointer) -> Int {
    digits.reduce(0) { $0 &* 10 &+ Int($1 &- UInt8(ascii: "0")) }
  }

  private mutating func receiveInfo(
    _ operation: NATSOperation, into out: inout ByteBuffer, events: inout [SessionEvent]
  ) throws(ClientError) {
    guard let info = try? NATSServerInfo(parsing: operation.argument) else {
      throw ClientError("the server's INFO is not JSON")
    }
    self.info = info
    guard case .awaitingInfo = self.state else { return }
    if let tls = self.configuration.tls, !tls.first {
      guard info.tlsRequired || info.tlsAvailable else {
        throw ClientError("the server offers no TLS")
      }
      self.state = .securing
      events.append(.secure)
    } else if info.tlsRequired, self.configuration.tls == nil {
      throw ClientError("the server wants TLS: add --tls")
    } else {
      try self.connect(into: &out)
    }
  }

  private mutating func connect(into out: inout ByteBuffer) throws(ClientError) {
    var options = NATSConnectOptions()
    options.headers = true
    options.noResponders = true
    options.protocolVersion = 1
    options.language = "swift"
    options.name = self.configuration.name.isEmpty ? "godwit" : self.configuration.name
    options.tlsRequired = self.configuration.tls != nil
    options.user = self.configuration.user ?? ""
    options.password = self.configuration.password ?? ""
    options.authToken = self.configuration.token ?? ""
    if let nkey = self.configuration.nkey {
      guard !self.info.nonce.isEmpty else {
        throw ClientError("the server asks for no signature, so an nkey cannot log in")
      }
      options.nkey = nkey.publicKey
      options.signature = try nkey.signature(of: self.info.nonce)
    }
    NATSEncoder.connect(options, into: &out)
    self.ask(.login, into: &out)
    self.state = .connected
  }

  private mutating func receiveError(
    _ operation: NATSOperation, events: inout [SessionEvent]
  ) throws(ClientError) {
    let error = NATSServerError(argument: operation.argument)
    switch error {
    case .subscriptionNotPermitted(let subject, _), .subscriptionHasTooManyTokens(let subject):
      let pattern = subject.filter { $0 != "\"" }
      let refusal = ClientError("the server does not let us subscribe to \(subject)")
      let refused = self.subscriptions.filter { $0.value == pattern }.map(\.key).sorted()
      for number in refused {
        self.subscriptions[number] = nil
        events.append(.refused(number, refusal))
      }
      if refused.isEmpty { events.append(.warned(refusal)) }
    case .publishNotPermitted(let subject):
      events.append(.warned(ClientError("the server does not let us publish to \(subject)")))
    case .authorizationViolation:
      throw ClientError("the server refused the credentials: \(error.text)")
    case _ where error.closesConnection:
      throw ClientError("the server closed the connection: \(error.text)")
    default:
      events.append(.warned(ClientError("the server complains: \(error.text)")))
    }
  }

  mutating func subscribe(
    _ request: SubscriptionRequest, into out: inout ByteBuffer
  ) throws(ClientError) -> Int {
    guard Self.isWord(request.pattern.utf8), Self.isValid(request.pattern) else {
      throw ClientError("`\(request.pattern)` is no NATS subject to subscribe to")
    }
    if let group = request.group, !Self.isWord(group.utf8) {
      throw ClientError("`\(group)` is no name of a queue group: blanks are not allowed")
    }
    self.subscriptionCount += 1
    let number = self.subscriptionCount
    self.subscriptions[number] = request.pattern
    NATSEncoder.subscribe(
      request.pattern.utf8, queue: request.group?.utf8, sid: String(number).utf8, into: &out)
    self.ask(.subscription(number), into: &out)
    return number
  }

  private mutating func ask(_ question: Question, into out: inout ByteBuffer) {
    self.questions.append(question)
    NATSEncoder.ping(into: &out)
  }

  private static func isWord(_ text: some Collection<UInt8>) -> Bool {
    !text.isEmpty && text.allSatisfy { $0 > 0x20 && $0 != 0x7F }
  }

  private static func isValid(_ pattern: String) -> Bool {
    Array(pattern.utf8).withUnsafeBytes { NATSSubject.isValidPattern($0) }
  }

  mutating func publish(
    _ message: OutgoingMessage, into out: inout ByteBuffer
  ) throws(ClientError) -> Bool {
    guard message.topic.withUnsafeReadableBytes({ NATSSubject.isLiteral($0) }),
      Self.isWord(message.topic.readableBytesView)
    else {
      throw ClientError("`\(String(buffer: message.topic))` is no NATS subject to publish to")
    }
    guard message.qos == .atMostOnce, !message.retain else {
      throw ClientError("NATS has neither QoS nor retained messages: use an mqtt:// server")
    }
    var headers = ByteBuffer()
    if message.hasMetadata { headers = try Self.headers(of: message) }
    let size = headers.readableBytes + message.payload.readableBytes
    guard size <= self.info.maxPayload else {
      throw ClientError(
        "the message takes \(size) bytes and the server allows \(self.info.maxPayload)")
    }
    if let reply = message.reply, !Self.isWord(reply.readableBytesView) {
      throw ClientError("`\(String(buffer: reply))` is no NATS subject for answers")
    }
    NATSEncoder.publish(
      message.topic.readableBytesView, reply: message.reply?.readableBytesView,
      headers: headers.readableBytesView, payload: message.payload.readableBytesView, into: &out)
    return true
  }

  private static func headers(of message: OutgoingMessage) throws(ClientError) -> ByteBuffer {
    var fields = message.headers.map { NATSHeaders.Field($0.name, $0.value) }
    if let contentType = message.contentType {
      fields.append(NATSHeaders.Field(MetadataNames.contentType, contentType))
    }
    if let seconds = message.expirySeconds {
      fields.append(NATSHeaders.Field(MetadataNames.timeToLive, String(seconds)))
    }
    if let correlation = message.correlation {
      fields.append(NATSHeaders.Field(MetadataNames.correlation, String(buffer: correlation)))
    }
    for field in fields {
      guard NATSHeaders.isValidName(field.name.utf8), NATSHeaders.isValidValue(field.value.utf8)
      else { throw ClientError("NATS cannot carry the header `\(field.name)`") }
    }
    var block = ByteBuffer()
    NATSHeaders(fields).encode(into: &block)
    return block
  }

  mutating func flush(into out: inout ByteBuffer) {
    self.ask(.flush, into: &out)
  }

  mutating func end(into out: inout ByteBuffer) {}

  func inbox(_ unique: String) -> String { "_INBOX.\(unique)" }
}
