import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

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
        "POST", "/api/resends", takesRest: true,
        "sends records of a stream back, or with dry_run says what would be sent; ID/resume goes "
          + "on with one that did not come to its end",
        .later { [unowned self] in self.postResend($0, $1) }),
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

  private func postResend(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    do throws(AdminRefusal) {
      let job = try request.rest.isEmpty ? self.startResend(request) : self.goOnResend(request)
      guard job.state == .running else { return answer(AdminResponse(job.json)) }
      let wait = ResendWait(job, answer)
      job.whenEnded.append { wait.end() }
      _ = self.engine.timers.schedule(at: self.engine.now + Self.patience, wait, kind: 0)
    } catch {
      answer(.refusal(error.status, error.sentence))
    }
  }

  private func startResend(_ request: AdminRequest) throws(AdminRefusal) -> ResendJob {
    let order = try self.resendOrder(request)
    try self.checkResendRoom()
    return try self.resends.start(order)
  }

  private func goOnResend(_ request: AdminRequest) throws(AdminRefusal) -> ResendJob {
    guard request.rest.hasSuffix("/resume") else {
      throw AdminRefusal(404, "what can be done to a job is ID/resume")
    }
    guard let id = UInt64(request.rest.dropLast("/resume".count)), let job = self.resends.job(id)
    else { throw AdminRefusal(404, "no such job") }
    if let obstacle = job.obstacle { throw AdminRefusal(409, "it cannot go on: \(obstacle)") }
    let order = try self.resendOrder(goingOn: job, request)
    try self.checkResendRoom()
    try self.resends.resume(job, order)
    return job
  }

  private func checkResendRoom() throws(AdminRefusal) {
    guard self.resends.hasRoom else {
      throw AdminRefusal(429, "as many jobs are running as may be")
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
