import GodwitPrimitives

/// Totals over all protocols and tenants.
public struct EngineCounters: Hashable, Sendable {
  /// Messages that came in.
  public var published: UInt64 = 0
  /// Messages handed to a receiver.
  public var delivered: UInt64 = 0
  /// Messages that had no receiver.
  public var unrouted: UInt64 = 0
  /// Messages dropped because their time had passed.
  public var expired: UInt64 = 0
  /// Messages that a receiver could not take: a full queue, a slow reader, an oversize frame.
  public var dropped: UInt64 = 0
  /// Properties that another protocol could not express.
  public var droppedProperties: UInt64 = 0
}

/// The broker's kernel: tenants with their routers, logs and retained values, timers, budgets.
///
/// An engine belongs to one event loop and has no locks; nothing here may be touched from anywhere
/// else. It knows no protocol and no socket. Time comes from outside, through `advance`.
public final class Engine {
  /// The bounds.
  public let limits: EngineLimits
  /// The time: nanoseconds since 1970, taken once at start and moved on by a monotonic clock, so
  /// that it never goes back. Renewed at least once per turn of the loop.
  public private(set) var now: Int64
  /// What queues, retained and delayed messages, subscriptions and sessions may hold together. Each
  /// tenant has its part, `Tenant.memory`.
  public let memory: MemoryBudget
  /// Totals.
  public var counters = EngineCounters()
  /// How much routing has cost for the client at hand, since it was read from or gave way: nodes of
  /// the routing trees that were visited, and what it took to offer messages to many. Behind a
  /// pointer, so that sessions look at it for each message without touching a reference; it lives
  /// as long as the engine.
  public let effort: UnsafeMutablePointer<UInt64>
  /// Beyond that much `effort`, a few milliseconds, a session lets others have a turn.
  public static var effortMax: UInt64 { 16_384 }
  /// At which count of published messages the next one is looked at by `sampler`.
  var sampleAt: UInt64 = 1
  private let sampler = TopicSampler()
  /// Timers of everything in the engine and its front ends.
  public private(set) var timers: Timers! = nil

  /// Where records go that groups give up, beside what groups say themselves.
  public var deadLetterRules: [DeadLetterRule] = []

  /// How often in a row what is being published now was published again by a stream.
  var republications = 0

  /// Calls its argument in a later turn of the loop, when others had theirs. The loop's driver sets
  /// it; without one, timers do that.
  public var putOff: ((@escaping () -> Void) -> Void)?

  /// Where partitions have work done that takes time. The loop's driver sets it; without it, the
  /// engine's loop does it.
  public var partitionLoops: (any PartitionLoops)?

  /// Called with every tenant that is made, before anybody uses it.
  public var tenantWasMade: ((Tenant) -> Void)?

  private var readers: [(any EnvelopeReader)?] = [nil]
  private var originNames: [String] = ["engine"]
  /// The same as bytes, by which records on disk have them.
  private var originBytes: [[UInt8]] = [Array("engine".utf8)]
  private var tenantsByName: [String: Tenant] = [:]
  private var subscriberCount: UInt64 = 0
  /// By how much all steps have moved the time.
  private(set) var stepped: Int64 = 0
  private var depth = 0
  private var deferred: [() -> Void] = []

  /// An engine at the time `now`.
  public init(limits: EngineLimits = .defaults, now: Int64) {
    self.limits = limits
    self.now = now
    self.effort = .allocate(capacity: 1)
    self.effort.initialize(to: 0)
    self.memory = MemoryBudget(limit: limits.storedBytesMax)
    self.timers = Timers(engine: self, tickNanoseconds: 10_000_000)
  }

  deinit { self.effort.deallocate() }

  /// Goes on with something long in a later turn of the loop, when others had theirs.
  public func later(_ body: @escaping () -> Void) {
    if let putOff = self.putOff {
      putOff(body)
    } else {
      _ = self.timers.schedule(at: self.now, Continuation(body: body), kind: 0)
    }
  }

  /// Whether this turn has cost so much `effort` that what comes now goes on in a later one.
  public var isTurnSpent: Bool { self.effort.pointee > Self.effortMax }

  /// Does what very many may want at the same moment: at once, or, where the turn is spent, later.
  /// Who does it adds what it was worth.
  public func inTurn(_ body: @escaping () -> Void) {
    if self.isTurnSpent { self.later(body) } else { body() }
  }

  /// Does something long a step at a time: one now, where the turn is not spent, the others in
  /// later turns, as long as `step` answers that there is more. Who does it adds what a step was
  /// worth.
  public func inSteps(_ step: @escaping () -> Bool) {
    if self.isTurnSpent || step() { self.later { self.inSteps(step) } }
  }

  /// Counts for the turn that somebody was handed so many bytes in one go: 4 MiB are enough.
  public func addEffort(ofBytes count: Int) {
    self.effort.pointee &+= 1 &+ UInt64(truncatingIfNeeded: max(0, count)) / 256
  }

  private final class Continuation: TimerTarget {
    private let body: () -> Void
    init(body: @escaping () -> Void) { self.body = body }
    func timerFired(_ kind: Int) { self.body() }
  }

  /// Moves the time on. It never goes back.
  public func advance(to now: Int64) {
    self.now = max(self.now, now)
  }

  /// What is counted from something that happened here (leases, sessions, keep-alives, time-outs)
  /// goes by this, and dates (retention, expiry, schedules) by `now`: the same, but for the steps
  /// of the time of day. Nanoseconds; it goes on evenly.
  public var uptime: Int64 { self.now &- self.stepped }

  /// The date of a moment that `uptime` has told.
  public func date(ofUptime uptime: Int64) -> Int64 { uptime &+ self.stepped }

  /// The time of day is another than was thought, by so many nanoseconds.
  public func step(by nanoseconds: Int64) {
    guard nanoseconds > 0 else { return }
    let now = self.now.addingClamped(nanoseconds)
    self.stepped &+= now - self.now
    self.now = now
  }

  /// All tenants that exist.
  public var tenants: [Tenant] { Array(self.tenantsByName.values) }

  /// The tenant of that name, made on first use.
  public func tenant(named name: String) -> Tenant {
    if let tenant = self.tenantsByName[name] { return tenant }
    let tenant = Tenant(name: name, engine: self)
    self.tenantsByName[name] = tenant
    self.shareMemory()
    self.tenantWasMade?(tenant)
    return tenant
  }

  /// How many tenants the settings speak of: the first to come does not get the share of those who
  /// have not come yet. Default 1.
  public var tenantsExpected = 1 {
    didSet { self.shareMemory() }
  }

  /// Says what each tenant may hold of `memory`.
  private func shareMemory() {
    let whole = self.limits.storedBytesMax
    var share = min(self.limits.tenantStoredBytesMax, whole)
    if share == 0 {
      share = max(self.tenantsExpected, self.tenantsByName.count) > 1 ? whole / 2 : whole
    }
    for tenant in self.tenantsByName.values { tenant.memory.limit = share }
  }

  /// Registers a protocol.
  ///
  /// - Parameters:
  ///   - name: the protocol's name, for metrics.
  ///   - reader: reads its messages for other protocols.
  /// - Returns: what the protocol marks its messages with.
  public func register(origin name: String, reader: any EnvelopeReader) -> Origin {
    self.readers.append(reader)
    self.originNames.append(name)
    self.originBytes.append(Array(name.utf8))
    return Origin(index: UInt8(truncatingIfNeeded: self.readers.count - 1))
  }

  /// The name of a protocol.
  public func name(of origin: Origin) -> String {
    let index = Int(origin.index)
    return self.originNames.indices.contains(index) ? self.originNames[index] : "unknown"
  }

  /// The protocol of that name, as records on disk have it; the engine itself where no such
  /// protocol is registered.
  func origin(named name: UnsafeRawBufferPointer) -> Origin {
    let index = self.originBytes.firstIndex { $0.withUnsafeBytes { $0.sameBytes(as: name) } } ?? 0
    return Origin(index: UInt8(truncatingIfNeeded: index))
  }

  func reader(for origin: Origin) -> (any EnvelopeReader)? {
    let index = Int(origin.index)
    return self.readers.indices.contains(index) ? self.readers[index] : nil
  }

  /// The busiest topics of all tenants, busiest first, from a sample of the messages.
  public func busiestTopics(_ count: Int) -> [TopicSampler.Topic] {
    let (topics, isStale) = self.sampler.busiest(count, now: self.now)
    if isStale { self.sampleAt = self.counters.published &+ 1 }
    return topics
  }

  /// Shows a message to the sampler.
  @inline(never)
  func sample(_ publication: borrowing Publication, tenant: Tenant) {
    let distance = self.sampler.note(publication, tenant: tenant, now: self.now)
    self.sampleAt = self.counters.published &+ distance
  }

  func nextSubscriberID() -> UInt64 {
    self.subscriberCount &+= 1
    return self.subscriberCount
  }

  /// Runs `body` now, or when the publish that is under way is over.
  public func whenQuiet(_ body: @escaping () -> Void) {
    if self.depth == 0 {
      body()
    } else {
      self.deferred.append(body)
    }
  }

  /// Everything that hands out a publication runs in here.
  @inline(__always)
  func publishing<Result>(_ body: () -> Result) -> Result {
    self.depth &+= 1
    let result = body()
    self.depth &-= 1
    if self.depth == 0, !self.deferred.isEmpty { self.runDeferred() }
    return result
  }

  @inline(never)
  private func runDeferred() {
    while !self.deferred.isEmpty {
      let work = self.deferred
      self.deferred.removeAll()
      for body in work { body() }
    }
  }
}
