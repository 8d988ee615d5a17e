public import Godwit
import GodwitDriverKit
public import Logging
import NATSWire
import NIOCore
import Synchronization

/// A NATS server, or a cluster of them, as a broker of the framework: the core protocol.
///
/// A message is handed out once, to who is there: core NATS keeps nothing. A publish is confirmed
/// when the server has read it. What may have been published when a connection breaks fails with
/// `unconfirmed`; what was not written yet waits for the next connection.
public final class NATSDriver: Driver {
  /// `nats`.
  public var system: String { "nats" }
  /// At most once, with groups, patterns, headers, and word of requests that nobody answers.
  public let capabilities: Capabilities
  /// How the connection is.
  public let states = ConnectionStates()

  private let settings: NATSSettings
  private let facts = NATSServerFacts()
  private let link: DriverLink<NATSConversation>
  private let numbers = Atomic<UInt64>(0)

  /// A driver that has not connected. It connects when it is started, run or first used.
  ///
  /// - Throws: `invalidArgument` when the settings cannot be.
  public init(
    _ settings: NATSSettings, logger: Logger = Logger(label: "godwit.nats")
  ) throws(GodwitError) {
    try settings.validate()
    let login = try NATSLogin(settings.credentials, name: settings.name)
    var capabilities = Capabilities(guarantee: .atMostOnce)
    capabilities.reportsNoResponders = true
    self.capabilities = capabilities
    self.settings = settings
    let facts = self.facts
    self.link = DriverLink(settings.link, states: self.states, logger: logger) {
      NATSConversation(settings, login: login, facts: facts, logger: logger)
    }
  }

  /// Connects, trying each server once.
  public func start() async throws(GodwitError) { try await self.link.start() }

  /// Connects and keeps the connection until `stop`.
  public func run() async throws(GodwitError) { try await self.link.run() }

  /// Has everything confirmed that was written, and closes.
  public func stop() { self.link.stop() }

  /// Publishes and waits until the server has read it.
  ///
  /// - Throws: `invalidArgument`, `tooLarge`, `notPermitted`; `overloaded` when there was no room
  ///   among what waits for the socket in time; `disconnected` when there was no connection in
  ///   time; `unconfirmed` when it broke before the confirmation; `closed`.
  @discardableResult
  public func publish(_ messages: [Message]) async throws(GodwitError) -> [PublishReceipt] {
    guard !messages.isEmpty else { return [] }
    var publish = try NATSPublish(messages)
    try self.checkSize(publish.sizeMax)
    let token = self.nextNumber()
    let confirmation = Confirmation<Void>()
    let waiter = NATSCommand.Waiter(
      token: token, subjects: publish.subjects, confirmation: confirmation)
    let deadline = ContinuousClock.now + self.settings.timeout.sleepable
    while try !self.link.mailbox.post(
      bytes: publish.frames.readableBytes, { $0.publish(&publish, waiter) })
    {
      try await self.link.mailbox.waitForRoom(until: deadline)
    }
    try await confirmation.wait {
      _ = try? self.link.mailbox.post(.withdraw(token))
    }
    return messages.map { PublishReceipt(id: $0.id) }
  }

  /// Leaves a message for the connection.
  ///
  /// - Throws: `invalidArgument`, `tooLarge`, `closed`; `overloaded` when too much waits already.
  public func send(_ message: Message) throws(GodwitError) {
    let frame = try NATSFrame(message)
    try self.checkSize(frame.size)
    guard
      try self.link.mailbox.post(
        bytes: frame.bytes, isPatient: true, { $0.publish(message, frame, nil) })
    else {
      throw GodwitError(.overloaded, "\(self.link.mailbox.bytes) bytes wait to be sent")
    }
  }

  /// Leaves a message for the connection, and tells when the server has not read it in time.
  ///
  /// - Throws: `invalidArgument`, `tooLarge`, `closed`.
  public func post(
    _ message: Message, onFailure: (@Sendable (GodwitError) -> Void)?
  ) throws(GodwitError) -> PostedMessage? {
    let frame = try NATSFrame(message)
    try self.checkSize(frame.size)
    let waiter = onFailure.map {
      NATSCommand.Waiter(
        token: self.nextNumber(), subjects: [message.topic],
        confirmation: Confirmation(onFailure: $0))
    }
    guard
      try self.link.mailbox.post(bytes: frame.bytes, { $0.publish(message, frame, waiter) })
    else { return nil }
    return PostedMessage { [mailbox = self.link.mailbox] in
      if let waiter { _ = try? mailbox.post(.withdraw(waiter.token)) }
    }
  }

  /// - Parameter size: headers and body of a message, in bytes.
  private func checkSize(_ size: Int) throws(GodwitError) {
    let max = self.facts.maxPayload.load(ordering: .relaxed)
    guard size <= max else {
      throw GodwitError(.tooLarge, "\(size) bytes with headers; the server takes \(max)")
    }
  }

  /// Subscribes; a group is a queue group.
  ///
  /// - Throws: `invalidArgument`; `notPermitted` when the server refuses; `timeout`; `closed`.
  public func subscribe(
    _ request: SubscriptionRequest, into queue: DeliveryQueue
  ) async throws(GodwitError) -> any DriverSubscription {
    let isPattern = Array(request.pattern.utf8).withUnsafeBytes { NATSSubject.isValidPattern($0) }
    guard isPattern, Message.isNATSWord(request.pattern) else {
      throw GodwitError(.invalidArgument, "'\(request.pattern)' is no NATS subject")
    }
    if let group = request.group, !Message.isNATSWord(group) {
      throw GodwitError(.invalidArgument, "'\(group)' cannot be a NATS queue group")
    }
    let number = self.nextNumber()
    let window = DeliveryWindow(request, queue: queue, limits: self.settings.windowLimits)
    let confirmation = Confirmation<Void>()
    _ = try self.link.mailbox.post(.subscribe(number, request, window, confirmation))
    try await confirmation.wait {
      _ = try? self.link.mailbox.post(.unsubscribe(number, nil))
    }
    return NATSSubscription(mailbox: self.link.mailbox, number: number, window: window)
  }

  private func nextNumber() -> UInt64 {
    self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

/// A subscription of a NATS server.
struct NATSSubscription: DriverSubscription {
  let mailbox: Mailbox<NATSBatch>
  let number: UInt64
  let window: DeliveryWindow

  func settle(_ token: UInt64, _ settlement: Settlement) async {
    self.window.settle()
  }

  func setPaused(_ isPaused: Bool) async {
    self.window.setPaused(isPaused)
    _ = try? self.mailbox.post(.setPaused(self.number, isPaused))
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
    _ = try? self.mailbox.post(.unsubscribe(self.number, nil))
    self.window.close()
  }
}
