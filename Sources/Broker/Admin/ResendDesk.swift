import GodwitEngine
import GodwitWire
import NIOCore

/// What is sent back, and was lately, with its journal in the tenant `default`, whatever tenant the
/// records are of: as the audit log, it is the operator's. Confined to the loop.
///
/// Jobs that were running when the broker ended are interrupted, and go on when somebody says so:
/// nothing is sent by a broker only because it was started.
final class ResendDesk {
  private static var runningMax: Int { 8 }
  private static var keptMax: Int { 100 }
  private static var journalName: String { "resends" }

  private let engine: Engine
  private let audit: AuditLog
  private var count: UInt64 = 0
  /// The latest, newest last.
  private var known: [ResendJob] = []
  private var journal: (any Journal)?
  private var isOpened = false
  /// Why nothing can be written down.
  private var failure: EngineError?

  init(engine: Engine, audit: AuditLog) {
    self.engine = engine
    self.audit = audit
  }

  /// The latest, newest last.
  var jobs: [ResendJob] {
    self.open()
    return self.known
  }

  var hasRoom: Bool { self.jobs.count { $0.state == .running } < Self.runningMax }

  func job(_ id: UInt64) -> ResendJob? { self.jobs.first { $0.id == id } }

  /// Begins a job, when it is written down.
  ///
  /// - Throws: `AdminRefusal` where that cannot be.
  func start(_ order: ResendOrder) throws(AdminRefusal) -> ResendJob {
    self.open()
    if !order.isDryRun { try self.checkJournal() }
    self.count += 1
    let job = ResendJob(id: self.count, order)
    self.known.append(job)
    self.forgetOldest()
    if order.isDryRun {
      job.start()
    } else {
      self.begin(job) { job.start() }
    }
    return job
  }

  /// Has a job go on that has an order again.
  ///
  /// - Throws: `AdminRefusal` where it cannot be written down.
  func resume(_ job: ResendJob, _ order: ResendOrder) throws(AdminRefusal) {
    try self.checkJournal()
    job.resume(order)
    self.watch(job, order.who, order.address)
  }

  private func watch(_ job: ResendJob, _ who: String, _ address: String) {
    job.whenEnded.append { [audit = self.audit, unowned job] in
      let head: [JSONValue.Member] = [
        .init("who", .string(who)), .init("from", .string(address)),
        .init("action", .string("resend ended")),
      ]
      audit.add(head + [.init("result", .object(job.members))]) {}
    }
  }

  private func begin(_ job: ResendJob, _ body: @escaping () -> Void) {
    self.watch(job, job.plan.who, job.plan.address)
    guard let journal = self.journal else { return body() }
    job.note = { [weak self] in self?.write($0.storedProgress) }
    self.write(job.stored)
    journal.whenCommitted { error in
      // It may have been cancelled meanwhile.
      guard job.state == .running else { return }
      if let error { job.refuse("it cannot be written down: \(error.message)") } else { body() }
    }
  }

  private func forgetOldest() {
    while self.known.count > Self.keptMax,
      let oldest = self.known.firstIndex(where: { $0.state != .running })
    {
      self.known.remove(at: oldest)
    }
  }

  // MARK: Lasting

  private func checkJournal() throws(AdminRefusal) {
    if let failure = self.failure { throw AdminRefusal(507, failure.message) }
  }

  /// Takes up what was written down, when somebody asks: a broker that nobody asks has no journal.
  private func open() {
    guard !self.isOpened else { return }
    self.isOpened = true
    let store = self.engine.tenant(named: "default").store
    guard store.isDurable else { return }
    do throws(EngineError) {
      let journal = try store.journal(named: Self.journalName)
      try journal.replay { self.read($0) }
      self.journal = journal
    } catch {
      self.failure = error
    }
    for job in self.known { job.note = { [weak self] in self?.write($0.storedProgress) } }
    self.forgetOldest()
  }

  private func read(_ entry: ByteBuffer) {
    // What a damaged file says besides is passed over.
    guard let stored = try? entry.withUnsafeReadableBytes({ try JSONValue(parsing: $0) }),
      let id = stored["id"]?.integer.flatMap({ UInt64(exactly: $0) })
    else { return }
    self.count = max(self.count, id)
    if let job = ResendJob(stored: stored, self.engine) {
      self.known.removeAll { $0.id == id }
      self.known.append(job)
    } else {
      self.known.last { $0.id == id }?.read(progress: stored)
    }
  }

  private func write(_ entry: JSONValue) {
    guard let journal = self.journal else { return }
    journal.append(ByteBuffer(bytes: entry.encoded))
    guard journal.wantsSnapshot else { return }
    let lasting = self.known.filter { !$0.plan.isDryRun }
    journal.replace(with: lasting.map { ByteBuffer(bytes: $0.stored.encoded) })
  }
}
