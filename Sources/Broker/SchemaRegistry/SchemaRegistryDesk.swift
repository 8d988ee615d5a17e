import GodwitEngine
import NIOCore
import SchemaRegistryWire

/// The schema registry of a tenant, with its journal `schema.registry`. Confined to the loop.
///
/// A change is answered when it is written down, and nobody sees it before: an id that somebody has
/// seen is never given to another schema. So changes are made one after the other, and each is
/// judged by what those before it have left.
final class SchemaRegistryDesk {
  /// What a request comes to.
  typealias Answer = (Result<RegistryAnswer.Body, RegistryError>) -> Void

  private static let journalName = "schema.registry"

  private let tenant: Tenant
  private let journal: any Journal
  private var state = RegistryState()
  private var waiting: [(request: RegistryRequest, answer: Answer)] = []
  private var isWriting = false

  /// Takes up what the tenant's store has kept.
  ///
  /// - Throws: `BrokerError` when that cannot be read: a registry that has forgotten something
  /// would give its ids again.
  init(_ tenant: Tenant) throws(BrokerError) {
    self.tenant = tenant
    do {
      self.journal = try tenant.store.journal(named: Self.journalName)
    } catch {
      throw BrokerError("the schema registry: \(error.message)")
    }
    var failure: SchemaError?
    self.journal.replay { entry in
      do throws(SchemaError) {
        self.state.apply(try RegistryChange.changes(in: Array(entry.readableBytesView)))
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw BrokerError("the schema registry's journal: \(failure.message)") }
    guard tenant.memory.reserve(self.state.bytes) else {
      throw BrokerError(
        "the schema registry needs \(self.state.bytes) bytes, which limits.stored_bytes_max does "
          + "not leave")
    }
  }

  /// Answers a request, now or when it is written down.
  func ask(_ request: RegistryRequest, _ answer: @escaping Answer) {
    guard request.mayChange else {
      do throws(RegistryError) {
        answer(.success(try self.state.answer(request).body))
      } catch {
        answer(.failure(error))
      }
      return
    }
    self.waiting.append((request, answer))
    self.goOn()
  }

  private func goOn() {
    while !self.isWriting, !self.waiting.isEmpty {
      let (request, answer) = self.waiting.removeFirst()
      do throws(RegistryError) {
        let found = try self.state.answer(request)
        if found.changes.isEmpty {
          answer(.success(found.body))
        } else {
          try self.write(found, answer)
        }
      } catch {
        answer(.failure(error))
      }
    }
  }

  private func write(
    _ found: RegistryAnswer, _ answer: @escaping Answer
  ) throws(RegistryError) {
    let growth = found.changes.reduce(0) { $0 + $1.growth }
    guard self.tenant.memory.reserve(growth) else {
      throw .store("The budget for stored messages is spent (limits.stored_bytes_max)")
    }
    self.isWriting = true
    self.journal.append(ByteBuffer(bytes: RegistryChange.entry(found.changes)))
    if self.journal.wantsSnapshot {
      var next = self.state
      next.apply(found.changes)
      self.journal.replace(
        with: next.snapshot.map { ByteBuffer(bytes: RegistryChange.entry([$0])) })
    }
    var isAtOnce = true
    self.journal.whenCommitted { error in
      self.isWriting = false
      let before = self.state.bytes
      if let error {
        // Whether the disk has it is not known: its ids are not for others.
        for case .schema(let id, _) in found.changes { self.state.apply([.nextID(id + 1)]) }
        answer(.failure(.store("The store does not keep it: \(error.message)")))
      } else {
        self.state.apply(found.changes)
        answer(.success(found.body))
      }
      self.tenant.memory.release(growth - (self.state.bytes - before))
      if !isAtOnce { self.goOn() }
    }
    isAtOnce = false
  }
}

extension RegistryRequest {
  /// Whether it can change anything.
  fileprivate var mayChange: Bool {
    switch self.method {
    case "PUT", "DELETE": true
    case "POST": self.path.count == 3 && self.path.first == "subjects"
    default: false
    }
  }
}
