import GodwitEngine
import NIOCore
import SchemaRegistryWire

/// The schema registry of a tenant, with its journal `schema.registry`. Confined to the loop.
///
/// A change is answered when it is written down, and nobody sees it before: an id that somebody has
/// seen is never given to another schema. So requests are answered one after the other, and each is
/// judged by what those before it have left. That may take a while, so it is done beside the loop.
final class SchemaRegistryDesk {
  /// What a request comes to.
  typealias Answer = (Result<RegistryAnswer.Body, RegistryError>) -> Void
  /// Told what a request has changed, before it is answered; calls `done` when it may be.
  typealias Note = (_ result: RegistryAnswer.Body, _ done: @escaping () -> Void) -> Void

  private static let journalName = "schema.registry"
  /// Which of the loops beside the engine's reads and compares schemas.
  private static let loopNumber = 0

  private let tenant: Tenant
  private let journal: any Journal
  private var state = RegistryState()
  private var waiting: [(request: RegistryRequest, note: Note, answer: Answer)] = []
  private var isBusy = false

  /// Takes up what the tenant's store has kept.
  ///
  /// - Throws: `BrokerError` when that cannot be read: a registry that has forgotten something
  /// would give its ids again.
  init(_ tenant: Tenant) throws(BrokerError) {
    self.tenant = tenant
    var failure: SchemaError?
    do throws(EngineError) {
      self.journal = try tenant.store.journal(named: Self.journalName)
      try self.journal.replay { entry in
        do throws(SchemaError) {
          self.state.apply(try RegistryChange.changes(in: Array(entry.readableBytesView)))
        } catch {
          failure = failure ?? error
        }
      }
    } catch {
      throw BrokerError("the schema registry: \(error.message)")
    }
    if let failure { throw BrokerError("the schema registry's journal: \(failure.message)") }
    guard tenant.memory.reserve(self.state.bytes) else {
      throw BrokerError(
        "the schema registry needs \(self.state.bytes) bytes, which limits.stored_bytes_max does "
          + "not leave")
    }
  }

  /// Answers a request, now or when it is written down.
  ///
  /// - Parameter note: is told of a change.
  func ask(
    _ request: RegistryRequest, note: @escaping Note = { _, done in done() },
    _ answer: @escaping Answer
  ) {
    self.waiting.append((request, note, answer))
    self.goOn()
  }

  private func goOn() {
    guard !self.isBusy, !self.waiting.isEmpty else { return }
    self.isBusy = true
    let (request, note, answer) = self.waiting.removeFirst()
    let state = self.state
    self.tenant.engine.elsewhere(on: Self.loopNumber) {
      () -> (Result<RegistryAnswer, RegistryError>, RegistryState) in
      var state = state
      do throws(RegistryError) {
        return (.success(try state.answer(request)), state)
      } catch {
        return (.failure(error), state)
      }
    } _: { [weak self] result, state in
      // What was read meanwhile is remembered; nothing else changes by asking.
      self?.state = state
      self?.take(result, note, answer)
    }
  }

  private func take(
    _ result: Result<RegistryAnswer, RegistryError>, _ note: @escaping Note,
    _ answer: @escaping Answer
  ) {
    switch result {
    case .failure(let error): self.end(.failure(error), answer)
    case .success(let found) where found.changes.isEmpty: self.end(.success(found.body), answer)
    case .success(let found): self.write(found, note, answer)
    }
  }

  private func end(_ result: Result<RegistryAnswer.Body, RegistryError>, _ answer: Answer) {
    self.isBusy = false
    answer(result)
    // Others have a turn in between.
    if !self.waiting.isEmpty { self.tenant.engine.later { [weak self] in self?.goOn() } }
  }

  private func write(
    _ found: RegistryAnswer, _ note: @escaping Note, _ answer: @escaping Answer
  ) {
    let growth = found.changes.reduce(0) { $0 + $1.growth }
    guard self.tenant.memory.reserve(growth) else {
      let sentence = "The budget for stored messages is spent (limits.stored_bytes_max)"
      return self.end(.failure(.store(sentence)), answer)
    }
    if self.journal.wantsSnapshot {
      self.journal.replace(
        with: self.state.snapshot.map { ByteBuffer(bytes: RegistryChange.entry([$0])) })
    }
    self.journal.propose([ByteBuffer(bytes: RegistryChange.entry(found.changes))]) { error in
      let before = self.state.bytes
      if let error {
        // Where a sync has failed, the disk may have it after all: its ids are not for others.
        for case .schema(let id, _) in found.changes { self.state.apply([.nextID(id + 1)]) }
        let sentence = "The store does not keep it: \(error.message)"
        self.tenant.memory.release(growth - (self.state.bytes - before))
        return self.end(.failure(.store(sentence)), answer)
      }
      self.state.apply(found.changes)
      self.tenant.memory.release(growth - (self.state.bytes - before))
      note(found.body) { self.end(.success(found.body), answer) }
    }
  }
}
