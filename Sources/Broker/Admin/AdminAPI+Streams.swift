import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// Streams and their groups.
extension AdminAPI {
  var streamEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/streams", parameters: ["tenant", "limit", "offset", "filter"],
        "streams", .json { [unowned self] in self.streams($0) }),
      AdminEndpoint(
        "GET", "/api/streams", takesRest: true,
        parameters: ["tenant", "from", "limit", "pattern", "preview"],
        "one stream with its groups, by its name; NAME/records its records",
        .json { [unowned self] in self.stream($0) }),
      AdminEndpoint(
        "POST", "/api/streams", takesRest: true,
        parameters: ["tenant", "pattern", "before", "keep"],
        "makes a stream; NAME/purge removes records of one",
        .json { [unowned self] in self.purge($0) }),
      AdminEndpoint(
        "DELETE", "/api/streams", takesRest: true, parameters: ["tenant"],
        "deletes a stream, by its name; NAME/groups/GROUP one of its groups",
        .json { [unowned self] in self.deleteStream($0) }),
    ]
  }

  /// `GET /api/streams`
  func streams(_ request: AdminRequest) -> AdminResponse {
    if !request.rest.isEmpty { return self.stream(request) }
    switch self.tenant(request) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let tenant):
      let filter = request.first("filter")?.lowercased() ?? ""
      let all = tenant.streams.all
      let matching =
        filter.isEmpty
        ? all
        : all.filter { stream in
          stream.name.lowercased().contains(filter)
            || stream.settings.patterns.contains {
              $0.description.lowercased().contains(filter)
            }
        }
      let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
      let offset = request.number("offset", default: 0, max: .max)
      return AdminResponse(
        .record([
          "tenant": .string(tenant.name),
          "total": .count(all.count),
          "matching": .count(matching.count),
          "streams": .array(
            matching.dropFirst(offset).prefix(limit).map { .record(Self.json($0)) }),
        ]))
    }
  }

  private static func json(
    _ stream: GodwitEngine.Stream
  ) -> KeyValuePairs<String, JSONValue> {
    let settings = stream.settings
    return [
      "name": .string(stream.name),
      "topics": .array(settings.patterns.map { .string($0.description) }),
      "records": .count(stream.count),
      "bytes": .count(stream.byteCount),
      "first_offset": .count(stream.firstOffset),
      "next_offset": .count(stream.nextOffset),
      "topics_kept": .count(stream.topicCount),
      "groups": .count(stream.groupCount),
      "retention": .string(Self.word(settings.retention)),
      "storage": .string(stream.isDurable ? "file" : "memory"),
      "records_max": .count(settings.recordsMax),
      "bytes_max": .count(settings.bytesMax),
      "age_max_seconds": .double(Double(settings.ageMax) / 1e9),
      "created_at": .time(stream.createdAt),
      "last_at": stream.lastReceivedAt > 0 ? .time(stream.lastReceivedAt) : .null,
    ]
  }

  private static func word(_ retention: StreamSettings.Retention) -> String {
    switch retention {
    case .limits: "limits"
    case .interest: "interest"
    case .workQueue: "work queue"
    }
  }

  private static func json(
    _ group: StreamGroup, of stream: GodwitEngine.Stream
  ) -> JSONValue {
    let floor = group.floor.end
    var oldestAt = JSONValue.null
    // What is at hand is shown; nobody waits for the disk here.
    if floor < stream.committedOffset {
      var isOver = false
      stream.withRecord(at: floor) { record in
        if !isOver, let record { oldestAt = .time(record.receivedAt) }
      }
      isOver = true
    }
    return .record([
      "name": .string(group.name),
      "topics": .array(group.settings.filters.map { .string($0.description) }),
      "lag": .count(group.pendingCount),
      "in_flight": .count(group.inFlight),
      "redelivered": .count(group.redelivered),
      "done_before": .count(floor),
      "delivered_before": .count(group.delivered.end),
      "oldest_at": oldestAt,
      "paused": .bool(group.isPaused),
      "durable": .bool(group.settings.isDurable),
      "created_at": .time(group.createdAt),
      "last_delivered_at": group.lastDeliveredAt > 0 ? .time(group.lastDeliveredAt) : .null,
      "last_acknowledged_at":
        group.lastAcknowledgedAt > 0 ? .time(group.lastAcknowledgedAt) : .null,
    ])
  }

  private func find(
    _ request: AdminRequest, _ name: String
  ) -> Result<GodwitEngine.Stream, AdminRefusal> {
    self.tenant(request).flatMap { tenant in
      tenant.streams[name].map { .success($0) } ?? .failure(AdminRefusal(404, "no such stream"))
    }
  }

  /// `GET /api/streams/NAME` and `GET /api/streams/NAME/records`
  func stream(_ request: AdminRequest) -> AdminResponse {
    let wantsRecords = request.rest.hasSuffix("/records")
    let name = wantsRecords ? String(request.rest.dropLast("/records".count)) : request.rest
    switch self.find(request, name) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let stream):
      if wantsRecords { return self.records(request, of: stream) }
      var members = Self.json(stream).map { JSONValue.Member($0.key, $0.value) }
      members.removeAll { $0.name == "groups" }
      members.append(
        .init("groups", .array(stream.groups.map { Self.json($0, of: stream) })))
      return AdminResponse(.object(members))
    }
  }

  /// `DELETE /api/streams/NAME` and `DELETE /api/streams/NAME/groups/GROUP`
  func deleteStream(_ request: AdminRequest) -> AdminResponse {
    let parts = request.rest.split(separator: "/", maxSplits: 2).map { String($0) }
    let name = parts.count == 3 && parts[1] == "groups" ? parts[0] : request.rest
    switch self.find(request, name) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let stream):
      guard parts.count == 3, name == parts[0], parts[1] == "groups" else {
        stream.tenant.streams.delete(name)
        return AdminResponse(.record(["deleted": .string(name)]))
      }
      guard stream.group(named: parts[2])?.settings.isHidden == false else {
        return .refusal(404, "no such group")
      }
      stream.deleteGroup(parts[2])
      return AdminResponse(.record(["deleted": .string(parts[2]), "stream": .string(name)]))
    }
  }

  /// `POST /api/streams` and `POST /api/streams/NAME/purge`
  func purge(_ request: AdminRequest) -> AdminResponse {
    if request.rest.isEmpty { return self.createStream(request) }
    guard request.rest.hasSuffix("/purge") else {
      return .refusal(404, "what can be done to a stream is NAME/purge")
    }
    switch self.find(request, String(request.rest.dropLast("/purge".count))) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let stream):
      switch self.purge(request, of: stream) {
      case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
      case .success(let purge):
        var purged: Int?
        do throws(EngineError) {
          try stream.purge(purge) { purged = $0 }
        } catch {
          return .refusal(409, error.message)
        }
        // Where the disk has to be asked first, it goes on without whoever asked.
        return AdminResponse(
          .record([
            "stream": .string(stream.name), "complete": .bool(purged != nil),
            "purged": purged.map { .count($0) } ?? .null,
          ]), status: purged == nil ? 202 : 200)
      }
    }
  }

  private func purge(
    _ request: AdminRequest, of stream: GodwitEngine.Stream
  ) -> Result<GodwitEngine.Stream.Purge, AdminRefusal> {
    var purge = GodwitEngine.Stream.Purge()
    if let text = request.first("before") {
      guard let before = UInt64(text) else {
        return .failure(AdminRefusal(400, "before is a whole number"))
      }
      purge.before = before
    }
    if let text = request.first("keep") {
      guard let keep = Int(text), keep >= 0 else {
        return .failure(AdminRefusal(400, "keep is a whole number"))
      }
      purge.keeping = keep
    }
    guard let text = request.first("pattern") else { return .success(purge) }
    return TypedTopic.pattern(text, limits: self.engine.limits).map {
      purge.pattern = $0
      return purge
    }
  }
}
