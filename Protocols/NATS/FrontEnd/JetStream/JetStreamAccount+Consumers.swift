import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NATSWire

/// Making, changing and showing consumers.
extension JetStreamAccount {
  /// Makes a consumer, or gives the one of the name another configuration. Calls `body` with the
  /// stream's name and its own.
  private func make(
    _ address: JetStreamConsumerAddress, _ request: Request,
    _ body: @escaping (_ stream: String, _ consumer: String, EngineError?) -> Void
  ) throws(JetStreamError) {
    var wanted = try self.read(JetStreamRequest.ConsumerCreate.self, request)
    if let error = address.apply(to: &wanted) { throw error }
    guard let stream = self.tenant.streams[wanted.stream] else {
      throw JetStreamError(.streamNotFound)
    }
    let existing = stream.group(named: wanted.config.name)
    if let existing {
      wanted.config.pauseUntil = JetStreamSettings.config(existing.settings).pauseUntil
    }
    if let error = JetStreamSettings.unsupported(wanted.config) { throw error }
    self.chargePairs(wanted.config.filters.count)
    let streamConfig = JetStreamSettings.config(stream.settings)
    var config = try wanted.config.validated(
      stream: streamConfig, limits: self.limits, isPedantic: wanted.isPedantic)
    config.metadata = JetStreamLevel.stored(config.metadata, needing: config.requiredLevel)
    // Only where it matters: there may be thousands.
    func others() -> [JetStreamConsumerConfig] {
      self.consumers(of: stream).filter { $0.group !== existing && !$0.config.isDirect }
        .map(\.config)
    }
    if let existing {
      return try self.update(existing, of: stream, to: config, wanted.action, others) {
        body(stream.name, existing.name, $0)
      }
    }
    if wanted.action == .update { throw JetStreamError(.consumerDoesNotExist) }
    let conflict = config.conflict(stream: streamConfig, others: others(), limits: self.limits)
    if let conflict { throw conflict }
    if config.name.isEmpty { config.name = Self.makeID(8) }
    do throws(EngineError) {
      let name = config.name
      let group = try stream.makeGroup(JetStreamSettings.settings(config)) {
        body(stream.name, name, $0)
      }
      if !group.isDeleted { _ = self.consumer(group, of: stream) }
    } catch {
      throw Self.error(error, .consumerCreate)
    }
  }

  private func update(
    _ group: StreamGroup, of stream: GodwitEngine.Stream, to config: JetStreamConsumerConfig,
    _ action: JetStreamRequest.ConsumerCreate.Action, _ others: () -> [JetStreamConsumerConfig],
    _ body: @escaping (EngineError?) -> Void
  ) throws(JetStreamError) {
    let old = JetStreamSettings.config(group.settings)
    if old.isSame(as: config) { return body(nil) }
    if action == .create { throw JetStreamError(.consumerAlreadyExists) }
    if stream.settings.retention == .workQueue, !config.filtersAreUnique(among: others()) {
      throw JetStreamError(.consumerWQConsumerNotUnique)
    }
    let isBound = self.consumer(group, of: stream).isBound
    if let error = old.updateError(to: config, isBound: isBound) { throw error }
    do throws(EngineError) {
      try stream.updateGroup(group, to: JetStreamSettings.settings(config), body)
    } catch {
      throw Self.error(error, .consumerCreate)
    }
  }

  func createConsumer(_ address: JetStreamConsumerAddress, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      try self.make(address, request) { stream, name, error in
        do throws(JetStreamError) {
          if let error { throw Self.error(error, .consumerStoreFailed) }
          var body = JetStreamReply.ConsumerCreate()
          body.info = self.info(of: try self.find(stream, name).1)
          self.send(body, to: reply)
        } catch {
          self.send(JetStreamReply.ConsumerCreate.self, error, to: reply)
        }
      }
    } catch {
      self.send(JetStreamReply.ConsumerCreate.self, error, to: reply)
    }
  }

  func deleteConsumer(_ stream: String, _ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      guard request.body.isEmpty else { throw JetStreamError(.notEmptyRequest) }
      let (stream, consumer) = try self.find(stream, name)
      stream.deleteGroup(consumer.group.name) { error in
        if let error {
          let refusal = Self.error(error, .consumerStoreFailed)
          return self.send(JetStreamReply.ConsumerDelete.self, refusal, to: reply)
        }
        self.send(JetStreamReply.ConsumerDelete(success: true), to: reply)
      }
    } catch {
      self.send(JetStreamReply.ConsumerDelete.self, error, to: reply)
    }
  }

  func pauseConsumer(_ stream: String, _ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.ConsumerPause.self, request)
      let (stream, consumer) = try self.find(stream, name)
      var config = consumer.config
      let isPaused = wanted.until > self.now
      config.pauseUntil = wanted.until.isZero ? nil : wanted.until
      config.metadata = JetStreamLevel.stored(config.metadata, needing: config.requiredLevel)
      let until = config.pauseUntil ?? .zero
      do throws(EngineError) {
        try stream.updateGroup(consumer.group, to: JetStreamSettings.settings(config)) { error in
          if let error {
            let refusal = Self.error(error, .consumerStoreFailed)
            return self.send(JetStreamReply.ConsumerPause.self, refusal, to: reply)
          }
          self.tell(
            .pause(stream: stream.name, consumer: name, isPaused: isPaused, until: until))
          var body = JetStreamReply.ConsumerPause()
          body.isPaused = isPaused
          body.until = wanted.until
          if isPaused { body.remaining = self.remaining(until: wanted.until) }
          self.send(body, to: reply)
        }
      } catch {
        throw Self.error(error, .consumerCreate)
      }
    } catch {
      self.send(JetStreamReply.ConsumerPause.self, error, to: reply)
    }
  }

  func unpin(_ stream: String, _ name: String, _ request: Request) {
    let reply = request.reply
    do throws(JetStreamError) {
      let wanted = try self.read(JetStreamRequest.ConsumerUnpin.self, request)
      guard !wanted.group.isEmpty else {
        throw JetStreamError(.invalidJSON, "consumer group not specified")
      }
      let (_, consumer) = try self.find(stream, name)
      guard consumer.config.priorityGroups.contains(wanted.group) else {
        throw JetStreamError(.consumerInvalidPriorityGroup)
      }
      consumer.pin.release("admin")
      self.send(JetStreamReply.ConsumerUnpin(), to: reply)
    } catch {
      self.send(JetStreamReply.ConsumerUnpin.self, error, to: reply)
    }
  }

  private func remaining(until time: JetStreamTimestamp) -> Int64 {
    let (difference, overflows) = time.nanosecondsSince1970.subtractingReportingOverflow(
      self.engine.now)
    return overflows ? .max : max(0, difference)
  }

  // MARK: Showing

  func info(of consumer: JetStreamConsumer, isListed: Bool = false) -> JetStreamConsumerInfo {
    let group = consumer.group
    var info = JetStreamConsumerInfo()
    info.stream = group.stream?.name ?? ""
    info.name = group.name
    info.created = JetStreamTimestamp(nanosecondsSince1970: group.createdAt)
    var config = consumer.config
    if config.name.isEmpty { config.name = group.name }
    if !isListed {
      config.metadata = JetStreamLevel.answered(
        config.metadata, version: NATSServer.protocolVersion)
      info.cluster = JetStreamClusterInfo(leader: self.frontEnd.context.serverName)
    }
    info.config = config
    info.delivered = self.position(group.delivered, group.lastDeliveredAt)
    info.ackFloor = self.position(group.floor, group.lastAcknowledgedAt)
    info.ackPendingCount = group.inFlight
    info.redeliveredCount = group.redelivered
    info.waitingCount = consumer.waitingCount
    info.pendingCount = UInt64(group.pendingCount)
    info.isPushBound = consumer.isBound
    info.priorityGroups = consumer.priorityGroups
    if let until = config.pauseUntil, until > self.now {
      info.isPaused = true
      info.pauseRemaining = self.remaining(until: until)
    }
    info.timestamp = self.now
    return info
  }

  private func position(
    _ position: StreamGroup.Position, _ time: Int64
  ) -> JetStreamConsumerInfo.Position {
    var shown = JetStreamConsumerInfo.Position()
    shown.consumerSequence = position.sequence
    shown.streamSequence = position.end
    if time > 0 { shown.lastActive = JetStreamTimestamp(nanosecondsSince1970: time) }
    return shown
  }

  func consumerInfo(_ stream: String, _ name: String, _ request: Request) {
    do throws(JetStreamError) {
      let (_, consumer) = try self.find(stream, name)
      var body = JetStreamReply.ConsumerInfo()
      body.info = self.info(of: consumer)
      self.send(body, to: request.reply)
    } catch {
      self.send(JetStreamReply.ConsumerInfo.self, error, to: request.reply)
    }
  }

  private func listed(
    _ name: String, _ request: Request
  ) throws(JetStreamError) -> (stream: GodwitEngine.Stream, groups: [StreamGroup], offset: Int) {
    let wanted = try self.read(JetStreamRequest.ConsumerNames.self, request)
    guard let stream = self.tenant.streams[name] else { throw JetStreamError(.streamNotFound) }
    let groups = stream.groups
    return (stream, groups, min(max(0, wanted.offset), groups.count))
  }

  func consumerNames(_ stream: String, _ request: Request) {
    do throws(JetStreamError) {
      let (_, groups, offset) = try self.listed(stream, request)
      var body = JetStreamReply.ConsumerNames()
      let limit = JetStreamPage.namesMax
      body.page = JetStreamPage(total: groups.count, offset: offset, limit: limit)
      body.consumers = groups[offset...].prefix(limit).map(\.name)
      self.send(body, to: request.reply)
    } catch {
      self.send(JetStreamReply.ConsumerNames.self, error, to: request.reply)
    }
  }

  func consumerList(_ stream: String, _ request: Request) {
    do throws(JetStreamError) {
      let (stream, groups, offset) = try self.listed(stream, request)
      var body = JetStreamReply.ConsumerList()
      let limit = JetStreamPage.listMax
      body.page = JetStreamPage(total: groups.count, offset: offset, limit: limit)
      body.consumers = groups[offset...].prefix(limit).map {
        self.info(of: self.consumer($0, of: stream), isListed: true)
      }
      self.send(body, to: request.reply)
    } catch {
      self.send(JetStreamReply.ConsumerList.self, error, to: request.reply)
    }
  }
}
