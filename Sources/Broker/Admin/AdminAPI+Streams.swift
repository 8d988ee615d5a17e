import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// What keeps messages: streams, and topics with partitions.
extension AdminAPI {
  var streamEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/streams", parameters: ["tenant", "limit", "offset", "filter", "kind"],
        "streams and topics with partitions", .json { [unowned self] in self.streams($0) }),
      AdminEndpoint(
        "GET", "/api/streams", takesRest: true,
        parameters: [
          "tenant", "kind", "partition", "from", "token", "limit", "pattern", "header", "text",
          "preview",
        ],
        "one of them with its groups, by its name; NAME/records its records",
        .later { [unowned self] in self.stream($0, $1) }),
      AdminEndpoint(
        "POST", "/api/streams", takesRest: true,
        parameters: ["tenant", "kind", "partition", "pattern", "before", "keep"],
        "makes a stream; NAME/purge removes records of one",
        .later { [unowned self] in self.postStream($0, $1) }),
      AdminEndpoint(
        "DELETE", "/api/streams", takesRest: true, parameters: ["tenant", "kind"],
        "deletes a stream or topic, by its name; NAME/groups/GROUP one of a stream's groups",
        .later { [unowned self] in self.deleteStream($0, $1) }),
    ]
  }

  /// `GET /api/streams`
  func streams(_ request: AdminRequest) -> AdminResponse {
    switch self.tenant(request) {
    case .failure(let refusal): return .refusal(refusal.status, refusal.sentence)
    case .success(let tenant):
      let filter = request.first("filter")?.lowercased() ?? ""
      let kind = request.first("kind") ?? ""
      let all = KeptLog.all(of: tenant)
      let matching = all.filter { kept in
        (kind.isEmpty || kept.kind == kind)
          && (filter.isEmpty || kept.name.lowercased().contains(filter)
            || kept.topics.contains { $0.lowercased().contains(filter) })
      }
      let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
      let offset = request.number("offset", default: 0, max: .max)
      let page = matching.dropFirst(offset).prefix(limit)
      let readers = Self.readers(of: page, tenant)
      return AdminResponse(
        .record([
          "tenant": .string(tenant.name),
          "total": .count(all.count),
          "matching": .count(matching.count),
          "streams": .array(page.map { .record($0.json(groups: readers?[$0.name] ?? 0)) }),
        ]))
    }
  }

  /// How many groups have a position in each of those that are topics; `nil` where there are too
  /// many groups to look at.
  private static func readers(
    of page: ArraySlice<KeptLog>, _ tenant: Tenant
  ) -> [String: Int]? {
    var topics: [String: String] = [:]
    for case .topic(let topic) in page {
      for partition in topic.partitions { topics[partition.name] = topic.name }
    }
    guard !topics.isEmpty else { return [:] }
    let groups = tenant.cursors.groups
    guard groups.count <= 10_000 else { return nil }
    var counts: [String: Int] = [:]
    for group in groups {
      let read = Set(tenant.cursors.positions(of: group).keys.compactMap { topics[$0] })
      for name in read { counts[name, default: 0] += 1 }
    }
    return counts
  }

  /// What a request names.
  func find(_ request: AdminRequest, _ name: String) -> Result<KeptLog, AdminRefusal> {
    self.tenant(request).flatMap { tenant in
      KeptLog.find(name, kind: request.first("kind"), of: tenant).map { .success($0) }
        ?? .failure(AdminRefusal(404, "no such stream"))
    }
  }

  /// The logs that a request is about: all, unless it names a partition.
  func views(_ request: AdminRequest, of kept: KeptLog) -> Result<[LogView], AdminRefusal> {
    guard let text = request.first("partition"), !text.isEmpty else { return .success(kept.views) }
    guard let number = Int(text) else {
      return .failure(AdminRefusal(400, "partition is a whole number"))
    }
    let views = kept.views
    if case .stream = kept, number == 0 { return .success(views) }
    guard let view = views.first(where: { $0.partition == number }) else {
      return .failure(AdminRefusal(404, "no such partition"))
    }
    return .success([view])
  }

  /// `GET /api/streams/NAME` and `GET /api/streams/NAME/records`
  func stream(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    if request.rest.isEmpty { return answer(self.streams(request)) }
    let wantsRecords = request.rest.hasSuffix("/records")
    let name = wantsRecords ? String(request.rest.dropLast("/records".count)) : request.rest
    switch self.find(request, name) {
    case .failure(let refusal): return answer(.refusal(refusal.status, refusal.sentence))
    case .success(let kept):
      if wantsRecords { return self.records(request, of: kept, answer) }
      var members = kept.json(groups: nil).map { JSONValue.Member($0.key, $0.value) }
      members.removeAll { $0.name == "groups" }
      members.append(.init("groups", .array(self.groups(of: kept))))
      answer(AdminResponse(.object(members)))
    }
  }

  /// `DELETE /api/streams/NAME` and `DELETE /api/streams/NAME/groups/GROUP`
  func deleteStream(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    let parts = request.rest.split(separator: "/", maxSplits: 2).map { String($0) }
    let name = parts.count == 3 && parts[1] == "groups" ? parts[0] : request.rest
    switch self.find(request, name) {
    case .failure(let refusal): answer(.refusal(refusal.status, refusal.sentence))
    case .success(.topic(let topic)):
      guard parts.count == 1 else {
        return answer(.refusal(409, "the groups of a topic belong to its protocol's clients"))
      }
      topic.tenant.partitionedTopics.delete(name) {
        answer(Self.outcome($0, ["deleted": .string(name)]))
      }
    case .success(.stream(let stream)):
      guard parts.count == 3, name == parts[0], parts[1] == "groups" else {
        stream.tenant.streams.delete(name) {
          answer(Self.outcome($0, ["deleted": .string(name)]))
        }
        return
      }
      guard stream.group(named: parts[2])?.settings.isHidden == false else {
        return answer(.refusal(404, "no such group"))
      }
      stream.deleteGroup(parts[2]) {
        answer(Self.outcome($0, ["deleted": .string(parts[2]), "stream": .string(name)]))
      }
    }
  }

  /// What a change has come to.
  static func outcome(
    _ error: EngineError?, _ members: KeyValuePairs<String, JSONValue>
  ) -> AdminResponse {
    guard let error else { return AdminResponse(.record(members)) }
    return .refusal(error.code == .notFound ? 404 : 507, error.message)
  }

  // MARK: Purging

  /// `POST /api/streams` and `POST /api/streams/NAME/purge`
  func postStream(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    if request.rest.isEmpty {
      self.createStream(request, answer)
    } else {
      answer(self.purge(request))
    }
  }

  private func purge(_ request: AdminRequest) -> AdminResponse {
    guard request.rest.hasSuffix("/purge") else {
      return .refusal(404, "what can be done to a stream is NAME/purge")
    }
    do throws(AdminRefusal) {
      let kept = try self.find(request, String(request.rest.dropLast("/purge".count))).get()
      let purge = try self.purge(of: request)
      let purged: Int?
      switch kept {
      case .stream(let stream): purged = try Self.carryOut(purge, stream)
      case .topic(let topic):
        let views = try self.views(request, of: kept).get()
        purged = try Self.carryOut(purge, topic, views)
      }
      // Where the disk has to be asked first, it goes on without whoever asked.
      return AdminResponse(
        .record([
          "stream": .string(kept.name), "complete": .bool(purged != nil),
          "purged": purged.map { .count($0) } ?? .null,
        ]), status: purged == nil ? 202 : 200)
    } catch {
      return .refusal(error.status, error.sentence)
    }
  }

  private static func carryOut(
    _ purge: GodwitEngine.Stream.Purge, _ stream: GodwitEngine.Stream
  ) throws(AdminRefusal) -> Int? {
    var purged: Int?
    do throws(EngineError) {
      try stream.purge(purge) { purged = $0 }
    } catch {
      throw AdminRefusal(409, error.message)
    }
    return purged
  }

  /// Of a topic's partitions only the oldest records can go.
  private static func carryOut(
    _ purge: GodwitEngine.Stream.Purge, _ topic: PartitionedTopic, _ views: [LogView]
  ) throws(AdminRefusal) -> Int {
    if let pattern = purge.pattern,
      !topic.settings.topic.withUnsafeBytes({ pattern.matches($0) })
    {
      return 0
    }
    if purge.before != nil, views.count > 1 {
      throw AdminRefusal(400, "before needs a partition: each counts by itself")
    }
    var count = 0
    for view in views {
      guard case .partition(let partition) = view.owner else { continue }
      var end = min(purge.before ?? partition.committedOffset, partition.committedOffset)
      if purge.keeping > 0 {
        let kept = UInt64(purge.keeping)
        end = min(end, partition.committedOffset > kept ? partition.committedOffset - kept : 0)
      }
      let before = partition.log.count
      partition.trim(before: end)
      count += before - partition.log.count
    }
    return count
  }

  private func purge(
    of request: AdminRequest
  ) throws(AdminRefusal) -> GodwitEngine.Stream.Purge {
    var purge = GodwitEngine.Stream.Purge()
    if let text = request.first("before") {
      guard let before = UInt64(text) else {
        throw AdminRefusal(400, "before is a whole number")
      }
      purge.before = before
    }
    if let text = request.first("keep") {
      guard let keep = Int(text), keep >= 0 else {
        throw AdminRefusal(400, "keep is a whole number")
      }
      purge.keeping = keep
    }
    if let text = request.first("pattern") {
      purge.pattern = try TypedTopic.pattern(text, limits: self.engine.limits).get()
    }
    return purge
  }
}
