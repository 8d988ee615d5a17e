import GodwitEngine
import KafkaWire
import NIOCore

/// How much a tenant's clients may send, read and ask for in a second, and who was how far beyond
/// it. What is set is in the tenant's journal `kafka.quotas`; what was used is not kept.
final class KafkaQuotas {
  /// What an entity has.
  typealias Values = [KafkaQuotaKind: Double]

  /// What becomes of what is beyond a rate.
  enum Way {
    /// It is counted: the client has had it already.
    case already
    /// It waits until it fits, uncounted. What never would has its turn when nothing else is
    /// counted.
    case whenItFits
    /// It is counted unless something before it was beyond the rate.
    case unlessBeyond
  }

  private static let journalName = "kafka.quotas"
  /// What an entity takes of memory beyond its names, about.
  private static let entityBytes = 512
  /// How many clients are counted apart; the others share what is left.
  private static let metersMax = 10_000
  /// The largest rate: more than that is none.
  static let rateMax = Double(1 << 53)

  /// What is counted together.
  private struct Meter: Hashable {
    var kind: KafkaQuotaKind
    var user: String?
    var clientID: String?
    var address: String?
  }

  /// What the rate has not yet made up for.
  private struct Level {
    var used = 0.0
    /// In milliseconds.
    var at: Int64
  }

  private unowned let tenant: Tenant
  private let ledger: KafkaLedger
  private(set) var byEntity: [KafkaQuotaEntity: Values] = [:]
  private var charges: [KafkaQuotaEntity: MemoryCharge] = [:]
  private var levels: [Meter: Level] = [:]
  /// How many entities have a quota of the loop's time.
  private var timedCount = 0
  /// How many entities there may be.
  var countMax = 10_000
  /// Over how long a rate is looked at: so much may come at once.
  var windowSeconds = 10

  init(_ tenant: Tenant) {
    self.tenant = tenant
    ledger = KafkaLedger(tenant, journal: Self.journalName)
    ledger.snapshot = { [unowned self] in
      byEntity.compactMap { KafkaQuotaEntry($0.key, $0.value).bytes }
    }
  }

  var isEmpty: Bool { byEntity.isEmpty }
  /// Whether the time that requests take is of interest.
  var countsTime: Bool { timedCount > 0 }

  // MARK: Counting

  /// The quota for a client: the most special one that there is.
  private func quota(
    _ kind: KafkaQuotaKind, user: String, clientID: String
  ) -> (rate: Double, meter: Meter)? {
    let users: [KafkaQuotaEntity.Name?] = [.named(user), .others, nil]
    let clients: [KafkaQuotaEntity.Name?] = [.named(clientID), .others, nil]
    for wantedUser in users {
      for wantedClient in clients where wantedUser != nil || wantedClient != nil {
        let entity = KafkaQuotaEntity(user: wantedUser, clientID: wantedClient)
        guard let rate = byEntity[entity]?[kind] else { continue }
        return (
          rate * kind.unit,
          Meter(
            kind: kind, user: wantedUser == nil ? nil : user,
            clientID: wantedClient == nil ? nil : clientID)
        )
      }
    }
    return nil
  }

  /// What a client may have at once; `nil` without a quota.
  func burst(_ kind: KafkaQuotaKind, user: String, clientID: String) -> Int? {
    guard !isEmpty else { return nil }
    return quota(kind, user: user, clientID: clientID).map {
      Int(min(Double(1 << 62), $0.rate * Double(windowSeconds)))
    }
  }

  /// Counts what a client has sent, or is about to get.
  ///
  /// - Returns: for how long it is to be held back, in milliseconds.
  func charge(
    _ kind: KafkaQuotaKind, _ amount: Int, user: String, clientID: String, now: Int64,
    _ way: Way = .already
  ) -> Int {
    guard !isEmpty, let (rate, meter) = quota(kind, user: user, clientID: clientID) else {
      return 0
    }
    return charge(meter, Double(max(0, amount)), rate, now: now, way)
  }

  /// Counts a connection.
  ///
  /// - Returns: for how long it is one too many, in milliseconds; then it does not count.
  func charge(connectionFrom address: String, now: Int64) -> Int {
    guard !isEmpty else { return 0 }
    let own = byEntity[KafkaQuotaEntity(address: .named(address))]?[.connections]
    guard let rate = own ?? byEntity[KafkaQuotaEntity(address: .others)]?[.connections] else {
      return 0
    }
    let meter = Meter(kind: .connections, address: address)
    return charge(meter, 1, rate, now: now, .whenItFits)
  }

  private func charge(
    _ meter: Meter, _ amount: Double, _ rate: Double, now: Int64, _ way: Way
  ) -> Int {
    var key = meter
    if levels[key] == nil, levels.count >= Self.metersMax {
      makeRoom(now: now)
      if levels.count >= Self.metersMax { key = Meter(kind: meter.kind) }
    }
    var level = levels[key] ?? Level(at: now)
    level.used = max(0, level.used - Double(max(0, now - level.at)) * rate / 1_000)
    level.at = max(level.at, now)
    let room = rate * Double(windowSeconds)
    let beyond =
      switch way {
      case .already: level.used + amount - room
      case .whenItFits: amount > 0 ? min(level.used, level.used + amount - room) : 0
      case .unlessBeyond: level.used - room
      }
    if way == .already || beyond <= 0 { level.used += amount }
    levels[key] = level
    guard beyond > 0 else { return 0 }
    return Int(min(meter.kind.throttleMax, (beyond / rate * 1_000).rounded(.up)))
  }

  /// Forgets those who are not beyond anything.
  private func makeRoom(now: Int64) {
    levels = levels.filter { now - $0.value.at < Int64(windowSeconds) * 1_000 }
  }

  // MARK: Changing

  /// One change, of one entity.
  struct Change {
    var entity: KafkaQuotaEntity
    /// Makes of what it has what it is to have; with nothing it has no quota.
    var apply: (inout Values) throws(KafkaRefusal) -> Void
  }

  /// Changes entities, each as a whole or not at all. That holds once it lasts.
  ///
  /// - Parameters:
  ///   - changes: each for another entity, or why there is none.
  ///   - isDryRun: only finds out whether that could be.
  ///   - body: gets what was refused, when the rest lasts.
  func change(
    _ changes: [Result<Change, KafkaRefusal>], isDryRun: Bool,
    _ body: @escaping ([KafkaRefusal?]) -> Void
  ) {
    ledger.change { self.judge(changes, isDryRun, body) }
  }

  private func judge(
    _ changes: [Result<Change, KafkaRefusal>], _ isDryRun: Bool,
    _ body: @escaping ([KafkaRefusal?]) -> Void
  ) -> KafkaLedger.Change {
    var wanted: [(entity: KafkaQuotaEntity, values: Values, charge: MemoryCharge?)] = []
    var entries: [ByteBuffer] = []
    var count = byEntity.count
    let refused = changes.map { change -> KafkaRefusal? in
      do throws(KafkaRefusal) {
        let change = try change.get()
        var values = byEntity[change.entity] ?? [:]
        try change.apply(&values)
        guard byEntity[change.entity] ?? [:] != values, !isDryRun else { return nil }
        var charge = charges[change.entity]
        if charge == nil, !values.isEmpty {
          let names = change.entity.parts.reduce(0) { $0 + ($1.name?.utf8.count ?? 0) }
          guard count < countMax, let made = tenant.memory.charge(Self.entityBytes + names)
          else { throw KafkaRefusal(.policyViolation, "too many quotas (kafka.max_quotas)") }
          charge = made
          count += 1
        }
        guard let entry = KafkaQuotaEntry(change.entity, values).bytes else {
          throw KafkaRefusal(.invalidRequest, "too long")
        }
        wanted.append((change.entity, values, charge))
        entries.append(entry)
        return nil
      } catch {
        return error
      }
    }
    return KafkaLedger.Change(entries: entries) { failure in
      if failure == nil {
        for (entity, values, charge) in wanted {
          self.take(entity, values)
          self.charges[entity] = values.isEmpty ? nil : charge
        }
      }
      body(refused.map { $0 ?? failure })
    }
  }

  private func take(_ entity: KafkaQuotaEntity, _ values: Values) {
    if byEntity[entity]?[.requests] != nil { timedCount -= 1 }
    if values[.requests] != nil { timedCount += 1 }
    byEntity[entity] = values.isEmpty ? nil : values
    // Who was held back by another rate begins anew.
    levels = [:]
  }

  /// Takes up what the tenant's store has kept, as much of it as can be read. Once, before anybody
  /// comes.
  func restore() throws(EngineError) {
    let isWhole = try ledger.restore { entry in
      guard case .quota(let kept)? = KafkaQuotaEntry(entry), let entity = kept.entity else {
        return false
      }
      take(entity, kept.values)
      return true
    }
    for entity in byEntity.keys { charges[entity] = tenant.memory.charge(Self.entityBytes) }
    if !isWhole { throw EngineError(.storageFailed, "some are lost in \(Self.journalName)") }
  }
}

/// What the journal of quotas has: an entity with all that it has, nothing when it is gone.
enum KafkaQuotaEntry: KafkaJournalEntry {
  case quota(Kept)

  /// An entity. Later versions add tagged fields.
  struct Kept: KafkaStructure {
    var parts: [Part] = []
    var rates: [Rate] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&parts)
      try visitor.visit(&rates)
    }

    var entity: KafkaQuotaEntity? { try? KafkaQuotaEntity(parts.map { ($0.type, $0.name) }) }

    /// A kind that this version does not know is left out.
    var values: KafkaQuotas.Values {
      var values: KafkaQuotas.Values = [:]
      for rate in rates {
        guard let kind = KafkaQuotaKind(rawValue: rate.kind) else { continue }
        let value =
          kind.isFractional
          ? Double(bitPattern: UInt64(bitPattern: rate.value)) : Double(rate.value)
        if value > 0, value <= KafkaQuotas.rateMax { values[kind] = value }
      }
      return values
    }
  }

  struct Part: KafkaStructure {
    var type = ""
    var name: String?

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&type)
      try visitor.visit(&name)
    }
  }

  struct Rate: KafkaStructure {
    var kind = ""
    /// A number, or the bits of one that need not be whole.
    var value: Int64 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&kind)
      try visitor.visit(&value)
    }
  }

  init(_ entity: KafkaQuotaEntity, _ values: KafkaQuotas.Values) {
    self = .quota(
      .with {
        $0.parts = entity.parts.map { type, name in
          .with {
            $0.type = type
            $0.name = name
          }
        }
        $0.rates = values.map { kind, value in
          .with {
            $0.kind = kind.rawValue
            $0.value =
              kind.isFractional ? Int64(bitPattern: value.bitPattern) : Int64(value)
          }
        }
      })
  }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    guard kind == 1 else { return nil }
    self = .quota(try Kept(from: &reader))
  }

  var kind: UInt8 { 1 }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .quota(let kept): try kept.write(to: &writer)
    }
  }
}
