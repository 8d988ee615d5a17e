import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NIOCore

/// Reading records, and looking for some.
extension AdminAPI {
  /// An answer with records has no more payload than this.
  private static var recordsBytesMax: Int { 4 << 20 }
  /// So many records are looked at for one answer.
  private static var lookedAtMax: Int { 20_000 }
  /// So long is looked for one answer, in nanoseconds; the engine's clock.
  private static var lookMax: Int64 { 2_000_000_000 }

  /// A look for records, over one log after the other.
  private final class Search {
    let views: [LogView]
    let filter: RecordFilter
    let limit: Int
    let preview: Int
    let began: Int64
    var place = 0
    var next: UInt64
    var rows: [JSONValue] = []
    var bytes = 0
    var lookedAt = 0
    var unreadable = 0
    /// Whether `goOn` is at it, and need not be called.
    var isGoing = false
    /// Whether a log is walked through.
    var isWalking = false
    /// Set at the end: whether there is nothing more.
    var isComplete: Bool?

    init(
      _ views: [LogView], _ filter: RecordFilter, place: Int, next: UInt64, limit: Int,
      preview: Int, began: Int64
    ) {
      self.views = views
      self.filter = filter
      self.place = place
      self.next = next
      self.limit = limit
      self.preview = preview
      self.began = began
    }
  }

  /// `GET /api/streams/NAME/records`
  ///
  /// So much is looked at and no more; `token` says where to go on, `next` too within one log.
  func records(
    _ request: AdminRequest, of kept: KeptLog, _ answer: @escaping (AdminResponse) -> Void
  ) {
    do throws(AdminRefusal) {
      let views = try self.views(request, of: kept).get()
      let filter = try self.filter(
        pattern: request.first("pattern"), header: request.first("header"),
        text: request.first("text"))
      var place = 0
      var next = views.first?.firstOffset ?? 0
      if let token = request.first("token") {
        (place, next) = try Self.place(of: token, in: views)
      } else if let text = request.first("from") {
        guard let offset = UInt64(text) else {
          throw AdminRefusal(400, "from is an offset: a whole number")
        }
        next = max(next, offset)
      }
      let search = Search(
        views, filter, place: place, next: next,
        limit: request.number("limit", default: 100, max: self.limits.rowsMax),
        preview: request.number(
          "preview", default: MessageView.previewBytesMax, max: self.limits.previewBytesMax),
        began: self.engine.now)
      self.goOn(search) { answer(Self.answer(to: search, kept, isEnd: $0)) }
    } catch {
      answer(.refusal(error.status, error.sentence))
    }
  }

  /// A token is the number of the log and the offset in it.
  private static func place(
    of token: String, in views: [LogView]
  ) throws(AdminRefusal) -> (Int, UInt64) {
    let parts = token.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let offset = UInt64(parts[1]),
      let place = views.firstIndex(where: { ($0.partition ?? 0) == number })
    else { throw AdminRefusal(400, "token is what an answer before had") }
    return (place, offset)
  }

  /// Walks through one log after the other; in a loop, for there may be thousands that are short.
  private func goOn(_ search: Search, _ done: @escaping (_ isEnd: Bool) -> Void) {
    guard !search.isGoing else { return }
    search.isGoing = true
    while search.isComplete == nil, !search.isWalking {
      if search.place >= search.views.count {
        search.isComplete = true
      } else if self.isFull(search) {
        search.isComplete = false
      } else {
        self.walk(search) { [weak self] in self?.goOn(search, done) }
      }
    }
    search.isGoing = false
    if let isComplete = search.isComplete { done(isComplete) }
  }

  private func isFull(_ search: Search) -> Bool {
    search.rows.count >= search.limit || search.bytes >= Self.recordsBytesMax
      || search.lookedAt >= Self.lookedAtMax || self.engine.now - search.began > Self.lookMax
  }

  private func walk(_ search: Search, _ done: @escaping () -> Void) {
    let view = search.views[search.place]
    search.isWalking = true
    let walk = RecordWalk(
      view, from: search.next, to: view.committedOffset,
      visit: { [unowned self] found, message in
        search.lookedAt += 1
        search.next = found.offset + 1
        if search.filter.matches(&message, self.engine) {
          search.bytes += min(search.preview, message.payload.count)
          search.rows.append(self.json(found, &message, view, preview: search.preview))
        }
        return !self.isFull(search)
      },
      done: { [unowned self] walk in
        search.isWalking = false
        search.unreadable += walk.unreadable
        search.next = max(search.next, walk.position)
        if walk.position < walk.end, !view.isDeleted {
          search.isComplete = false
        } else if search.place + 1 < search.views.count {
          search.place += 1
          search.next = search.views[search.place].firstOffset
        } else {
          search.next = max(search.next, walk.end)
          search.isComplete = !self.isFull(search)
        }
        done()
      })
    walk.start()
  }

  private static func answer(
    to search: Search, _ kept: KeptLog, isEnd: Bool
  ) -> AdminResponse {
    let view = search.views.indices.contains(search.place) ? search.views[search.place] : nil
    return AdminResponse(
      .record([
        "stream": .string(kept.name), "kind": .string(kept.kind),
        "records": .array(search.rows),
        "next": .count(search.next),
        "next_offset": .count(view?.committedOffset ?? 0),
        "token": .string("\(view?.partition ?? 0):\(search.next)"),
        "looked_at": .count(search.lookedAt),
        "unreadable": .count(search.unreadable),
        "complete": .bool(isEnd),
      ]))
  }

  private func json(
    _ found: RecordWalk.Found, _ message: inout Publication, _ view: LogView, preview: Int
  ) -> JSONValue {
    let shown = MessageView.json(
      &message, engine: self.engine, number: found.offset, previewBytesMax: preview)
    guard case .object(var members) = shown else { return .null }
    members.removeAll { $0.name == "number" || $0.name == "at" }
    members.insert(.init("offset", .count(found.offset)), at: 0)
    members.insert(.init("received_at", .time(found.time)), at: 1)
    if let partition = view.partition {
      members.insert(.init("partition", .count(partition)), at: 0)
    }
    return .object(members)
  }
}
