import Godwit
import GodwitConduit
import GodwitEmbedded
import GodwitMQTT
import GodwitMessagePack
import GodwitNATS
import NIOCore
import Synchronization
import Testing

/// A place where conduits meet: one embedded broker, or a server that each has a connection to.
final class ConduitPlace: Sendable {
  /// Which.
  enum Kind: Sendable, CustomTestStringConvertible {
    case embedded
    case ours
    case natsServer(String)
    case ourMQTT(MQTTSettings.Version)
    case mosquitto(String, MQTTSettings.Version)

    var testDescription: String {
      switch self {
      case .embedded: "embedded"
      case .ours: "our broker"
      case .natsServer(let program): program
      case .ourMQTT(let version): "our broker, MQTT \(version)"
      case .mosquitto(let program, let version): "\(program), MQTT \(version)"
      }
    }

    static var all: [Kind] { [.embedded, .ours] + self.natsServers + self.mqttServers }
    static var natsServers: [Kind] { NATSServerProcess.programs.map { .natsServer($0) } }
    static var mqttServers: [Kind] {
      [.ourMQTT(.v5), .ourMQTT(.v311)]
        + MosquittoProcess.programs.flatMap { [.mosquitto($0, .v5), .mosquitto($0, .v311)] }
    }
  }

  let url: String?
  private let version: MQTTSettings.Version
  private let server: (any Sendable)?
  private let embedded: Godwit.Broker

  init(_ kind: Kind) throws {
    self.embedded = .embedded(codecs: Self.codecs, logger: .silent)
    switch kind {
    case .ourMQTT(let version), .mosquitto(_, let version): self.version = version
    case .embedded, .ours, .natsServer: self.version = .v5
    }
    switch kind {
    case .embedded:
      self.server = nil
      self.url = nil
    case .ours:
      let server = try TestServer()
      self.server = server
      self.url = "nats://\(server.host):\(server.port)"
    case .natsServer(let program):
      let server = try NATSServerProcess(program)
      self.server = server
      self.url = "nats://\(server.host):\(server.port)"
    case .ourMQTT:
      let server = try TestServer(listener: "mqtt")
      self.server = server
      self.url = "mqtt://\(server.host):\(server.port)"
    case .mosquitto(let program, _):
      let server = try MosquittoProcess(program, "set_tcp_nodelay true")
      self.server = server
      self.url = "mqtt://\(server.host):\(server.port)"
    }
  }

  private static var codecs: CodecRegistry {
    var codecs = CodecRegistry.defaults
    codecs.register(MessagePackCodec())
    return codecs
  }

  /// Whether the broker says that there is nobody.
  var tellsOfNobody: Bool {
    get throws { try self.broker().capabilities.reportsNoResponders }
  }

  /// A broker as another process would have it.
  func broker() throws -> Godwit.Broker {
    guard let url else { return self.embedded }
    if url.hasPrefix("mqtt") {
      var settings = try MQTTSettings(url: url)
      settings.version = self.version
      return try .mqtt(settings, codecs: Self.codecs, logger: .silent)
    }
    return try .nats(try NATSSettings(url: url), codecs: Self.codecs, logger: .silent)
  }

  /// Calls `body` at a place of that kind, with brokers running as long as it.
  static func with(
    _ kind: Kind, _ body: (ConduitPlace) async throws -> Void
  ) async throws {
    let place = try ConduitPlace(kind)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await place.embedded.run() }
      try await body(place)
      place.embedded.driver.stop()
      try await group.waitForAll()
    }
  }

  /// Calls `body` with a conduit of its own connection.
  func conduit<Result: Sendable>(
    _ name: String, _ settings: ConduitSettings = .defaults,
    _ body: (Conduit) async throws -> Result
  ) async throws -> Result {
    let broker = try self.broker()
    defer { if self.url != nil { broker.driver.stop() } }
    return try await withConduit(
      name, on: broker, settings: settings, logger: .silent, body)
  }
}

/// The code of the error that `body` throws; `nil` when it throws none of the framework's.
func conduitFailure(_ body: () async throws -> Void) async -> GodwitError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? GodwitError)?.code
  }
}

/// Bytes in parts, made as they are asked for.
struct Parts: AsyncSequence, Sendable {
  struct Broken: Error {}

  typealias Element = ByteBuffer
  var size: Int
  var count: Int
  /// After how many parts it fails.
  var failsAfter: Int?
  var made: @Sendable (Int) -> Void = { _ in }

  func makeAsyncIterator() -> Iterator { Iterator(parts: self) }

  /// What part `index` is filled with.
  static func byte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 7 &+ 1) }

  struct Iterator: AsyncIteratorProtocol {
    let parts: Parts
    var index = 0

    mutating func next() async throws -> ByteBuffer? {
      if self.index == self.parts.failsAfter { throw Broken() }
      guard self.index < self.parts.count else { return nil }
      defer { self.index += 1 }
      self.parts.made(self.index)
      return ByteBuffer(repeating: Parts.byte(self.index), count: self.parts.size)
    }
  }
}

/// Numbers that tasks note.
final class Tally: Sendable {
  private struct Inner {
    var numbers: [Int] = []
    var waiting: [(count: Int, waiter: CheckedContinuation<Void, Never>)] = []
  }

  private let inner = Mutex(Inner())

  var numbers: [Int] { self.inner.withLock { $0.numbers } }

  func add(_ number: Int) {
    let ready = self.inner.withLock { inner in
      inner.numbers.append(number)
      let count = inner.numbers.count
      defer { inner.waiting.removeAll { $0.count <= count } }
      return inner.waiting.filter { $0.count <= count }
    }
    for one in ready { one.waiter.resume() }
  }

  /// Waits until so many were noted.
  func reaches(_ count: Int) async {
    await withCheckedContinuation { waiter in
      let isNow = self.inner.withLock { inner in
        if inner.numbers.count >= count { return true }
        inner.waiting.append((count, waiter))
        return false
      }
      if isNow { waiter.resume() }
    }
  }
}
