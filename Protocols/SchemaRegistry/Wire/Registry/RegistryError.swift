public import GodwitWire

/// How the registry's API refuses: a status of HTTP, a code that says more, a sentence.
public struct RegistryError: Error, Hashable, Sendable {
  /// The code: the status, or the status with two more digits.
  public var code: Int
  /// The sentence.
  public var message: String

  /// A refusal.
  public init(_ code: Int, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The status of HTTP.
  public var status: Int { self.code > 999 ? self.code / 100 : self.code }

  /// The answer's body.
  public var body: JSONValue {
    .object([
      .init("error_code", .integer(Int64(self.code))), .init("message", .string(self.message)),
    ])
  }

  static func subjectNotFound(_ subject: String) -> Self {
    Self(40401, "Subject '\(subject)' not found.")
  }

  static func versionNotFound(_ version: Int) -> Self {
    Self(40402, "Version \(version) not found.")
  }

  static func schemaNotFound(_ which: String? = nil) -> Self {
    Self(40403, which.map { "Schema \($0) not found" } ?? "Schema not found")
  }

  static func subjectSoftDeleted(_ subject: String) -> Self {
    Self(
      40404,
      "Subject '\(subject)' was soft deleted.Set permanent=true to delete permanently")
  }

  static func subjectNotSoftDeleted(_ subject: String) -> Self {
    Self(
      40405,
      "Subject '\(subject)' was not deleted first before being permanently deleted")
  }

  static func versionSoftDeleted(_ subject: String, _ version: Int) -> Self {
    Self(
      40406,
      "Subject '\(subject)' Version \(version) was soft deleted."
        + "Set permanent=true to delete permanently")
  }

  static func versionNotSoftDeleted(_ subject: String, _ version: Int) -> Self {
    Self(
      40407,
      "Subject '\(subject)' Version \(version) was not deleted first before being permanently "
        + "deleted")
  }

  static func noOwnLevel(_ subject: String) -> Self {
    Self(40408, "Subject '\(subject)' does not have subject-level compatibility configured")
  }

  static func noOwnMode(_ subject: String) -> Self {
    Self(40409, "Subject '\(subject)' does not have subject-level mode configured")
  }

  static func incompatible(_ subject: String, _ details: [String]) -> Self {
    Self(
      40901,
      "Schema being registered is incompatible with an earlier schema for subject \"\(subject)\", "
        + "details: [\(details.joined(separator: ", "))]")
  }

  static func invalidSchema(_ message: String) -> Self { Self(42201, message) }

  static func invalidVersion(_ version: String) -> Self {
    Self(
      42202,
      "The specified version '\(version)' is not a valid version id. Allowed values are between "
        + "[1, 2^31-1] and the string \"latest\"")
  }

  static var invalidLevel: Self {
    Self(
      42203,
      "Invalid compatibility level. Valid values are none, backward, forward, full, "
        + "backward_transitive, forward_transitive, and full_transitive")
  }

  static var invalidMode: Self {
    Self(42204, "Invalid mode. Valid values are READWRITE, READONLY, and IMPORT")
  }

  static func notPermitted(_ message: String) -> Self { Self(42205, message) }

  static func referenced(_ subject: String, _ version: Int) -> Self {
    Self(
      42206,
      "One or more references exist to the schema {subject=\(subject),version=\(version)}")
  }

  static func invalidSubject(_ subject: String) -> Self {
    Self(42208, "The specified subject '\(subject)' is not a valid.")
  }

  static func tooLarge(_ message: String) -> Self { Self(42209, message) }

  /// The store does not keep what was asked, so it has not happened.
  public static func store(_ message: String) -> Self { Self(50001, message) }

  init(_ error: SchemaError, subject: String) {
    switch error.code {
    case .invalid:
      self = .invalidSchema("Invalid schema for subject '\(subject)', details: \(error.message)")
    case .tooLarge: self = .tooLarge(error.message)
    }
  }
}
