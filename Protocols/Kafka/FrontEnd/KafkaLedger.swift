import GodwitEngine
import NIOCore

/// What administrators change (ACLs, users, quotas), in a journal of the tenant.
///
/// A change holds when it is committed, and nobody sees it before; what the disk refuses leaves
/// nothing. So changes are made one after the other, and each is judged by what those before it
/// have left. They are rare, and waiting for one commit each costs nothing that matters.
final class KafkaLedger {
  /// What a change comes to.
  struct Change {
    /// What is written down; nothing where nothing changes.
    var entries: [ByteBuffer]
    /// Makes the change and says so; or says that it is refused.
    var finish: (KafkaRefusal?) -> Void
  }

  /// The entry that says that others are lost: what could not be read is put aside or cut off, and
  /// the next start would find nothing wrong. No kind of entry has this number.
  private static let lost = ByteBuffer(integer: UInt8.max)

  private unowned let tenant: Tenant
  private let journalName: String
  private var journal: (any Journal)?
  private var waiting: [() -> Change] = []
  private var isWriting = false
  /// All that holds, as entries.
  var snapshot: () -> [ByteBuffer] = { [] }
  /// Why nothing may be changed.
  var refusal: KafkaRefusal?

  init(_ tenant: Tenant, journal name: String) {
    self.tenant = tenant
    journalName = name
  }

  /// Makes a change when its turn has come.
  ///
  /// - Parameter judge: says what it comes to, as things stand then.
  func change(_ judge: @escaping () -> Change) {
    waiting.append(judge)
    goOn()
  }

  private func goOn() {
    while !isWriting, !waiting.isEmpty {
      let change = waiting.removeFirst()()
      if change.entries.isEmpty {
        change.finish(nil)
      } else if let refusal {
        change.finish(refusal)
      } else {
        write(change)
      }
    }
  }

  private func write(_ change: Change) {
    let journal: any Journal
    do throws(EngineError) {
      journal = try open()
    } catch {
      return change.finish(KafkaRefusal(error))
    }
    // What comes now is added to the new file as to the old one.
    if journal.wantsSnapshot { journal.replace(with: snapshot()) }
    isWriting = true
    var isAtOnce = true
    journal.propose(change.entries) { error in
      self.isWriting = false
      change.finish(error.map { KafkaRefusal($0) })
      if !isAtOnce { self.goOn() }
    }
    isAtOnce = false
  }

  /// Hands out what the tenant's store has kept. Once, before anybody comes.
  ///
  /// - Parameter body: takes an entry, and says whether it could read it.
  /// - Returns: whether that is all there ever was.
  func restore(_ body: (ByteBuffer) -> Bool) throws(EngineError) -> Bool {
    let journal = try open()
    var isMarked = false
    var isWhole = true
    try journal.replay { entry in
      if entry == Self.lost {
        isMarked = true
      } else if !body(entry) {
        isWhole = false
      }
    }
    if journal.isDamaged, !isMarked { journal.append(Self.lost) }
    return isWhole && !isMarked && !journal.isDamaged
  }

  private func open() throws(EngineError) -> any Journal {
    if let journal { return journal }
    let made = try tenant.store.journal(named: journalName)
    journal = made
    return made
  }
}
