import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import NATSWire

/// `/jsz`, as nats-server has it.
extension NATSServer {
  /// What is asked for.
  private struct JetStreamQuery {
    var account: String?
    var showsAccounts = false
    var showsStreams = false
    var showsConsumers = false
    var showsConfig = false
    var offset = 0
    var limit = 1_024

    init(_ request: AdminRequest) throws(NATSConnectionQuery.Invalid) {
      func flag(_ name: String) throws(NATSConnectionQuery.Invalid) -> Bool {
        try NATSConnectionQuery.bool(request, name)
      }
      self.account = request.first("acc").flatMap { $0.isEmpty ? nil : $0 }
      self.showsConfig = try flag("config")
      self.showsConsumers = try flag("consumers")
      let streams = try flag("streams")
      self.showsStreams = streams || self.showsConsumers
      let accounts = try flag("accounts")
      self.showsAccounts = accounts || self.showsStreams || self.account != nil
      self.offset = max(0, try NATSConnectionQuery.integer(request, "offset") ?? 0)
      if let limit = try NATSConnectionQuery.integer(request, "limit"), limit > 0 {
        self.limit = limit
      }
    }
  }

  func jsz(_ request: AdminRequest) throws(NATSConnectionQuery.Invalid) -> JSONValue {
    let query = try JetStreamQuery(request)
    let engine = self.context.loop.engine
    let tenants = engine.tenants.filter { $0.streams.count > 0 }.sorted { $0.name < $1.name }
    let accounts = tenants.map { self.jetStream(of: $0) }
    var all = accounts.reduce(into: JetStreamAccountInfo()) { $0.add($1.usage) }
    all.api.level = JetStreamLevel.offered
    let streams = tenants.flatMap { $0.streams.all }
    let storage: JSONValue = .object([
      .init("max_memory", .integer(-1)), .init("max_storage", .integer(-1)),
      .init("strict", .bool(true)),
    ])
    var members = Self.members(of: all, accounts: tenants.count)
    members += [
      .init("server_id", .string(self.serverID)),
      .init("now", .string(NATSTimestamp.text(engine.now))),
      .init("config", storage), .init("limits", .object([])),
      .init("streams", .integer(Int64(streams.count))),
      .init("consumers", .integer(Int64(streams.reduce(0) { $0 + $1.groupCount }))),
      .init("messages", .integer(Int64(streams.reduce(0) { $0 + $1.count }))),
      .init("bytes", .integer(Int64(streams.reduce(0) { $0 + $1.byteCount }))),
    ]
    guard query.showsAccounts else {
      return .object(members + [.init("total", .integer(Int64(tenants.count)))])
    }
    let wanted = accounts.filter { account in
      query.account.map { $0 == self.accountName(account.tenant) } ?? true
    }
    if query.account != nil, wanted.isEmpty {
      throw NATSConnectionQuery.Invalid(
        reason: "account \"\(query.account ?? "")\" not found or JetStream not enabled")
    }
    let shown = wanted.dropFirst(query.offset).prefix(query.limit)
    members.append(.init("account_details", .array(shown.map { self.details(of: $0, query) })))
    return .object(members + [.init("total", .integer(Int64(wanted.count)))])
  }

  private static func members(
    of info: JetStreamAccountInfo, accounts: Int
  ) -> [JSONValue.Member] {
    func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
    return [
      .init("memory", number(info.memory)), .init("storage", number(info.storage)),
      .init("reserved_memory", number(info.reservedMemory)),
      .init("reserved_storage", number(info.reservedStorage)),
      .init("accounts", .integer(Int64(accounts))), .init("ha_assets", .integer(0)),
      .init(
        "api",
        .object([
          .init("level", .integer(Int64(info.api.level))), .init("total", number(info.api.total)),
          .init("errors", number(info.api.errors)),
        ])),
    ]
  }

  private func details(of account: JetStreamAccount, _ query: JetStreamQuery) -> JSONValue {
    let name = self.accountName(account.tenant)
    var members: [JSONValue.Member] = [.init("name", .string(name)), .init("id", .string(name))]
    members += Self.members(of: account.usage, accounts: 0)
    if query.showsStreams {
      members.append(
        .init(
          "stream_detail",
          .array(account.tenant.streams.all.map { self.details(of: $0, account, query) })))
    }
    return .object(members)
  }

  private func details(
    of stream: GodwitEngine.Stream, _ account: JetStreamAccount, _ query: JetStreamQuery
  ) -> JSONValue {
    func json(_ object: some JetStreamObject) -> JSONValue {
      (try? JSONValue(parsing: object.encoded)) ?? .null
    }
    var info: JetStreamStreamInfo?
    // What is at hand: nobody waits for the disk here.
    var isOver = false
    account.withInfo(of: stream, isListed: true) { if !isOver { info = $0 } }
    isOver = true
    let shown = info ?? account.info(of: stream, firstAt: nil, isListed: true)
    var members: [JSONValue.Member] = [
      .init("name", .string(stream.name)), .init("created", .string(shown.created.description)),
      .init("cluster", .object([.init("leader", .string(self.context.serverName))])),
    ]
    if query.showsConfig { members.append(.init("config", json(shown.config))) }
    members.append(.init("state", json(shown.state)))
    if query.showsConsumers {
      let consumers = stream.groups.map { group in
        var info = account.info(of: account.consumer(group, of: stream), isListed: true)
        if !query.showsConfig { info.config = nil }
        return json(info)
      }
      members.append(.init("consumer_detail", .array(consumers)))
    }
    if let mirror = shown.mirror { members.append(.init("mirror", json(mirror))) }
    if !shown.sources.isEmpty {
      members.append(.init("sources", .array(shown.sources.map { json($0) })))
    }
    return .object(members)
  }
}

extension JetStreamAccountInfo {
  /// Adds what another account uses.
  fileprivate mutating func add(_ other: JetStreamAccountInfo) {
    self.memory &+= other.memory
    self.storage &+= other.storage
    self.reservedMemory &+= other.reservedMemory
    self.reservedStorage &+= other.reservedStorage
    self.api.total &+= other.api.total
    self.api.errors &+= other.api.errors
  }
}
