import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire
import NIOCore

/// JetStream for one tenant: answers `$JS.API`, takes `$JS.ACK` and `$JS.FC`, and hands out what
/// consumers are to get. The streams and their groups are the engine's.
///
/// Confined to the loop.
final class JetStreamAccount {
  /// A request of the API, while it is answered. Its bytes are the client's read buffer.
  struct Request {
    let call: JetStreamCall
    /// Where the answer goes; empty for nowhere.
    let reply: [UInt8]
    let body: UnsafeRawBufferPointer
  }

  /// A request has no more values than this: that subjects do not overlap is looked at in pairs.
  private static var jsonValuesMax: Int { 4_096 }
  /// What a request costs, and so many of its bytes, in the unit of `Engine.effort`. What has to be
  /// looked through for it is counted there.
  private static var requestEffort: UInt64 { 256 }
  private static var bytesPerEffort: UInt64 { 32 }
  /// So much of `scratch` is kept.
  private static var scratchBytesMax: Int { 1 << 16 }

  unowned let frontEnd: NATSServer
  let tenant: Tenant
  /// What marks NATS messages.
  let origin: Origin
  /// Requests to the API, and those that failed.
  private(set) var requestCount: UInt64 = 0
  private(set) var errorCount: UInt64 = 0
  /// What hands out the records of groups, by group.
  private var consumers: [ObjectIdentifier: JetStreamConsumer] = [:]
  /// Those who publish to streams, by stream.
  private var publishers: [ObjectIdentifier: JetStreamPublishers] = [:]
  /// Those of the stream that was published to last: mostly it is the same.
  private var lastPublishers: (key: ObjectIdentifier, publishers: JetStreamPublishers)?
  /// Memory in which messages are put together.
  private var scratch = ByteBuffer()
  /// Requests to the API that wait for a change of what they speak of, oldest first.
  private var waiting = CircularBuffer<(call: JetStreamCall, reply: [UInt8], body: [UInt8])>()
  /// The subject of the last answer up to its last dot, of which the rules for subjects hold.
  private var speakableFront: [UInt8] = []
  /// The consumer that was acknowledged last: a client mostly stays with one.
  var lastAcknowledged: JetStreamConsumer?
  /// What is brought into streams, by stream.
  private var followers: [ObjectIdentifier: [JetStreamFollower]] = [:]
  /// Those of the consumers that push.
  private var pushConsumers: [ObjectIdentifier: JetStreamConsumer] = [:]

  init(frontEnd: NATSServer, tenant: Tenant) {
    self.frontEnd = frontEnd
    self.tenant = tenant
    self.origin = frontEnd.envelope.origin
    tenant.streams.voice = self
    tenant.streams.observe(self) { [unowned self] in self.happened($0) }
    for stream in tenant.streams.all {
      for group in stream.groups { _ = self.consumer(group, of: stream) }
      self.follow(stream)
    }
  }

  deinit {
    self.tenant.streams.ignore(self)
    self.tenant.streams.voice = nil
  }

  var engine: Engine { self.tenant.engine }
  var limits: JetStreamLimits { JetStreamLimits() }
  var now: JetStreamTimestamp { JetStreamTimestamp(nanosecondsSince1970: self.engine.now) }

  // MARK: Taking

  /// Takes a message whose subject begins with `$JS.`.
  ///
  /// - Returns: whether there is something behind the subject; who asked otherwise hears that
  ///   nobody answers.
  func take(_ operation: borrowing NATSOperation) -> Bool {
    let subject = operation.subject
    guard subject.count > 4 else { return false }
    switch subject[4] {
    case UInt8(ascii: "A") where subject.starts(with: "$JS.API.".utf8):
      return self.takeRequest(operation)
    case UInt8(ascii: "A") where subject.starts(with: "$JS.ACK.".utf8):
      return self.takeAck(operation)
    case UInt8(ascii: "F") where subject.starts(with: "$JS.FC.".utf8):
      return self.takeFlow(subject)
    default: return false
    }
  }

  private func takeRequest(_ operation: borrowing NATSOperation) -> Bool {
    guard let call = JetStreamCall(subject: operation.subject) else { return false }
    let request = Request(
      call: call, reply: Array(operation.reply), body: operation.payload)
    // A pull is short, and there are many.
    if case .messageNext(let stream, let consumer) = call {
      if let status = self.levelError(operation) {
        self.refuse(request, status)
        return true
      }
      return self.next(stream, consumer, request)
    }
    self.engine.effort.pointee &+=
      Self.requestEffort &+ UInt64(operation.payload.count) / Self.bytesPerEffort
    return self.take(request, operation)
  }

  private func take(_ request: Request, _ operation: borrowing NATSOperation) -> Bool {
    if let status = self.levelError(operation) {
      self.refuse(request, status)
      return true
    }
    switch request.call {
    case .directGet, .directGetLast: return self.directGet(request)
    default: break
    }
    self.requestCount &+= 1
    self.answerInTurn(request)
    return true
  }

  /// Answers a request when what it speaks of is not being changed: clients may send one behind the
  /// other, and a change holds only when it is committed.
  private func answerInTurn(_ request: Request) {
    guard !self.waiting.isEmpty || self.change(before: request.call) != nil else {
      return self.answer(request)
    }
    guard request.call.place.stream != nil else { return self.answer(request) }
    guard self.tenant.memory.reserve(request.body.count) else {
      return self.refuse(request, JetStreamError(.insufficientResources))
    }
    self.waiting.append((request.call, request.reply, Array(request.body)))
    if self.waiting.count == 1 { self.answerWaiting() }
  }

  /// How to wait for the change of what a request speaks of; `nil` where there is none.
  private func change(before call: JetStreamCall) -> ((@escaping () -> Void) -> Void)? {
    let streams = self.tenant.streams
    let (stream, consumer) = call.place
    guard let stream else { return nil }
    guard streams.isSettled else { return streams.whenSettled }
    guard let consumer, let group = streams[stream]?.group(named: consumer), !group.isSettled
    else { return nil }
    return group.whenSettled
  }

  /// Answers those that wait, up to the first one that must wait on.
  private func answerWaiting() {
    while let (call, reply, body) = self.waiting.first {
      if let whenSettled = self.change(before: call) {
        return whenSettled { self.answerWaiting() }
      }
      self.tenant.memory.release(body.count)
      body.withUnsafeBytes { self.answer(Request(call: call, reply: reply, body: $0)) }
      self.waiting.removeFirst()
    }
  }

  private func levelError(_ operation: borrowing NATSOperation) -> JetStreamError? {
    guard operation.headerBytes > 0,
      let options = try? JetStreamPublishOptions(parsing: operation.headers),
      !JetStreamLevel.isEnough(for: options.requiredLevel)
    else { return nil }
    return JetStreamError(.requiredApiLevel)
  }

  private func answer(_ request: Request) {
    switch request.call {
    case .accountInfo: self.accountInfo(request)
    case .streamCreate(let name): self.createStream(name, request)
    case .streamUpdate(let name): self.updateStream(name, request)
    case .streamInfo(let name): self.streamInfo(name, request)
    case .streamNames: self.streamNames(request)
    case .streamList: self.streamList(request)
    case .streamDelete(let name): self.deleteStream(name, request)
    case .streamPurge(let name): self.purgeStream(name, request)
    case .messageGet(let name): self.getMessage(name, request)
    case .messageDelete(let name): self.deleteMessage(name, request)
    case .consumerCreate(let address): self.createConsumer(address, request)
    case .consumerNames(let stream): self.consumerNames(stream, request)
    case .consumerList(let stream): self.consumerList(stream, request)
    case .consumerInfo(let stream, let name): self.consumerInfo(stream, name, request)
    case .consumerDelete(let stream, let name): self.deleteConsumer(stream, name, request)
    case .consumerPause(let stream, let name): self.pauseConsumer(stream, name, request)
    case .directGet, .directGetLast, .messageNext: break
    case .consumerUnpin(let stream, let name): self.unpin(stream, name, request)
    case .streamSnapshot, .streamRestore, .streamRemovePeer,
      .streamLeaderStepDown, .consumerLeaderStepDown:
      self.refuse(request, self.refusal(of: request.call))
    }
  }

  private func refusal(of call: JetStreamCall) -> JetStreamError {
    switch call {
    case .streamSnapshot: JetStreamError(.streamSnapshot, "not supported by this server")
    case .streamRestore: JetStreamError(.streamRestore, "not supported by this server")
    default: JetStreamError(.clusterRequired)
    }
  }

  // MARK: Answering

  /// Reads a request's JSON; an empty one stands for an object without members.
  func read<Object: JetStreamObject>(
    _ type: Object.Type, _ request: Request
  ) throws(JetStreamError) -> Object {
    var limits = JSONLimits()
    limits.valuesMax = Self.jsonValuesMax
    do throws(JetStreamJSONError) {
      return try Object(parsing: request.body, isStrict: true, limits: limits)
    } catch {
      throw JetStreamError(.invalidJSON, error.description)
    }
  }

  func send<Body: JetStreamResponseBody>(_ body: Body, to reply: [UInt8]) {
    self.publish(JetStreamResponse(body).encoded, to: reply)
  }

  func send<Body: JetStreamResponseBody>(
    _ type: Body.Type, _ error: JetStreamError, to reply: [UInt8]
  ) {
    self.errorCount &+= 1
    self.publish(JetStreamResponse<Body>(error).encoded, to: reply)
  }

  /// Answers a request with an error, in the form that it would have been answered in.
  private func refuse(_ request: Request, _ error: JetStreamError) {
    let reply = request.reply
    typealias Reply = JetStreamReply
    switch request.call {
    case .accountInfo: self.send(Reply.AccountInfo.self, error, to: reply)
    case .streamCreate: self.send(Reply.StreamCreate.self, error, to: reply)
    case .streamUpdate: self.send(Reply.StreamUpdate.self, error, to: reply)
    case .streamInfo: self.send(Reply.StreamInfo.self, error, to: reply)
    case .streamNames: self.send(Reply.StreamNames.self, error, to: reply)
    case .streamList: self.send(Reply.StreamList.self, error, to: reply)
    case .streamDelete: self.send(Reply.StreamDelete.self, error, to: reply)
    case .streamPurge: self.send(Reply.StreamPurge.self, error, to: reply)
    case .messageGet: self.send(Reply.MessageGet.self, error, to: reply)
    case .messageDelete: self.send(Reply.MessageDelete.self, error, to: reply)
    case .streamSnapshot: self.send(Reply.StreamSnapshot.self, error, to: reply)
    case .streamRestore: self.send(Reply.StreamRestore.self, error, to: reply)
    case .streamRemovePeer: self.send(Reply.StreamRemovePeer.self, error, to: reply)
    case .streamLeaderStepDown: self.send(Reply.StreamLeaderStepDown.self, error, to: reply)
    case .consumerCreate: self.send(Reply.ConsumerCreate.self, error, to: reply)
    case .consumerNames: self.send(Reply.ConsumerNames.self, error, to: reply)
    case .consumerList: self.send(Reply.ConsumerList.self, error, to: reply)
    case .consumerInfo: self.send(Reply.ConsumerInfo.self, error, to: reply)
    case .consumerDelete: self.send(Reply.ConsumerDelete.self, error, to: reply)
    case .consumerPause: self.send(Reply.ConsumerPause.self, error, to: reply)
    case .consumerUnpin: self.send(Reply.ConsumerUnpin.self, error, to: reply)
    case .consumerLeaderStepDown: self.send(Reply.ConsumerLeaderStepDown.self, error, to: reply)
    case .directGet, .directGetLast, .messageNext: self.send(.requiredApiLevel, to: reply)
    }
  }

  /// Publishes the server's own words; no client makes it speak under `$SYS`.
  func publish(_ payload: [UInt8], to topic: [UInt8]) {
    let isSpeakable = topic.withUnsafeBytes { NATSSubject.isLiteral($0) && !$0.isSystemTopic }
    guard isSpeakable else { return }
    self.tenant.publish(topic: topic, payload: payload)
  }

  /// Publishes an answer of which `body` writes the payload.
  func answer(_ reply: UnsafeRawBufferPointer, _ body: (inout ByteBuffer) -> Void) {
    guard NATSSubject.isLiteral(reply), !reply.isSystemTopic else { return }
    self.withScratch { buffer in
      // The payload's size comes before it: room for its digits.
      let digitsMax = 10
      buffer.writeRepeatingByte(0x20, count: digitsMax)
      buffer.writeStaticString("\r\n")
      let start = buffer.writerIndex
      body(&buffer)
      let size = String(buffer.writerIndex - start)
      buffer.moveReaderIndex(forwardBy: digitsMax - size.utf8.count)
      buffer.setString(size, at: buffer.readerIndex)
      buffer.writeStaticString("\r\n")
      let front = start - buffer.readerIndex
      buffer.withUnsafeReadableBytes { self.answer(reply, native: $0, payloadStart: front) }
    }
  }

  /// Publishes an answer whose payload has so many bytes, a few, which `body` writes.
  func answer(
    _ reply: UnsafeRawBufferPointer, count: Int, _ body: (inout RawWriter) -> Void
  ) {
    guard self.isSpeakable(reply) else { return }
    let room = count + ASCIIScan.digits(count) + 4
    withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { memory in
      var writer = RawWriter(memory)
      writer.write(decimal: count)
      writer.write("\r\n")
      let front = writer.count
      body(&writer)
      writer.write("\r\n")
      let native = UnsafeRawBufferPointer(rebasing: memory[..<writer.count])
      self.answer(reply, native: native, payloadStart: front)
    }
  }

  /// Whether the server may speak under a subject. Those of answers mostly differ in their last
  /// token only, and there are many.
  private func isSpeakable(_ reply: UnsafeRawBufferPointer) -> Bool {
    var front = reply.count
    while front > 0, reply[front &- 1] != UInt8(ascii: ".") { front &-= 1 }
    let isKnown =
      front > 0
      && self.speakableFront.withUnsafeBytes {
        $0.sameBytes(as: UnsafeRawBufferPointer(rebasing: reply[..<front]))
      }
    if isKnown {
      return NATSSubject.isLiteral(UnsafeRawBufferPointer(rebasing: reply[front...]))
    }
    guard NATSSubject.isLiteral(reply), !reply.isSystemTopic else { return false }
    self.speakableFront = Array(reply[..<front])
    return true
  }

  private func answer(
    _ reply: UnsafeRawBufferPointer, native: UnsafeRawBufferPointer, payloadStart: Int
  ) {
    let payload = UnsafeRawBufferPointer(rebasing: native[payloadStart..<native.count - 2])
    var publication = Publication(
      topic: reply, payload: payload, origin: self.origin, native: native,
      quality: .atMostOnce)
    publication.nativeForm = NATSReceiver.Form.plain
    self.tenant.answer(&publication)
  }

  /// Calls `body` with memory of the account's own, empty. What `body` sends may lead here again.
  func withScratch<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
    var scratch = self.scratch
    self.scratch = ByteBuffer()
    scratch.clear()
    let result = body(&scratch)
    if scratch.capacity <= Self.scratchBytesMax { self.scratch = scratch }
    return result
  }

  /// Publishes a message of headers alone.
  func send(_ status: JetStreamStatus, to topic: [UInt8], reply: [UInt8] = []) {
    var headers = ByteBuffer()
    status.encode(into: &headers)
    JetStreamMessage(headers: headers, payload: ByteBuffer()).publish(
      to: topic, reply: reply, self)
  }

  /// Tells what happened to those who listen.
  func tell(_ event: JetStreamAdvisory.Event) {
    var advisory = JetStreamAdvisory(id: "", time: self.now, event: event)
    let topic = Array(advisory.subject.utf8)
    guard topic.withUnsafeBytes({ self.tenant.router.hasSubscriber(of: $0) }) else { return }
    advisory.id = Self.makeID()
    self.tenant.publish(topic: topic, payload: advisory.encoded)
  }

  /// 22 letters and digits.
  static func makeID(_ count: Int = 22) -> String {
    let letters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    return String(
      decoding: (0..<count).map { _ in letters[Int.random(in: 0..<letters.count)] },
      as: UTF8.self)
  }

  // MARK: Consumers

  /// What hands out a group's records.
  func consumer(_ group: StreamGroup, of stream: GodwitEngine.Stream) -> JetStreamConsumer {
    let key = ObjectIdentifier(group)
    if let consumer = self.consumers[key] { return consumer }
    let consumer = JetStreamConsumer(group: group, stream: stream, account: self)
    self.consumers[key] = consumer
    if consumer.config.isPush { self.pushConsumers[key] = consumer }
    consumer.begin()
    return consumer
  }

  /// All consumers of a stream, in no particular order.
  func consumers(of stream: GodwitEngine.Stream) -> [JetStreamConsumer] {
    stream.unsortedGroups.map { self.consumer($0, of: stream) }
  }

  /// Those who publish to a stream.
  func publishers(of stream: GodwitEngine.Stream) -> JetStreamPublishers {
    let key = ObjectIdentifier(stream)
    if let last = self.lastPublishers, last.key == key { return last.publishers }
    let publishers: JetStreamPublishers
    if let known = self.publishers[key] {
      publishers = known
    } else {
      publishers = JetStreamPublishers(stream, self)
      self.publishers[key] = publishers
    }
    self.lastPublishers = (key, publishers)
    return publishers
  }

  /// What is brought into a stream.
  func followers(of stream: GodwitEngine.Stream) -> [JetStreamFollower] {
    self.followers[ObjectIdentifier(stream)] ?? []
  }

  /// Puts others in the place of what is brought into a stream.
  func setFollowers(_ followers: [JetStreamFollower], of stream: GodwitEngine.Stream) {
    let key = ObjectIdentifier(stream)
    for follower in self.followers[key] ?? [] { follower.end() }
    self.followers[key] = followers.isEmpty ? nil : followers
  }

  /// The stream, and the consumer of that name.
  func find(
    _ stream: String, _ name: String
  ) throws(JetStreamError) -> (GodwitEngine.Stream, JetStreamConsumer) {
    guard let stream = self.tenant.streams[stream] else { throw JetStreamError(.streamNotFound) }
    guard let group = stream.group(named: name) else { throw JetStreamError(.consumerNotFound) }
    return (stream, self.consumer(group, of: stream))
  }

  /// Somebody has begun or ceased to listen: those who push may have somebody now, or nobody.
  func interestChanged() {
    for consumer in self.pushConsumers.values { consumer.interestChanged() }
  }

  private func happened(_ event: StreamEvent) {
    switch event {
    case .created(let stream):
      self.tell(.stream(.create, stream: stream.name))
      for follower in self.followers.values.joined() where follower.source.name == stream.name {
        follower.attach()
      }
      self.follow(stream)
    case .updated(let stream):
      self.follow(stream)
      self.publishers[ObjectIdentifier(stream)]?.settingsChanged()
      self.tell(.stream(.modify, stream: stream.name))
    case .deleted(let stream):
      self.publishers.removeValue(forKey: ObjectIdentifier(stream))?.end()
      self.lastPublishers = nil
      self.lastAcknowledged = nil
      self.setFollowers([], of: stream)
      for follower in self.followers.values.joined() { follower.originDeleted(stream) }
      self.tell(.stream(.delete, stream: stream.name))
    case .groupCreated(let stream, let group):
      self.tell(.consumer(.create, stream: stream.name, consumer: group.name))
    case .groupUpdated(_, let group):
      let key = ObjectIdentifier(group)
      self.consumers[key]?.settingsChanged()
      self.pushConsumers[key] = self.consumers[key].flatMap { $0.config.isPush ? $0 : nil }
    case .groupDeleted(let stream, let group):
      let key = ObjectIdentifier(group)
      self.pushConsumers[key] = nil
      if self.lastAcknowledged?.group === group { self.lastAcknowledged = nil }
      self.consumers.removeValue(forKey: key)?.end()
      self.tell(.consumer(.delete, stream: stream.name, consumer: group.name))
    }
  }
}
