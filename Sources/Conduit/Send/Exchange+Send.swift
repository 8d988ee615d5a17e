import Godwit
import NIOCore

/// What goes out.
extension Exchange {
  /// After so many bytes to receivers without flow control the broker's confirmation is waited for.
  private static let unconfirmedBytesMax = 256 << 10

  /// The most bytes of a payload that goes out as soon as somebody takes it, and to those who come
  /// late. What is larger is a stream.
  static let atHandBytesMax = StreamReceiver.initialCredit

  /// Sends a payload that is at hand.
  ///
  /// - Parameter isRequest: whether somebody must be bound.
  func send(
    _ payload: ByteBuffer, to service: String, _ handshake: Handshake, isRequest: Bool
  ) async throws(GodwitError) {
    guard payload.readableBytes <= Self.atHandBytesMax else {
      do {
        return try await self.send(
          stream: OnePart(payload), to: service, handshake, isRequest: isRequest)
      } catch {
        throw (error as? GodwitError) ?? GodwitError(.cancelled, "\(error)")
      }
    }
    let frames = try StreamSender.frames(of: payload, chunkBytesMax: self.settings.chunkBytes)
    try await self.send(
      frames: frames, bytes: payload.readableBytes, to: service, handshake, isRequest: isRequest)
  }

  /// Sends a stream that is nothing but a failure.
  func send(
    failure text: String, to service: String, _ handshake: Handshake
  ) async throws(GodwitError) {
    let frames = try StreamSender.frames(ofFailure: text)
    try await self.send(frames: frames, bytes: 0, to: service, handshake, isRequest: false)
  }

  private func send(
    frames: [ByteBuffer], bytes: Int, to service: String, _ handshake: Handshake, isRequest: Bool
  ) async throws(GodwitError) {
    let patience = self.settings.gatherTime * (isRequest ? Self.patienceFactor : 1)
    let send = try await self.begin(handshake, to: service, patience: patience)
    do throws(GodwitError) {
      guard try await send.takers() else {
        if isRequest { throw Self.nobodyBound(handshake) }
        // Who is bound and answers late gets it all the same.
        for subject in send.serve(frames) { frames.forEach { self.post($0, to: subject) } }
        return self.close(send, lateBytes: bytes + 256)
      }
      let subjects = send.serve(frames)
      _ = try await self.broker.driver.publish(
        subjects.flatMap { subject in frames.map { Message(bare: $0, to: subject) } })
    } catch {
      self.close(send)
      throw error
    }
    self.close(send, lateBytes: bytes + 256)
  }

  /// So many times the time to gather passes until what cannot be made good is decided.
  private static let patienceFactor = 10

  private static func nobodyBound(_ handshake: Handshake) -> GodwitError {
    GodwitError(.noResponders, "nobody is bound to '\(handshake.event)'")
  }

  /// Publishes a handshake.
  private func begin(
    _ handshake: Handshake, to service: String, patience: Duration
  ) async throws(GodwitError) -> OutboundSend {
    let frame = try handshake.frame()
    let send = try self.open(patience: patience)
    let message = Message(
      bare: frame, to: ConduitSubjects.service(service), replyTo: send.inbox)
    do throws(GodwitError) {
      let receipt = try await self.broker.driver.publish([message]).first
      if receipt?.receivers == 0 {
        throw GodwitError(.noResponders, "there is no service '\(service)'")
      }
    } catch {
      self.close(send)
      throw error
    }
    return send
  }

  /// Sends a stream to everybody who takes it, at the pace of the slowest.
  ///
  /// - Throws: what the source throws, after everybody was told.
  func send<Source: AsyncSequence & Sendable>(
    stream source: Source, to service: String, _ handshake: Handshake, isRequest: Bool
  ) async throws where Source.Element == ByteBuffer {
    let send = try await self.begin(
      handshake, to: service, patience: self.settings.gatherTime * Self.patienceFactor)
    defer { self.close(send) }
    do {
      guard try await send.takers() else {
        if isRequest { throw Self.nobodyBound(handshake) }
        return
      }
      try await send.gather()
      let chunkBytes = send.chunkBytes
      let isPaced = send.isPaced
      var unconfirmed = 0
      for try await var part in source {
        while part.readableBytes > 0 {
          let size = min(part.readableBytes, chunkBytes, try await send.room())
          let piece = part.readSlice(length: size) ?? ByteBuffer()
          let messages = try send.chunk(piece, isEnd: false)
          unconfirmed += size
          if !isPaced, unconfirmed >= Self.unconfirmedBytesMax {
            unconfirmed = 0
            _ = try await self.broker.driver.publish(messages)
          } else {
            try await self.pass(messages)
          }
        }
      }
      _ = try await self.broker.driver.publish(send.chunk(ByteBuffer(), isEnd: true))
    } catch {
      let reason =
        (error as? GodwitError)?.message
        ?? (error is CancellationError ? "the sender's task was cancelled" : "\(error)")
      if let messages = try? send.failure(reason) {
        for message in messages { self.post(message.body, to: message.topic) }
      }
      throw error
    }
  }

  /// Leaves messages for the broker, and waits where it takes no more at once.
  private func pass(_ messages: [Message]) async throws(GodwitError) {
    for index in messages.indices {
      do throws(GodwitError) {
        try self.broker.driver.send(messages[index])
      } catch {
        guard error.code == .overloaded else { throw error }
        _ = try await self.broker.driver.publish(Array(messages[index...]))
        return
      }
    }
  }
}

/// A payload as a stream of one part.
struct OnePart: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  let part: ByteBuffer

  init(_ part: ByteBuffer) {
    self.part = part
  }

  func makeAsyncIterator() -> Iterator { Iterator(part: self.part) }

  struct Iterator: AsyncIteratorProtocol {
    var part: ByteBuffer?

    mutating func next() async -> ByteBuffer? {
      defer { self.part = nil }
      return self.part
    }
  }
}
