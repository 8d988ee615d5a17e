public import Logging

/// The kinds of brokers that a program can be configured to use, by the schemes of their URLs. A
/// value that is passed in; there is no global one.
public struct DriverRegistry: Sendable, ExpressibleByArrayLiteral {
  private(set) var kinds: [DriverKind] = []

  /// A registry of these kinds; of two for one scheme the later holds.
  public init(_ kinds: [DriverKind]) {
    self.kinds = kinds
  }

  /// A registry of these kinds.
  public init(arrayLiteral kinds: DriverKind...) {
    self.init(kinds)
  }

  /// Adds a kind; its schemes are its alone from now on.
  public mutating func register(_ kind: DriverKind) {
    self.kinds.append(kind)
  }

  /// The schemes that can be used, in order of the alphabet.
  public var schemes: [String] { Set(self.kinds.flatMap(\.schemes)).sorted() }

  /// Makes a driver.
  ///
  /// - Parameters:
  ///   - urls: one URL, or several of one kind of broker. Hosts may also be listed in one URL,
  ///     divided by commas: `nats://user:secret@a:4222,b:4222`. A query names options:
  ///     `embedded:?queue_messages_max=100`.
  ///   - options: options by name; those of a URL's query win.
  ///   - logger: where the driver logs what nobody else is told.
  /// - Throws: `invalidArgument` for what cannot be read or used; `unsupported` for a scheme that
  ///   no registered kind has.
  public func driver(
    for urls: [String], options: [String: String] = [:],
    logger: Logger = Logger(label: "godwit")
  ) throws(GodwitError) -> any Driver {
    var servers: [String] = []
    var options = options
    for url in urls {
      let url = try BrokerURL(url)
      servers += url.servers
      options.merge(url.options) { _, new in new }
    }
    let kind = try self.kind(of: servers)
    var values: [String: DriverOption.Value] = [:]
    for (name, text) in options.sorted(by: { $0.key < $1.key }) {
      guard let option = kind.options.first(where: { $0.name == name }) else {
        throw Self.unknown(name, of: kind)
      }
      values[name] = try option.value(of: text)
    }
    return try kind.make(DriverSettings(urls: servers, values: values, logger: logger))
  }

  /// The one kind that all of the URLs belong to.
  func kind(of servers: [String]) throws(GodwitError) -> DriverKind {
    var found: (kind: DriverKind, index: Int)?
    for server in servers {
      let scheme = BrokerURL.scheme(of: server) ?? ""
      guard let index = self.kinds.lastIndex(where: { $0.schemes.contains(scheme) }) else {
        let known = self.schemes.isEmpty ? "none" : self.schemes.joined(separator: ", ")
        throw GodwitError(
          .unsupported, "no driver is registered for URLs of '\(scheme):'; there are: \(known)")
      }
      if let found, found.index != index {
        throw GodwitError(
          .invalidArgument,
          "URLs of two brokers, \(found.kind.name) and \(self.kinds[index].name), for one")
      }
      found = (self.kinds[index], index)
    }
    guard let found else { throw GodwitError(.invalidArgument, "a broker without a URL") }
    return found.kind
  }

  static func unknown(_ name: String, of kind: DriverKind) -> GodwitError {
    let known = kind.options.map(\.name).sorted().joined(separator: ", ")
    return GodwitError(
      .invalidArgument,
      "the \(kind.name) driver has no option '\(name)'; "
        + (known.isEmpty ? "it has none" : "there are: \(known)"))
  }
}
