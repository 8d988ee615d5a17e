/// A stream that another one mirrors or takes messages from.
public struct JetStreamStreamSource: JetStreamObject {
  /// The stream's name.
  public var name = ""
  /// The first message's number; 0 for the first there is.
  public var startSequence: UInt64 = 0
  /// The first message's time.
  public var startTime: JetStreamTimestamp?
  /// The pattern of subjects to take; empty for all.
  public var filterSubject = ""
  /// Which subjects to take and how to rewrite them.
  public var subjectTransforms: [JetStreamSubjectMapping] = []
  /// Where the stream is, when not in this account and domain.
  public var external: External?

  /// Makes a source without a name.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("name", &self.name)
    fields.unlessEmpty("opt_start_seq", &self.startSequence)
    fields.unlessEmpty("opt_start_time", &self.startTime)
    fields.unlessEmpty("filter_subject", &self.filterSubject)
    fields.unlessEmpty("subject_transforms", &self.subjectTransforms)
    fields.unlessEmpty("external", &self.external)
  }

  /// A stream of another account or domain.
  public struct External: JetStreamObject {
    /// What stands in place of `$JS.API` in requests to it.
    public var apiPrefix = ""
    /// What its messages are delivered to.
    public var deliverPrefix = ""

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("api", &self.apiPrefix)
      fields.always("deliver", &self.deliverPrefix)
    }
  }

  /// What must differ between two sources of one stream: the name, where it is, and what is taken.
  var identity: [String] {
    func orAll(_ subject: String) -> String { subject.isEmpty ? ">" : subject }
    var parts = [self.name, self.external?.apiPrefix ?? ""]
    if self.subjectTransforms.isEmpty {
      parts += [orAll(self.filterSubject), ">"]
    } else {
      parts += self.subjectTransforms.map { orAll($0.source) }
      parts += self.subjectTransforms.map { orAll($0.destination) }
    }
    return parts
  }
}
