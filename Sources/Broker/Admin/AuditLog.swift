import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import NIOCore
import SchemaRegistryWire

/// What was changed through the admin server: who, when, what, and what came of it. A log of the
/// tenant `default`, in its folder where there is one; confined to the loop.
final class AuditLog {
  /// So many of the latest entries are kept; on disk, files go whole, so there may be more.
  static var recordsMax: Int { 10_000 }
  private static var logName: String { "audit" }
  /// What an entry may be long, in bytes.
  private static var entryBytesMax: Int { 8_192 }
  /// So many entries more are let come before the oldest go.
  private static var trimStep: Int { 256 }

  private let engine: Engine
  private var opened: (any Log)?
  /// Entries that could not be written.
  private(set) var lost: UInt64 = 0

  init(engine: Engine) { self.engine = engine }

  private var tenant: Tenant { self.engine.tenant(named: "default") }

  /// Opened with the first entry or question: a broker that nobody asks has none.
  private func log() throws(EngineError) -> any Log {
    if let opened = self.opened { return opened }
    let log = try self.tenant.store.log(named: Self.logName)
    self.opened = log
    return log
  }

  /// Writes an entry, and calls `done` when it lasts, or never will.
  func add(_ members: [JSONValue.Member], _ done: @escaping () -> Void) {
    var all = [JSONValue.Member("at", .time(self.engine.now))] + members
    while JSONValue.object(all).encoded.count > Self.entryBytesMax, all.count > 1 {
      all.removeLast()
    }
    let record = self.tenant.record(
      topic: Array(Self.logName.utf8), payload: JSONValue.object(all).encoded)
    do throws(EngineError) {
      let log = try self.log()
      let offset = try log.append(record)
      self.trim(log)
      log.whenCommitted(before: offset + 1) { error in
        if error != nil { self.lost &+= 1 }
        done()
      }
    } catch {
      self.lost &+= 1
      done()
    }
  }

  private func trim(_ log: any Log) {
    let most = UInt64(Self.recordsMax)
    guard log.nextOffset > most,
      log.nextOffset - most > log.firstOffset + UInt64(Self.trimStep)
    else { return }
    log.trim(before: log.nextOffset - most)
  }

  /// Answers with entries before `before`, newest first.
  func list(before: UInt64?, limit: Int, _ answer: @escaping (AdminResponse) -> Void) {
    do throws(EngineError) {
      let log = try self.log()
      let end = min(before ?? .max, log.committedOffset)
      let first = log.next(from: log.firstOffset)
      let start = max(first, end > UInt64(limit) ? end - UInt64(limit) : 0)
      self.read(log, start, end, asked: nil, []) { rows in
        answer(
          AdminResponse(
            .record([
              "entries": .array(rows.reversed()),
              "next": start > first ? .count(start) : .null,
            ])))
      }
    } catch {
      answer(.refusal(507, error.message))
    }
  }

  private func read(
    _ log: any Log, _ start: UInt64, _ end: UInt64, asked: UInt64?, _ rows: [JSONValue],
    _ done: @escaping ([JSONValue]) -> Void
  ) {
    var offset = log.next(from: start)
    var rows = rows
    while offset < end {
      if asked != offset {
        let isReady = log.prepare(offset) { [offset, rows] in
          self.read(log, offset, end, asked: offset, rows, done)
        }
        guard isReady else { return }
      }
      if let record = log.record(at: offset), let row = Self.row(record, offset) {
        rows.append(row)
      }
      offset = log.next(from: offset + 1)
    }
    done(rows)
  }

  private static func row(_ record: Record, _ offset: UInt64) -> JSONValue? {
    let json = try? record.body.withUnsafeReadableBytes { try JSONValue(parsing: $0) }
    guard case .object(let members)? = json else { return nil }
    return .object([.init("offset", .count(offset))] + members)
  }
}

extension AdminServer {
  /// Writes down what a request has changed, or tried to, and calls `done` with its answer then.
  func note(
    _ request: AdminRequest, _ endpoint: AdminEndpoint, _ response: AdminResponse,
    _ done: @escaping (AdminResponse) -> Void
  ) {
    let path = request.rest.isEmpty ? endpoint.path : "\(endpoint.path)/\(request.rest)"
    var members: [JSONValue.Member] = [
      .init("who", .string(request.who)), .init("from", .string(request.address)),
      .init("action", .string("\(request.method) \(path)")),
      .init("status", .count(response.status)),
    ]
    if !request.query.isEmpty {
      members.append(
        .init(
          "query", .object(request.query.map { .init($0.name, .string($0.value)) })))
    }
    members.append(.init("result", response.body))
    self.audit.add(members) { done(response) }
  }

  /// Writes down what a request to the schema registry has changed, and calls `done` then. Those
  /// that change nothing are not: producers register what is registered whenever they start.
  func note(
    _ method: String, registry uri: String, who: String, address: String,
    _ result: RegistryAnswer.Body, _ done: @escaping () -> Void
  ) {
    let answer: JSONValue =
      switch result {
      case .json(let json): json
      case .text(let text): .string(text)
      }
    self.audit.add(
      [
        .init("who", .string(who)), .init("from", .string(address)),
        .init("action", .string("\(method) \(uri)")), .init("status", .count(200)),
        .init("result", answer),
      ], done)
  }
}

extension AdminAPI {
  var auditEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/audit", parameters: ["limit", "before"],
        "what was changed through the admin server, newest first",
        .later { [unowned self] request, answer in
          let before = request.first("before").map { UInt64($0) }
          if case .some(nil) = before {
            return answer(.refusal(400, "before is an offset: a whole number"))
          }
          let limit = request.number("limit", default: 100, max: self.limits.rowsMax)
          self.audit.list(before: before ?? nil, limit: limit, answer)
        })
    ]
  }
}
