import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// A protocol of lines: `NAME x` says who one is, `SUB pattern` subscribes, `DROP` pretends a slow
/// client. Enough to have real connections to look at.
final class FakeFrontEnd: FrontEnd {
  static let name = "fake"
  static let settings = SettingsSection("fake", "A protocol for tests.", [])
  static let defaultPorts: [Transport: Int] = [:]

  let context: FrontEndContext
  /// The groups that it says it has.
  var readerGroups: [ReaderGroup] = []

  func groups(of tenant: Tenant) -> [ReaderGroup] { self.readerGroups }

  init(_ context: FrontEndContext, values: SettingsValues) {
    self.context = context
  }

  var webSocket: WebSocketRules? { nil }
  var upgradesToTLS: Bool { false }
  var handshakeSeconds: Double { 5 }
  var farewellWhenFull: [UInt8] { [] }

  func makeSession(for connection: Connection) -> Session {
    FakeSession(connection: connection, engine: self.context.loop.engine)
  }

  func started(listeners: [Transport: BoundAddress]) {}
  func reload(values: SettingsValues) {}
  func drain(done: @escaping () -> Void) { done() }

  var adminRoutes: [AdminRoute] {
    [
      AdminRoute("GET", "/varz", summary: "a protocol's own path") { request in
        AdminResponse(.object([.init("subs", .string(request.first("subs") ?? ""))]))
      },
      AdminRoute("GET", "/healthz", summary: "a path that is the server's own") { _ in
        AdminResponse(.string("never answered"))
      },
      AdminRoute("GET", "/api/fake/things", takesRest: true, summary: "a path with a rest") {
        AdminResponse(.object([.init("rest", .string($0.rest))]))
      },
    ]
  }

  var metrics: [Metric] {
    [
      Metric("godwit_fake_bans", "Addresses that are banned.", .gauge, 2),
      Metric(
        "godwit_fake_things_total", "Things with a \\ and\na new line.", .counter,
        samples: [
          ([("name", "quote \" backslash \\ line\nend")], 1),
          ([("name", "quote \" backslash \\ line\nend")], 2),
          ([("bad-label", "x")], 3),
        ]),
      Metric("godwit fake", "A name that is none.", .gauge, 1),
    ]
  }

  func spell(_ topic: [UInt8]) -> Result<String, NameError> {
    let text = String(decoding: topic, as: UTF8.self)
    if text.hasPrefix("unspeakable") { return .failure(NameError("cannot be said")) }
    return .success(String(text.map { $0 == "." ? "/" : $0 }))
  }

  func pattern(_ text: String) -> Result<TopicPattern, NameError> {
    self.canonical(text).map { TopicPattern(canonical: $0) }
  }

  func canonical(_ name: String) -> Result<[UInt8], NameError> {
    if name.contains(" ") { return .failure(NameError("a blank")) }
    return .success(Array(String(name.map { $0 == "/" ? "." : $0 }).utf8))
  }
}

/// One line client.
private final class FakeSession: Session {
  final class Receiver: Subscriber {
    weak var session: FakeSession?

    override func deliver(
      _ publication: inout Publication, to subscription: Subscription,
      prefix: UnsafeRawBufferPointer
    ) -> Bool {
      self.session?.connection.counters.messagesOut += 1
      self.session?.connection.append(publication.payload)
      return true
    }

    override var owner: SubscriberOwner {
      SubscriberOwner(
        protocolName: "fake", name: self.session?.connection.clientName ?? "",
        connectionID: self.session?.connection.id)
    }
  }

  private let receiver: Receiver

  init(connection: Connection, engine: Engine) {
    self.receiver = Receiver(tenant: engine.tenant(named: "default"))
    super.init(connection: connection)
    self.receiver.session = self
  }

  override func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
    guard let end = bytes.firstIndex(of: 10) else { return Intake(consumed: 0) }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
    switch words.first {
    case "NAME": self.connection.clientName = words.dropFirst().joined(separator: " ")
    case "SUB":
      let pattern = Array((words.last ?? "").utf8)
      try? self.receiver.tenant.router.subscribe(
        Subscription(pattern: .init(canonical: pattern), subscriber: self.receiver))
    case "DROP": self.connection.close(.slowConsumer)
    default: break
    }
    self.connection.counters.messagesIn += 1
    Array("OK\n".utf8).withUnsafeBytes { self.connection.append($0) }
    return Intake(consumed: end + 1)
  }

  override var details: [(name: String, value: SettingValue)] {
    [("mood", .text("good")), ("lines", .integer(3))]
  }
}
