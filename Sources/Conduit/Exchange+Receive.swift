import Godwit
import Logging
import NIOCore
import Synchronization

/// What comes in.
extension Exchange {
  /// By which subscription a handshake came.
  enum Way: Sendable {
    /// Every instance gets it.
    case broadcast
    /// One instance gets it.
    case queue
    /// It is for this instance.
    case own
  }

  // MARK: Inbox

  /// Acknowledgements of own handshakes, and chunks of streams to this instance alone.
  func receiveInbox(_ incoming: IncomingMessage) {
    let level = ConduitSubjects.lastLevel(of: incoming.message.topic)
    switch level.utf8.first {
    case UInt8(ascii: "a"):
      guard let number = UInt64(level.dropFirst()) else { return }
      guard let send = self.state.withLock({ $0.sends[number] }) else {
        return self.refuseLate(incoming)
      }
      if let failure = incoming.failure { return send.fail(failure) }
      send.receive(incoming.message.body)
    case UInt8(ascii: "d"):
      let level = String(level)
      self.state.withLock { $0.streams[level] }?.receive(incoming.message.body)
    default: break
    }
  }

  /// Who answers when the send is over would wait for a stream that does not come.
  private func refuseLate(_ incoming: IncomingMessage) {
    guard incoming.failure == nil, let ack = try? Acknowledgement(incoming.message.body),
      ack.isBound, ack.error.isEmpty, ConduitSubjects.isPublishable(ack.dataSubject)
    else { return }
    // Credit for a stream that was sent to its end is no answer.
    guard ack.version == 0 || ack.chunkBytesMax != nil else { return }
    self.postFailure("the sender has gone on", to: [ack.dataSubject])
  }

  /// Chunks of streams to every instance.
  func receiveShared(_ incoming: IncomingMessage) {
    guard incoming.failure == nil else { return }
    let level = String(ConduitSubjects.lastLevel(of: incoming.message.topic))
    self.sharedStream(level, subject: incoming.message.topic)?.receive(incoming.message.body)
  }

  /// The stream of that token; its chunks may be here before its handshake.
  private func sharedStream(_ token: String, subject: String) -> InboundStream? {
    let (stream, isNew) = self.state.withLock { state -> (InboundStream?, Bool) in
      if let known = state.streams[token] { return (known, false) }
      guard !state.isClosed, state.streams.count < self.settings.streamsMax else {
        return (nil, false)
      }
      let stream = InboundStream(subject, origin: .original(isShared: true), exchange: self)
      state.streams[token] = stream
      return (stream, true)
    }
    if isNew { self.wakeUp() }
    return stream
  }

  /// A stream that arrives on a subject of this instance alone.
  private func ownStream(_ origin: InboundStream.Origin) -> InboundStream? {
    let stream = self.state.withLock { state -> InboundStream? in
      guard !state.isClosed, state.streams.count < self.settings.streamsMax else { return nil }
      state.number += 1
      let level = "d\(state.number)"
      let stream = InboundStream("\(self.inbox).\(level)", origin: origin, exchange: self)
      state.streams[level] = stream
      return stream
    }
    if stream != nil { self.wakeUp() }
    return stream
  }

  // MARK: Handshakes

  /// A handshake came in. Nobody is answered who does not say where, or whom nobody can read.
  func receiveHandshake(_ incoming: IncomingMessage, by way: Way) {
    guard incoming.failure == nil, let replyTo = incoming.message.replyTo,
      ConduitSubjects.isPublishable(replyTo)
    else { return }
    let handshake: Handshake
    do throws(GodwitError) {
      handshake = try Handshake(incoming.message.body)
    } catch {
      return self.logger.warning("not a handshake", metadata: ["error": "\(error)"])
    }
    let queues = self.queues(for: handshake.event, by: way)
    if handshake.version > 0 {
      // The other copy of the handshake finds who is bound here, or somebody else who answers.
      if queues.isEmpty, self.isBound(to: handshake.event) { return }
      self.answerPeer(handshake, queues, replyTo: replyTo)
    } else {
      self.answerOriginal(handshake, queues, replyTo: replyTo, by: way)
    }
  }

  private func queues(for event: String, by way: Way) -> [BindingQueue] {
    self.state.withLock { state in
      if case .own = way, let reply = state.replies[event] { return [reply] }
      let kind: BindingQueue.Kind = if case .queue = way { .queue } else { .broadcast }
      return state.bindings[event]?.filter { $0.kind == kind } ?? []
    }
  }

  private func isBound(to event: String) -> Bool {
    self.state.withLock { $0.bindings[event]?.isEmpty == false }
  }

  private func answerPeer(
    _ handshake: Handshake, _ queues: [BindingQueue], replyTo: String
  ) {
    var ack = Acknowledgement(dataSubject: "", isBound: false)
    if !queues.isEmpty {
      ack = Acknowledgement(dataSubject: "", error: "too many messages wait there")
      if queues.contains(where: \.hasRoom), let stream = self.ownStream(.peer(replyTo: replyTo)) {
        if self.deliver(handshake, stream, to: queues) { ack = stream.acknowledgement }
      }
    }
    self.post(ack.frame(), to: replyTo)
  }

  /// The original takes the first answer, and waits for one for seconds: so it always gets one,
  /// and all instances name the same subject, so that whichever it takes, all get the stream.
  private func answerOriginal(
    _ handshake: Handshake, _ queues: [BindingQueue], replyTo: String, by way: Way
  ) {
    let stream: InboundStream?
    if case .own = way {
      stream = self.ownStream(.original(isShared: false))
    } else {
      let token = ConduitSubjects.token(of: replyTo)
      stream = self.sharedStream(
        token, subject: "\(ConduitSubjects.shared(self.service)).\(token)")
    }
    guard let stream else {
      return self.logger.error("a message is lost: too many streams arrive")
    }
    if !queues.isEmpty, !self.deliver(handshake, stream, to: queues) {
      self.logger.error(
        "a message is lost: too many wait", metadata: ["event": "\(handshake.event)"])
    }
    self.post(stream.acknowledgement.frame(), to: replyTo)
  }

  /// - Returns: whether anybody took it.
  private func deliver(
    _ handshake: Handshake, _ stream: InboundStream, to queues: [BindingQueue]
  ) -> Bool {
    var isTaken = false
    for queue in queues where queue.hasRoom {
      guard let body = stream.attach() else {
        self.logger.error("the beginning of a stream is gone already")
        continue
      }
      if queue.offer(ConduitMessage(handshake, body: body, exchange: self)) { isTaken = true }
      if queue.isOnce { self.unbind(queue) }
    }
    return isTaken
  }
}
