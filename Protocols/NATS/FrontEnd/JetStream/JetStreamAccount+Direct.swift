import GodwitEngine
import GodwitPrimitives
import NATSWire
import NIOCore

/// DIRECT.GET: messages as messages, one or many (ADR-31).
extension JetStreamAccount {
  /// So many messages one answer has at most where a request asks for the last of many subjects.
  private static var lastMax: Int { 1_024 }

  /// Both forms of the request; only streams that allow it are there for it.
  func directGet(_ request: Request) -> Bool {
    let name: String
    var wanted = JetStreamRequest.MessageGet()
    var status: JetStreamStatus?
    do throws(JetStreamJSONError) {
      wanted = try JetStreamRequest.MessageGet(parsing: request.body, isStrict: false)
    } catch {
      status = .malformedRequest
    }
    switch request.call {
    case .directGetLast(let stream, let subject):
      name = stream
      if !wanted.isEmptyButForHeaders { status = status ?? .badRequest }
      wanted.lastFor = subject
    case .directGet(let stream):
      name = stream
      status = status ?? wanted.directStatus
    default: return false
    }
    guard let stream = self.tenant.streams[name],
      self.publishers(of: stream).facts.allowDirect
    else { return false }
    let reply = request.reply
    if let status {
      self.send(status, to: reply)
    } else if !wanted.multiLastFor.isEmpty {
      self.sendLast(wanted, of: stream, to: reply)
    } else if wanted.batch > 0 {
      self.sendBatch(wanted, of: stream, to: reply)
    } else {
      self.find(wanted, in: stream) { found in
        guard let found else { return self.send(.messageNotFound, to: reply) }
        self.sendDirect(found, of: stream, noHeaders: wanted.noHeaders, to: reply)
      }
    }
    return true
  }

  /// - Returns: the message's bytes, without what is added.
  @discardableResult
  private func sendDirect(
    _ found: GodwitEngine.Stream.Found, of stream: GodwitEngine.Stream, noHeaders: Bool,
    more: [NATSHeaders.Field] = [], to reply: [UInt8]
  ) -> Int {
    var message = JetStreamMessage(found.record, self)
    let bytes = message.byteCount
    let time = JetStreamTimestamp(nanosecondsSince1970: found.record.receivedAt)
    if noHeaders {
      message.headers.clear()
    } else {
      message.add(
        [
          .init("Nats-Stream", stream.name),
          .init("Nats-Subject", String(decoding: message.subject, as: UTF8.self)),
          .init("Nats-Sequence", String(found.offset + 1)),
          .init("Nats-Time-Stamp", time.description),
        ] + more)
    }
    message.subject = []
    message.publish(to: reply, reply: [], self)
    return bytes
  }

  /// An answer of many messages, and how it ends.
  private final class Batch {
    var pending: Int
    var lastSequence: UInt64 = 0
    var bytesLeft: Int
    var countLeft: Int

    init(_ wanted: JetStreamRequest.MessageGet, pending: Int, bytesMax: Int) {
      self.pending = pending
      self.bytesLeft = wanted.maxBytes > 0 ? wanted.maxBytes : bytesMax
      self.countLeft = wanted.batch > 0 ? wanted.batch : .max
    }

    var isFull: Bool { self.bytesLeft <= 0 || self.countLeft <= 0 }
  }

  private func send(
    _ found: GodwitEngine.Stream.Found, of stream: GodwitEngine.Stream, noHeaders: Bool,
    in batch: Batch, to reply: [UInt8]
  ) {
    batch.pending = max(0, batch.pending - 1)
    batch.countLeft -= 1
    batch.bytesLeft -= self.sendDirect(
      found, of: stream, noHeaders: noHeaders,
      more: [
        .init("Nats-Num-Pending", String(batch.pending)),
        .init("Nats-Last-Sequence", String(batch.lastSequence)),
      ], to: reply)
    batch.lastSequence = found.offset + 1
  }

  /// What a connection may have waiting for it bounds an answer.
  private var answerBytesMax: Int { self.frontEnd.values.pendingBytesMax }

  private func sendBatch(
    _ wanted: JetStreamRequest.MessageGet, of stream: GodwitEngine.Stream, to reply: [UInt8]
  ) {
    if let time = wanted.startTime {
      return stream.findOffset(at: time.nanosecondsSince1970) { offset in
        var wanted = wanted
        wanted.startTime = nil
        wanted.sequence = offset + 1
        self.sendBatch(wanted, of: stream, to: reply)
      }
    }
    let start = wanted.sequence > 0 ? wanted.sequence - 1 : 0
    let pattern = wanted.nextFor.isEmpty ? nil : JetStreamSettings.pattern(wanted.nextFor)
    stream.countRecords(pattern, from: start) { count in
      let batch = Batch(wanted, pending: count, bytesMax: self.answerBytesMax)
      stream.forEachRecord(
        pattern, from: start,
        while: { found in
          self.send(found, of: stream, noHeaders: wanted.noHeaders, in: batch, to: reply)
          return !batch.isFull
        },
        done: {
          guard batch.lastSequence > 0 else { return self.send(.messageNotFound, to: reply) }
          self.send(
            .endOfBatch(pending: UInt64(batch.pending), last: batch.lastSequence), to: reply)
        })
    }
  }

  private func sendLast(
    _ wanted: JetStreamRequest.MessageGet, of stream: GodwitEngine.Stream, to reply: [UInt8]
  ) {
    if let time = wanted.upToTime {
      return stream.findOffset(at: time.nanosecondsSince1970) { offset in
        guard offset > stream.firstOffset else { return self.send(.noResults, to: reply) }
        var wanted = wanted
        wanted.upToTime = nil
        wanted.upToSequence = offset
        self.sendLast(wanted, of: stream, to: reply)
      }
    }
    let end = wanted.upToSequence > 0 ? wanted.upToSequence : stream.committedOffset
    stream.findLastOffsets(
      wanted.multiLastFor.map { JetStreamSettings.pattern($0) }, before: end, limit: Self.lastMax
    ) { offsets in
      guard offsets.count <= Self.lastMax else { return self.send(.tooManyResults, to: reply) }
      let offsets = offsets.filter { $0 + 1 >= wanted.sequence }
      guard !offsets.isEmpty else { return self.send(.noResults, to: reply) }
      let batch = Batch(wanted, pending: offsets.count, bytesMax: self.answerBytesMax)
      stream.forEachRecord(
        at: offsets[...],
        while: { offset, record in
          guard let record else { return true }
          let found = GodwitEngine.Stream.Found(offset: offset, record: record)
          self.send(found, of: stream, noHeaders: false, in: batch, to: reply)
          return !batch.isFull
        },
        done: {
          self.send(
            .endOfBatch(
              pending: UInt64(batch.pending), last: batch.lastSequence, upTo: end), to: reply)
        })
    }
  }
}
