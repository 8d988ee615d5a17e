import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NATSWire

/// Making, changing and showing streams.
extension JetStreamAccount {
  /// What the account uses.
  var usage: JetStreamAccountInfo {
    var info = JetStreamAccountInfo()
    for stream in self.tenant.streams.all {
      info.streams += 1
      info.consumers += stream.groupCount
      let bytes = UInt64(stream.committedByteCount)
      let reserved = UInt64(stream.settings.bytesMax)
      if stream.settings.storage == .memory {
        info.memory &+= bytes
        info.reservedMemory &+= reserved
      } else {
        info.storage &+= bytes
        info.reservedStorage &+= reserved
      }
    }
    info.api.total = self.requestCount
    info.api.errors = self.errorCount
    return info
  }

  func accountInfo(_ request: Request) {
    var body = JetStreamReply.AccountInfo()
    body.info = self.usage
    body.info?.api.level = JetStreamLevel.offered
    self.send(body, to: request.reply)
  }

  // MARK: Making

  /// So many patterns are compared with each other.
  func chargePairs(_ count: Int) {
    self.engine.effort.pointee &+= UInt64(count) &* UInt64(count) / 16
  }

  private func validated(
    _ request: JetStreamRequest.StreamConfig
  ) throws(JetStreamError) -> JetStreamStreamConfig {
    if let error = JetStreamSettings.unsupported(request.config) { throw error }
    self.chargePairs(request.config.subjects.count)
    var config = try request.config.validated(
      limits: self.limits, isPedantic: request.isPedantic
    ) { self.tenant.streams[$0].map { JetStreamSettings.config($0.settings) } }
    config.metadata = JetStreamLevel.stored(config.metadata, needing: config.requiredLevel)
    return config
  }

  /// Makes a stream, or finds the one that is so already.
  private func make(
    _ name: String, _ request: Request, _ body: @escaping (EngineError?, _ isNew: Bool) -> Void
  ) throws(JetStreamError) {
    let wanted = try self.read(JetStreamRequest.StreamConfig.self, request)
    if let error = wanted.config.creationError(name: name) { throw error }
    let config = try self.validated(wanted)
    if let stream = self.tenant.streams[name] {
      guard JetStreamSettings.config(stream.settings).isSame(as: config) else {
        throw JetStreamError(.streamNameExist)
      }
      return body(nil, false)
    }
    let settings = try JetStreamSettings.settings(config)
    guard self.tenant.streams.overlapping(settings.patterns).isEmpty else {
      throw JetStreamError(.streamSubjectOverlap)
    }
    do throws(EngineError) {
      _ = try self.tenant.streams.create(settings) { body($0, true) }
    } catch {
      throw Self.error(error, .streamCreate)
    }
  }

  func createStream(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      try self.make(name, request) { error, isNew in
        self.withInfo(of: name, after: error, JetStreamReply.StreamCreate.self, reply) { info in
          var body = JetStreamReply.StreamCreate()
          body.info = info
          body.didCreate = isNew
          self.send(body, to: reply)
        }
      }
    } catch {
      self.send(JetStreamReply.StreamCreate.self, error, to: reply)
    }
  }

  func updateStream(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.StreamConfig.self, request)
      let config = try self.validated(wanted)
      guard config.name == name else { throw JetStreamError(.streamMismatch) }
      guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
      let updated = try JetStreamSettings.config(stream.settings).updated(to: config)
      let settings = try JetStreamSettings.settings(updated)
      let others = self.tenant.streams.overlapping(settings.patterns)
      guard others.allSatisfy({ $0 === stream }) else {
        throw JetStreamError(.streamSubjectOverlap)
      }
      do throws(EngineError) {
        try self.tenant.streams.update(stream, to: settings) { error in
          self.withInfo(of: name, after: error, JetStreamReply.StreamUpdate.self, reply) { info in
            var body = JetStreamReply.StreamUpdate()
            body.info = info
            self.send(body, to: reply)
          }
        }
      } catch {
        throw Self.error(error, .streamUpdate)
      }
    } catch {
      self.send(JetStreamReply.StreamUpdate.self, error, to: reply)
    }
  }

  /// Calls `body` with all about a stream that was made or changed; where that was refused, says
  /// so.
  private func withInfo<Body: JetStreamResponseBody>(
    of name: String, after error: EngineError?, _ type: Body.Type, _ reply: [UInt8],
    _ body: @escaping (JetStreamStreamInfo) -> Void
  ) {
    if let error {
      self.send(type, Self.error(error, .streamStoreFailed), to: reply)
    } else if let stream = self.tenant.streams[name] {
      self.withInfo(of: stream, body)
    } else {
      self.send(type, JetStreamError(.streamNotFound), to: reply)
    }
  }

  /// An engine's refusal in JetStream's words.
  static func error(_ error: EngineError, _ otherwise: JetStreamErrorCode) -> JetStreamError {
    switch error.code {
    case .quotaExceeded: JetStreamError(.insufficientResources)
    case .storageFailed: JetStreamError(.streamStoreFailed, error.message)
    default: JetStreamError(otherwise, error.message)
    }
  }

  func deleteStream(_ name: String, _ request: Request) {
    let reply = request.reply
    guard request.body.isEmpty else {
      return self.send(
        JetStreamReply.StreamDelete.self, JetStreamError(.notEmptyRequest), to: reply)
    }
    let isThere = self.tenant.streams.delete(name) { error in
      if let error {
        let refusal = Self.error(error, .streamDelete)
        return self.send(JetStreamReply.StreamDelete.self, refusal, to: reply)
      }
      self.send(JetStreamReply.StreamDelete(success: true), to: reply)
    }
    guard isThere else {
      return self.send(JetStreamReply.StreamDelete.self, JetStreamError(.streamNotFound), to: reply)
    }
  }

  // MARK: Showing

  /// Calls `body` with all about a stream. For the first message's time the disk may have to be
  /// asked.
  func withInfo(
    of stream: GodwitEngine.Stream, isListed: Bool = false,
    _ body: @escaping (JetStreamStreamInfo) -> Void
  ) {
    let finish = { (record: Record?) in
      body(self.info(of: stream, firstAt: record?.receivedAt, isListed: isListed))
    }
    if stream.committedCount == 0 {
      finish(nil)
    } else {
      stream.withRecord(at: stream.firstOffset, finish)
    }
  }

  func info(
    of stream: GodwitEngine.Stream, firstAt: Int64?, isListed: Bool
  ) -> JetStreamStreamInfo {
    var info = JetStreamStreamInfo()
    info.config = JetStreamSettings.config(stream.settings)
    if !isListed {
      info.config.metadata = JetStreamLevel.answered(
        info.config.metadata, version: NATSServer.protocolVersion)
      info.cluster = JetStreamClusterInfo(leader: self.frontEnd.context.serverName)
    }
    info.created = JetStreamTimestamp(nanosecondsSince1970: stream.createdAt)
    info.timestamp = self.now
    var state = JetStreamStreamState()
    // What is not committed yet is there for nobody.
    state.messages = UInt64(stream.committedCount)
    state.bytes = UInt64(stream.committedByteCount)
    state.lastSequence = stream.committedOffset
    if state.lastSequence > 0 {
      state.firstSequence = min(stream.firstOffset, stream.committedOffset) + 1
    }
    if let firstAt { state.firstTime = JetStreamTimestamp(nanosecondsSince1970: firstAt) }
    if stream.lastReceivedAt > 0 {
      state.lastTime = JetStreamTimestamp(nanosecondsSince1970: stream.lastReceivedAt)
    }
    state.subjectCount = stream.committedTopicCount
    if stream.committedCount > 0 {
      let span = state.lastSequence &+ 1 &- state.firstSequence
      state.deletedCount = Int(clamping: span &- state.messages)
    }
    state.consumerCount = stream.groupCount
    info.state = state
    self.addUpstreams(of: stream, to: &info)
    return info
  }

  func streamInfo(_ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.StreamInfo.self, request)
      guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
      // What whoever asks has published before is in it.
      stream.whenCommitted(before: stream.nextOffset) { _ in
        guard !stream.isDeleted else {
          let error = JetStreamError(.streamNotFound)
          return self.send(JetStreamReply.StreamInfo.self, error, to: reply)
        }
        self.sendInfo(of: stream, wanted, to: reply)
      }
    } catch {
      self.send(JetStreamReply.StreamInfo.self, error, to: reply)
    }
  }

  private func sendInfo(
    of stream: GodwitEngine.Stream, _ wanted: JetStreamRequest.StreamInfo, to reply: [UInt8]
  ) {
    self.withInfo(of: stream) { info in
      var body = JetStreamReply.StreamInfo()
      var info = info
      if wanted.deletedDetails {
        let gone = stream.goneOffsets(limit: Self.goneMax)
        info.state.deleted = gone.map { $0 + 1 }
      }
      guard !wanted.subjectsFilter.isEmpty else {
        body.info = info
        return self.send(body, to: reply)
      }
      self.withSubjects(of: stream, wanted) { page, subjects in
        info.state.subjects = subjects
        body.page = page
        body.info = info
        self.send(body, to: reply)
      }
    }
  }

  /// So many numbers of messages that are gone are listed.
  private static var goneMax: Int { 100_000 }

  private func withSubjects(
    of stream: GodwitEngine.Stream, _ wanted: JetStreamRequest.StreamInfo,
    _ body: @escaping (JetStreamPage, [String: UInt64]) -> Void
  ) {
    var found: [(name: String, count: Int)] = []
    stream.forEachTopic(
      JetStreamSettings.pattern(wanted.subjectsFilter),
      while: { topic, count in
        found.append((String(decoding: topic, as: UTF8.self), count))
        return true
      },
      done: {
        let limit = JetStreamPage.subjectsMax
        let offset = min(max(0, wanted.offset), found.count)
        // Only where there are several pages does their order matter.
        if found.count > limit { found.sort { $0.name < $1.name } }
        var subjects: [String: UInt64] = [:]
        for (name, count) in found[offset...].prefix(limit) { subjects[name] = UInt64(count) }
        body(JetStreamPage(total: found.count, offset: offset, limit: limit), subjects)
      })
  }

  private func listed(
    _ request: Request
  ) throws(JetStreamError) -> (streams: [GodwitEngine.Stream], offset: Int) {
    let wanted = try self.read(JetStreamRequest.StreamNames.self, request)
    let streams =
      wanted.subject.isEmpty
      ? self.tenant.streams.all
      : self.tenant.streams.overlapping([JetStreamSettings.pattern(wanted.subject)])
    return (streams, min(max(0, wanted.offset), streams.count))
  }

  func streamNames(_ request: Request) {
    do throws(JetStreamError) {
      let (streams, offset) = try self.listed(request)
      var body = JetStreamReply.StreamNames()
      let limit = JetStreamPage.namesMax
      body.page = JetStreamPage(total: streams.count, offset: offset, limit: limit)
      let names = streams[offset...].prefix(limit).map(\.name)
      body.streams = names.isEmpty ? nil : names
      self.send(body, to: request.reply)
    } catch {
      self.send(JetStreamReply.StreamNames.self, error, to: request.reply)
    }
  }

  func streamList(_ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let (streams, offset) = try self.listed(request)
      var body = JetStreamReply.StreamList()
      let limit = JetStreamPage.listMax
      body.page = JetStreamPage(total: streams.count, offset: offset, limit: limit)
      self.gather(Array(streams[offset...].prefix(limit))[...], into: body, reply)
    } catch {
      self.send(JetStreamReply.StreamList.self, error, to: reply)
    }
  }

  private func gather(
    _ streams: ArraySlice<GodwitEngine.Stream>, into body: JetStreamReply.StreamList,
    _ reply: [UInt8]
  ) {
    guard let stream = streams.first else { return self.send(body, to: reply) }
    self.withInfo(of: stream, isListed: true) { info in
      var body = body
      body.streams.append(info)
      self.gather(streams.dropFirst(), into: body, reply)
    }
  }
}
