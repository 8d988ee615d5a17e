public import Godwit
import GodwitDriverKit
public import Logging
import MQTTWire
import NIOCore
import Synchronization

/// An MQTT server as a broker of the framework: 5.0, or 3.1.1.
///
/// One connection publishes, and receives the answers to requests. Each other subscription has a
/// connection and a session of its own, with its prefetch as Receive Maximum: one that is slow
/// holds up no other, and what the server keeps belongs to the subscription's id, pattern and
/// group.
public final class MQTTDriver: Driver {
  /// `mqtt`.
  public var system: String { "mqtt" }
  /// At least once, or at most once at QoS 0; groups, patterns, and headers where the version has
  /// them.
  public let capabilities: Capabilities
  /// How the connections are: connected when all of them are.
  public var states: ConnectionStates { self.links.states }

  private struct Session {
    let link: DriverLink<MQTTConversation>
    let clientID: String
  }

  private struct Sessions {
    var open: [UInt64: Session] = [:]
    /// The client ids of all sessions that there were.
    var left: Set<String> = []
    var isStopped = false
  }

  private let settings: MQTTSettings
  private let clientID: String
  private let logger: Logger
  private let links = MQTTLinkStates()
  private let names = MQTTNameCache()
  private let link: DriverLink<MQTTConversation>
  private let sessions = Mutex(Sessions())
  private let numbers = Atomic<UInt64>(0)

  /// A driver that has not connected. It connects when it is started, run or first used.
  ///
  /// - Throws: `invalidArgument` when the settings cannot be, `unsupported` when the version has no
  ///   such thing.
  public init(
    _ settings: MQTTSettings, logger: Logger = Logger(label: "godwit.mqtt")
  ) throws(GodwitError) {
    try settings.validate()
    var settings = settings
    settings.credentials = try settings.credentials.prepared()
    self.settings = settings
    self.logger = logger
    self.clientID = settings.clientID ?? "godwit-\(Message.makeID().prefix(14))"
    self.capabilities = settings.capabilities
    let plan = try settings.publishingPlan(clientID: self.clientID)
    let links = self.links
    self.link = DriverLink(
      settings.link, stateChanged: { links.move(MQTTLinkStates.publishing, to: $0) },
      logger: logger
    ) { [settings] in MQTTConversation(settings, plan: plan, logger: logger) }
  }

  /// Connects, trying each server once.
  public func start() async throws(GodwitError) { try await self.link.start() }

  /// Connects and keeps the connections until `stop`.
  public func run() async throws(GodwitError) {
    do throws(GodwitError) {
      try await self.link.run()
    } catch {
      await self.closeSessions()
      throw error
    }
    await self.closeSessions()
    await self.endLeftSessions()
  }

  /// Has everything confirmed that was published, and closes.
  public func stop() {
    let sessions = self.sessions.withLock { sessions in
      sessions.isStopped = true
      return Array(sessions.open.values)
    }
    for session in sessions { session.link.stop() }
    self.link.stop()
  }

  private func closeSessions() async {
    self.stop()
    for session in self.sessions.withLock({ Array($0.open.values) }) { await session.link.close() }
  }

  /// Ends what a random client id has left at the server: nobody else would find it, and members of
  /// a group would go without what is given to it.
  private func endLeftSessions() async {
    guard self.settings.clientID == nil, self.settings.qos != .atMostOnce else { return }
    let left = self.sessions.withLock { $0.left }
    await withDiscardingTaskGroup { group in
      for clientID in left {
        group.addTask {
          let plan = self.settings.endingPlan(clientID: clientID)
          let settings = self.settings
          let logger = self.logger
          let link = DriverLink(settings.link, stateChanged: { _ in }, logger: logger) {
            MQTTConversation(settings, plan: plan, logger: logger)
          }
          try? await link.start()
          await link.close()
        }
      }
    }
  }

  // MARK: Who we are

  /// Proves the password again on every connection (MQTT 5.0, 4.12.1), while messages go on. One
  /// that is just being made proves it at its login. For `MQTTCredentials.scram`.
  ///
  /// - Throws: `unsupported` with other credentials; `notPermitted` when a server does not let the
  ///   user go on, or does not prove that it knows the user: the connection is ended, and made
  ///   again when that can be; `disconnected` when it broke meanwhile; `timeout`; `closed`.
  public func reauthenticate() async throws(GodwitError) {
    guard case .scram = self.settings.credentials else {
      throw GodwitError(.unsupported, "only SCRAM proves a password again")
    }
    let sessions = self.sessions.withLock { $0.open.values.map(\.link) }
    for link in [self.link] + sessions {
      let confirmation = Confirmation<Void>()
      _ = try link.mailbox.post(.reauthenticate(self.nextNumber(), confirmation))
      try await confirmation.wait()
    }
  }

  // MARK: Publishing

  /// Publishes and waits until the server has acknowledged: PUBACK at QoS 1, PUBCOMP at QoS 2,
  /// nothing at QoS 0.
  ///
  /// - Returns: receipts; with 0 receivers where the server says that nobody subscribes.
  /// - Throws: `invalidArgument`, `tooLarge`, `notPermitted`, `overloaded`, `refused` with the name
  ///   of the server's reason; `disconnected` when there was no connection in time; `unconfirmed`
  ///   when there was no confirmation in time; `closed`.
  @discardableResult
  public func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    guard !messages.isEmpty else { return [] }
    let outgoing = try self.outgoing(messages)
    let bytes = outgoing.reduce(0) { $0 + $1.packetBytesMax }
    let token = self.nextNumber()
    let confirmation = Confirmation<[Int?]>()
    let deadline = ContinuousClock.now + self.settings.timeout.sleepable
    while try !self.link.mailbox.post(
      .publish(outgoing, token: token, confirmation), bytes: bytes)
    {
      try await self.link.mailbox.waitForRoom(until: deadline)
    }
    let receivers = try await confirmation.wait {
      _ = try? self.link.mailbox.post(.withdraw(token))
    }
    return zip(messages, receivers).map { PublishReceipt(id: $0.id, receivers: $1) }
  }

  /// Leaves a message for the connection, which repeats it until it is acknowledged.
  ///
  /// - Throws: `invalidArgument`, `tooLarge`, `closed`; `overloaded` when too much waits already.
  public func send(_ message: Message) throws(GodwitError) {
    let outgoing = try self.outgoing([message])
    let bytes = outgoing.reduce(0) { $0 + $1.packetBytesMax }
    guard
      try self.link.mailbox.post(
        .publish(outgoing, token: nil, nil), bytes: bytes, isPatient: true)
    else {
      throw GodwitError(.overloaded, "\(self.link.mailbox.bytes) bytes wait to be sent")
    }
  }

  private func outgoing(_ messages: [Message]) throws(GodwitError) -> [MQTTOutgoing] {
    var outgoing: [MQTTOutgoing] = []
    outgoing.reserveCapacity(messages.count)
    for message in messages {
      let one = try message.outgoing(self.settings, named: self.names)
      guard one.packetBytesMax <= MQTTVarint.max else {
        throw GodwitError(.tooLarge, "a packet of \(one.packetBytesMax) bytes is none of MQTT's")
      }
      outgoing.append(one)
    }
    return outgoing
  }

  // MARK: Subscribing

  /// Subscribes; a group is a shared subscription.
  ///
  /// - Throws: `invalidArgument`; `notPermitted` and others when the server refuses; `unsupported`
  ///   when it has no such thing; `disconnected`, `timeout`; `closed`.
  public func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    let filter = try MQTTNames.filter(request.pattern, group: request.group)
    let interest = MQTTInterest(
      filter: filter, pattern: request.pattern,
      qos: request.isSettled ? self.settings.qos.wire : min(self.settings.qos.wire, .atLeastOnce),
      retainHandling: self.settings.retainedMessages.wire, isSettled: request.isSettled,
      isShared: request.group != nil)
    let window = DeliveryWindow(request, queue: queue, limits: self.settings.windowLimits)
    let number = self.nextNumber()
    // A member of a group has a connection of its own in any case: on one connection what comes for
    // the group and what comes for everybody look the same.
    guard request.isSettled || request.group != nil else {
      try await self.subscribe(self.link, number, interest, window)
      return MQTTSubscription(
        mailbox: self.link.mailbox, number: number, window: window,
        qos: interest.qos,
        end: { [mailbox = self.link.mailbox] in
          _ = try? mailbox.post(.unsubscribe(number, nil))
        })
    }
    let link = try self.openSession(number, request, filter)
    do throws(GodwitError) {
      try await self.subscribePatiently(link, number, interest, window)
    } catch {
      await self.endSession(number)
      throw error
    }
    return MQTTSubscription(
      mailbox: link.mailbox, number: number, window: window, qos: interest.qos,
      end: { [weak self] in await self?.endSession(number) })
  }

  private func subscribe(
    _ link: DriverLink<MQTTConversation>, _ number: UInt64, _ interest: MQTTInterest,
    _ window: DeliveryWindow
  ) async throws(GodwitError) {
    let confirmation = Confirmation<Void>()
    _ = try link.mailbox.post(.subscribe(number, interest, window, confirmation))
    try await confirmation.wait {
      _ = try? link.mailbox.post(.unsubscribe(number, nil))
    }
  }

  /// While the publishing connection is being made again, so is the chance of this one.
  private func subscribePatiently(
    _ link: DriverLink<MQTTConversation>, _ number: UInt64, _ interest: MQTTInterest,
    _ window: DeliveryWindow
  ) async throws(GodwitError) {
    let deadline = ContinuousClock.now + self.settings.timeout.sleepable
    while true {
      do throws(GodwitError) {
        return try await self.subscribe(link, number, interest, window)
      } catch {
        let pause = self.settings.backoff.initial
        guard error.code == .disconnected, case .reconnecting = self.states.current,
          ContinuousClock.now + pause < deadline, (try? await Task.sleep(for: pause)) != nil
        else { throw error }
      }
    }
  }

  /// A link with a session for one subscription.
  private func openSession(
    _ number: UInt64, _ request: SubscriptionRequest, _ filter: ByteBuffer
  ) throws(GodwitError) -> DriverLink<MQTTConversation> {
    let settings = self.settings
    let logger = self.logger
    let links = self.links
    let (link, isStopped) = self.sessions.withLock { sessions in
      let taken = Set(sessions.open.values.map(\.clientID))
      var place = 1
      func clientID() -> String {
        MQTTNames.clientID(self.clientID, id: request.id, filter: filter, place: place)
      }
      while taken.contains(clientID()) { place += 1 }
      let plan = settings.subscribingPlan(
        clientID: clientID(), prefetch: request.prefetch, isKept: request.isSettled)
      let link = DriverLink(
        settings.link, stateChanged: { links.move(number, to: $0) }, logger: logger
      ) { MQTTConversation(settings, plan: plan, logger: logger) }
      if !sessions.isStopped {
        sessions.open[number] = Session(link: link, clientID: plan.clientID)
        if plan.sessionExpiry > 0 { sessions.left.insert(plan.clientID) }
      }
      return (link, sessions.isStopped)
    }
    if isStopped { throw GodwitError(.closed, "the driver was stopped") }
    return link
  }

  /// Acknowledges what is settled and leaves. What the server keeps stays, for its time.
  private func endSession(_ number: UInt64) async {
    guard let session = self.sessions.withLock({ $0.open[number] }) else { return }
    await session.link.close()
    self.sessions.withLock { $0.open[number] = nil }
    self.links.forget(number)
  }

  private func nextNumber() -> UInt64 {
    self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

/// A subscription of an MQTT server.
struct MQTTSubscription: DriverSubscription {
  let mailbox: Mailbox<[MQTTCommand]>
  let number: UInt64
  let window: DeliveryWindow
  let qos: MQTTQoS
  let end: @Sendable () async -> Void

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    _ = try? self.mailbox.post(
      .settle(token, isDone: settlement == .acknowledge), isPatient: true)
    // Who hands messages back wants no others in their place.
    if settlement == .acknowledge { self.window.settle() }
  }

  func setPaused(_ isPaused: Bool) async {
    self.window.setPaused(isPaused)
    // Above QoS 0 the server keeps what is more than the Receive Maximum.
    guard self.qos == .atMostOnce else { return }
    let confirmation = Confirmation<Void>()
    guard
      (try? self.mailbox.post(.setPaused(self.number, isPaused, confirmation))) == true
    else { return }
    _ = try? await confirmation.wait()
  }

  func drain() async {
    let ending = Confirmation<Void>()
    guard (try? self.mailbox.post(.unsubscribe(self.number, ending))) == true else {
      return self.window.drain()
    }
    _ = try? await ending.wait()
    self.window.drain()
  }

  func cancel() async {
    self.window.close()
    await self.end()
  }
}
