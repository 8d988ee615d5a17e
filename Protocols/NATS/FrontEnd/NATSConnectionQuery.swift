import GodwitFrontEndKit

/// The query of `/connz`, with nats-server's names and defaults.
struct NATSConnectionQuery {
  /// Why a query is refused, in nats-server's words where it has some.
  struct Invalid: Error {
    let reason: String
  }

  /// Which lists of subscriptions are shown.
  enum Lists {
    case none, subjects, details
  }

  /// Which connections are shown.
  enum State {
    case open, closed, all
  }

  private static let sorts: Set<String> = [
    "cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last",
    "idle", "uptime", "stop", "reason", "rtt",
  ]

  var sort = "cid"
  var state = State.open
  var offset = 0
  var limit = 1024
  var id: UInt64?
  var showsAuth = false
  var lists = Lists.none
  var user: String?
  var account: String?
  var filterSubject: String?

  init(_ request: AdminRequest) throws(Invalid) {
    if let sort = request.first("sort"), !sort.isEmpty {
      guard Self.sorts.contains(sort) else {
        throw Invalid(reason: "invalid sorting option: \(sort)")
      }
      self.sort = sort
    }
    switch request.first("state")?.lowercased() {
    case nil, "open", "": self.state = .open
    case "closed": self.state = .closed
    case "any", "all": self.state = .all
    case .some(let other): throw Invalid(reason: "Error decoding state for \(other)")
    }
    self.offset = max(0, try Self.integer(request, "offset") ?? 0)
    if let limit = try Self.integer(request, "limit"), limit > 0 { self.limit = limit }
    if let id = try Self.integer(request, "cid"), id > 0 {
      self.id = UInt64(id)
      self.limit = 1
    }
    self.showsAuth = try Self.bool(request, "auth")
    if request.first("subs") == "detail" {
      self.lists = .details
    } else if try Self.bool(request, "subs") {
      self.lists = .subjects
    }
    self.user = request.first("user")
    self.account = request.first("acc")
    if let subject = request.first("filter_subject"), !subject.isEmpty, subject != ">" {
      guard self.account != nil else {
        throw Invalid(reason: "filter by subject only valid with account filtering")
      }
      self.filterSubject = subject
    }
    guard self.state == .closed || (self.sort != "stop" && self.sort != "reason") else {
      throw Invalid(reason: "sort by \(self.sort) only valid on closed connections")
    }
  }

  /// A whole number; `nil` when the name is missing.
  static func integer(_ request: AdminRequest, _ name: String) throws(Invalid) -> Int? {
    guard let text = request.first(name), !text.isEmpty else { return nil }
    guard let value = Int(text) else {
      throw Invalid(reason: "Error decoding int for '\(name)': \(text)")
    }
    return value
  }

  /// `1`, `true` and their kin.
  static func bool(_ request: AdminRequest, _ name: String) throws(Invalid) -> Bool {
    switch request.first(name)?.lowercased() {
    case nil, "", "0", "f", "false": return false
    case "1", "t", "true": return true
    case .some(let other): throw Invalid(reason: "Error decoding boolean for '\(name)': \(other)")
    }
  }

  /// Orders connections as asked: by id upwards, by anything else downwards.
  func sorted(_ facts: [NATSConnectionFacts], now: Int64) -> [NATSConnectionFacts] {
    func down<Key: Comparable>(_ key: (NATSConnectionFacts) -> Key) -> [NATSConnectionFacts] {
      facts.sorted { key($0) != key($1) ? key($0) > key($1) : $0.id < $1.id }
    }
    switch self.sort {
    case "subs": return down(\.subscriptionCount)
    case "pending": return down(\.pendingBytes)
    case "msgs_to": return down(\.messagesOut)
    case "msgs_from": return down(\.messagesIn)
    case "bytes_to": return down(\.bytesOut)
    case "bytes_from": return down(\.bytesIn)
    case "last": return down(\.lastActivityAt)
    case "idle": return down { $0.end(now) - $0.lastActivityAt }
    case "uptime": return down { $0.end(now) - $0.openedAt }
    case "stop": return down(\.stoppedAt)
    case "reason": return down(\.reason)
    case "rtt": return down(\.roundTrip)
    case "start": return facts.sorted { ($0.openedAt, $0.id) < ($1.openedAt, $1.id) }
    default: return facts.sorted { $0.id < $1.id }
    }
  }
}
