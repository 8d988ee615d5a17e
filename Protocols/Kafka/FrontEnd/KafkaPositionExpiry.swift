import GodwitEngine

/// Has positions go that nobody has any use for: those of groups that have had no members for long,
/// and those of topics that a group no longer reads (Kafka's `offsets.retention.minutes`).
///
/// Since when a group has no members is known of this process only: a start begins that time anew,
/// so that nobody loses a position because the broker was away. It goes by the time that the broker
/// has run, or nobody could come back before that is over when a clock is set right.
final class KafkaPositionExpiry {
  /// Who reads on behalf of a group.
  enum Readers {
    /// Nobody.
    case none
    /// Somebody, and the topics can be had: `nil` for any.
    case some(topics: () -> Set<String>?)
    /// Somebody, and nobody can tell what at the moment.
    case unknown
  }

  /// What is to be known of the rest.
  struct Surroundings {
    /// For how long positions stay, in milliseconds; negative for ever.
    var retention: () -> Int
    /// What the names of groups begin with in `Cursors`.
    var prefix: String
    /// Who reads, by the name without that.
    var readers: (String) -> Readers
    /// The logs of which an open transaction is to commit a position of the group.
    var held: (String) -> Set<String>
  }

  /// How often is looked, in milliseconds, where positions stay for long: as at Kafka.
  private static let interval = 600_000
  /// How many groups are looked at before others have their turn.
  private static let groupsPerTurn = 500

  private let tenant: Tenant
  private let clock: any KafkaClock
  private let surroundings: Surroundings
  /// When a group that has positions was last seen with members, or for the first time: by
  /// `Engine.uptime`.
  private var seenAt: [String: Int64] = [:]
  private var left: [String] = []
  private var alarm: (any KafkaAlarm)?

  init(_ tenant: Tenant, clock: any KafkaClock, _ surroundings: Surroundings) {
    self.tenant = tenant
    self.clock = clock
    self.surroundings = surroundings
    look()
  }

  /// Looks at all groups, and again when it is time.
  private func look() {
    let names = surroundings.retention() < 0 ? [] : Array(tenant.cursors.unsortedGroups)
    left = names.filter { $0.hasPrefix(surroundings.prefix) }
    let known = Set(left)
    seenAt = seenAt.filter { known.contains($0.key) }
    turn()
  }

  private func turn() {
    for group in left.suffix(Self.groupsPerTurn) { look(at: group) }
    left.removeLast(min(Self.groupsPerTurn, left.count))
    let retention = surroundings.retention()
    let pause = retention < 0 ? Self.interval : min(Self.interval, max(retention / 4, 100))
    alarm = clock.alarm(after: left.isEmpty ? pause : 1) { [weak self] in
      guard let self else { return }
      if self.left.isEmpty { self.look() } else { self.turn() }
    }
  }

  private func look(at group: String) {
    // It may have changed meanwhile.
    let retention = surroundings.retention()
    guard retention >= 0 else { return }
    let age = Int64(retention) * 1_000_000
    let now = tenant.engine.uptime
    let before = tenant.engine.now - age
    let name = String(group.dropFirst(surroundings.prefix.count))
    let old = tenant.cursors.positions(of: group).filter { $0.value.committedAt < before }.keys
    var due: Set<String> = []
    switch surroundings.readers(name) {
    case .none:
      let seen = seenAt[group] ?? now
      seenAt[group] = seen
      if seen < now - age { due = Set(old) }
    case .some(let topics):
      seenAt[group] = now
      guard !old.isEmpty, let read = topics() else { break }
      due = Set(old.filter { log in Self.topic(of: log).map { !read.contains($0) } ?? false })
    case .unknown: seenAt[group] = now
    }
    guard !due.isEmpty else { return }
    due.subtract(surroundings.held(name))
    due.subtract(tenant.cursors.passing(of: group))
    // What the disk refuses is tried again the next time.
    tenant.cursors.remove(due, of: group) { _ in }
  }

  private static func topic(of log: String) -> String? {
    log.lastIndex(of: "-").map { String(log[..<$0]) }
  }
}
