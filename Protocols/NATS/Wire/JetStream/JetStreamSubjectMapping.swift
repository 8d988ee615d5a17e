/// A subject transform as it is configured: which subjects, and what becomes of them.
public struct JetStreamSubjectMapping: JetStreamObject {
  /// Which subjects; empty for all.
  public var source = ""
  /// What becomes of them; see `JetStreamSubjectTransform`.
  public var destination = ""

  /// Makes an empty mapping.
  public init() {}

  /// Makes a mapping.
  public init(_ source: String, _ destination: String) {
    self.source = source
    self.destination = destination
  }

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("src", &self.source)
    fields.always("dest", &self.destination)
  }
}
