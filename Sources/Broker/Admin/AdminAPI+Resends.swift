import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

/// What is sent back, and was lately. Confined to the loop.
final class ResendDesk {
  private static var runningMax: Int { 8 }
  private static var keptMax: Int { 100 }

  private let audit: AuditLog
  private var count: UInt64 = 0
  /// The latest, newest last.
  private(set) var jobs: [ResendJob] = []

  init(audit: AuditLog) { self.audit = audit }

  var hasRoom: Bool { self.jobs.count { $0.state == .running } < Self.runningMax }

  func job(_ id: UInt64) -> ResendJob? { self.jobs.first { $0.id == id } }

  /// Begins a job.
  func start(_ order: ResendOrder) -> ResendJob {
    self.count += 1
    let job = ResendJob(id: self.count, order)
    self.jobs.append(job)
    if self.jobs.count > Self.keptMax,
      let oldest = self.jobs.firstIndex(where: { $0.state != .running })
    {
      self.jobs.remove(at: oldest)
    }
    if !order.isDryRun {
      job.whenEnded.append { [audit = self.audit, unowned job] in
        let head: [JSONValue.Member] = [
          .init("who", .string(order.who)), .init("from", .string(order.address)),
          .init("action", .string("resend ended")),
        ]
        audit.add(head + [.init("result", .object(job.members))]) {}
      }
    }
    job.start()
    return job
  }
}

extension AdminAPI {
  /// How long who asks for a job waits for its end, in nanoseconds.
  private static var patience: Int64 { 1_000_000_000 }

  var resendEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/resends", "records that are sent back, or were lately",
        .json { [unowned self] _ in
          AdminResponse(
            .record([
              "resends": .array(self.resends.jobs.reversed().map { .object($0.members) })
            ]))
        }),
      AdminEndpoint(
        "GET", "/api/resends", takesRest: true, "one of them, by its number",
        .json { [unowned self] in self.resend($0) { $0 } }),
      AdminEndpoint(
        "POST", "/api/resends",
        "sends records of a stream back, or with dry_run says what would be sent",
        .later { [unowned self] in self.startResend($0, $1) }),
      AdminEndpoint(
        "DELETE", "/api/resends", takesRest: true, "cancels one, by its number",
        .json { [unowned self] request in
          self.resend(request) { job in
            job.cancel()
            return job
          }
        }),
    ]
  }

  private func resend(
    _ request: AdminRequest, _ body: (ResendJob) -> ResendJob
  ) -> AdminResponse {
    guard let job = UInt64(request.rest).flatMap({ self.resends.job($0) }) else {
      return .refusal(404, "no such job")
    }
    return AdminResponse(body(job).json)
  }

  private func startResend(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    do throws(AdminRefusal) {
      let order = try self.resendOrder(request)
      guard self.resends.hasRoom else {
        throw AdminRefusal(429, "as many jobs are running as may be")
      }
      let job = self.resends.start(order)
      guard job.state == .running else { return answer(AdminResponse(job.json)) }
      let wait = ResendWait(job, answer)
      job.whenEnded.append { wait.end() }
      _ = self.engine.timers.schedule(at: self.engine.now + Self.patience, wait, kind: 0)
    } catch {
      answer(.refusal(error.status, error.sentence))
    }
  }
}

/// Somebody who waits for the end of a job, for a while.
private final class ResendWait: TimerTarget {
  private let job: ResendJob
  private var answer: ((AdminResponse) -> Void)?

  init(_ job: ResendJob, _ answer: @escaping (AdminResponse) -> Void) {
    self.job = job
    self.answer = answer
  }

  func timerFired(_ kind: Int) { self.end() }

  func end() {
    let answer = self.answer
    self.answer = nil
    answer?(
      AdminResponse(self.job.json, status: self.job.state == .running ? 202 : 200))
  }
}
