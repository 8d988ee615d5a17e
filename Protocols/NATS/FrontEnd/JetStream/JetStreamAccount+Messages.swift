import GodwitEngine
import GodwitPrimitives
import NATSWire
import NIOCore

/// Messages of streams, one by one: reading, deleting, purging.
extension JetStreamAccount {
  /// Calls `body` with what a request names.
  func find(
    _ wanted: JetStreamRequest.MessageGet, in stream: GodwitEngine.Stream,
    _ body: @escaping (GodwitEngine.Stream.Found?) -> Void
  ) {
    if let time = wanted.startTime {
      return stream.findOffset(at: time.nanosecondsSince1970) { offset in
        var wanted = wanted
        wanted.startTime = nil
        wanted.sequence = offset + 1
        self.find(wanted, in: stream, body)
      }
    }
    func look(at offset: UInt64) {
      stream.withRecord(at: offset) { record in
        body(record.map { GodwitEngine.Stream.Found(offset: offset, record: $0) })
      }
    }
    if !wanted.nextFor.isEmpty {
      let start = wanted.sequence > 0 ? wanted.sequence - 1 : 0
      stream.findNext(JetStreamSettings.pattern(wanted.nextFor), from: start, body)
    } else if !wanted.lastFor.isEmpty {
      stream.findLast(JetStreamSettings.pattern(wanted.lastFor)) { offset in
        if let offset { look(at: offset) } else { body(nil) }
      }
    } else if wanted.sequence > 0 {
      look(at: wanted.sequence - 1)
    } else {
      body(nil)
    }
  }

  func getMessage(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.MessageGet.self, request)
      if let error = wanted.error { throw error }
      guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
      self.find(wanted, in: stream) { found in
        guard let found else {
          return self.send(
            JetStreamReply.MessageGet.self, JetStreamError(.noMessageFound), to: reply)
        }
        let message = JetStreamMessage(found.record, self)
        var stored = JetStreamStoredMessage()
        stored.subject = String(decoding: message.subject, as: UTF8.self)
        stored.sequence = found.offset + 1
        if !wanted.noHeaders { stored.headers = .init(Array(buffer: message.headers)) }
        stored.payload = .init(Array(buffer: message.payload))
        stored.time = JetStreamTimestamp(nanosecondsSince1970: found.record.receivedAt)
        var body = JetStreamReply.MessageGet()
        body.message = stored
        self.send(body, to: reply)
      }
    } catch {
      self.send(JetStreamReply.MessageGet.self, error, to: reply)
    }
  }

  // MARK: Taking away

  func deleteMessage(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.MessageDelete.self, request)
      guard wanted != JetStreamRequest.MessageDelete() else { throw JetStreamError(.badRequest) }
      guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
      if stream.settings.isSealed { throw JetStreamError(.streamSealed) }
      if stream.settings.deniesDelete {
        throw JetStreamError(.streamMsgDeleteFailed, "message delete not permitted")
      }
      let sequence = wanted.sequence
      guard sequence > 0 else { throw Self.absence(of: 0, in: stream) }
      do throws(EngineError) {
        try stream.delete(sequence - 1) { wasThere in
          if wasThere {
            self.send(JetStreamReply.MessageDelete(success: true), to: reply)
          } else {
            self.send(
              JetStreamReply.MessageDelete.self, Self.absence(of: sequence, in: stream),
              to: reply)
          }
        }
      } catch {
        throw Self.error(error, .streamMsgDeleteFailed)
      }
    } catch {
      self.send(JetStreamReply.MessageDelete.self, error, to: reply)
    }
  }

  /// What nats-server says of a message that is not there to delete. Where streams are in files,
  /// those who never were, or lie before the first, are none that could be looked for.
  private static func absence(
    of sequence: UInt64, in stream: GodwitEngine.Stream
  ) -> JetStreamError {
    if stream.settings.storage == .file {
      if sequence > stream.committedOffset {
        return JetStreamError(.streamMsgDeleteFailed, "stream store EOF")
      }
      if sequence <= stream.firstOffset {
        return JetStreamError(.streamMsgDeleteFailed, "no message found")
      }
    }
    return JetStreamError(.sequenceNotFound, String(sequence))
  }

  /// No message has a greater number: numbers are written as signed ones of 64 bits, too.
  private static var sequenceMax: UInt64 { UInt64(Int64.max) / 2 }

  func purgeStream(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.StreamPurge.self, request)
      if let error = wanted.error { throw error }
      guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
      if stream.settings.isSealed { throw JetStreamError(.streamSealed) }
      if stream.settings.deniesPurge {
        throw JetStreamError(.streamPurgeFailed, "stream purge not permitted")
      }
      let isFiltered = !wanted.filter.isEmpty && wanted.filter != ">"
      if !isFiltered, wanted.sequence > Self.sequenceMax {
        throw JetStreamError(.streamPurgeFailed, "the sequence is too great")
      }
      var purge = GodwitEngine.Stream.Purge(
        pattern: isFiltered ? JetStreamSettings.pattern(wanted.filter) : nil,
        before: wanted.sequence > 0 ? wanted.sequence - 1 : nil,
        keeping: Int(clamping: wanted.keep))
      // The next message has that number.
      purge.movesEnd = true
      do throws(EngineError) {
        try stream.purge(purge) { count in
          var body = JetStreamReply.StreamPurge()
          body.success = true
          body.purged = UInt64(count)
          self.send(body, to: reply)
        }
      } catch {
        throw Self.error(error, .streamPurgeFailed)
      }
    } catch {
      self.send(JetStreamReply.StreamPurge.self, error, to: reply)
    }
  }
}
