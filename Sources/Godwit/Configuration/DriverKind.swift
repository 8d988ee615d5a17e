public import Logging

/// A kind of broker that can be had by a URL: its schemes, its options, and how its driver is made.
///
/// A driver's module offers its kind as a static member, so that using it is one word:
///
/// ```swift
/// let drivers: DriverRegistry = [.embedded, .nats]
/// ```
public struct DriverKind: Sendable {
  /// The kind's name in errors: `nats`.
  public let name: String
  /// The schemes of its URLs, in lower case: `nats`, `tls`.
  public let schemes: [String]
  /// Its options. Others are refused.
  public let options: [DriverOption]
  /// Makes a driver that is not started. What it throws says in one sentence what is wrong.
  public let make: @Sendable (DriverSettings) throws(GodwitError) -> any Driver

  /// A kind.
  public init(
    _ name: String, schemes: [String], options: [DriverOption] = [],
    make: @escaping @Sendable (DriverSettings) throws(GodwitError) -> any Driver
  ) {
    self.name = name
    self.schemes = schemes
    self.options = options
    self.make = make
  }
}

/// What a driver is made of: its servers, and its options, checked against its kind's.
public struct DriverSettings: Sendable {
  /// A URL per server, in the order given, each with its scheme and without a query. They may hold
  /// a user and password: never show them.
  public let urls: [String]
  /// Where the driver logs.
  public let logger: Logger
  private let values: [String: DriverOption.Value]

  init(urls: [String], values: [String: DriverOption.Value], logger: Logger) {
    self.logger = logger
    self.urls = urls
    self.values = values
  }

  /// The text of an option, when it was given.
  public func text(_ name: String) -> String? {
    if case .text(let text) = self.values[name] { text } else { nil }
  }

  /// The number of an option, when it was given.
  public func integer(_ name: String) -> Int? {
    if case .integer(let number) = self.values[name] { number } else { nil }
  }

  /// The time of an option, when it was given.
  public func duration(_ name: String) -> Duration? {
    if case .duration(let duration) = self.values[name] { duration } else { nil }
  }

  /// The flag of an option, when it was given.
  public func flag(_ name: String) -> Bool? {
    if case .flag(let flag) = self.values[name] { flag } else { nil }
  }
}
