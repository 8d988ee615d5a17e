/// A stream's configuration and state.
public struct JetStreamStreamInfo: JetStreamObject {
  /// The configuration.
  public var config = JetStreamStreamConfig()
  /// When the stream was made.
  public var created = JetStreamTimestamp.zero
  /// What it holds.
  public var state = JetStreamStreamState()
  /// The server's domain, when it has one.
  public var domain = ""
  /// Who leads it.
  public var cluster: JetStreamClusterInfo?
  /// How far a mirror is behind.
  public var mirror: Upstream?
  /// How far it is behind its sources.
  public var sources: [Upstream] = []
  /// When this was said.
  public var timestamp = JetStreamTimestamp.zero

  /// Makes an empty one.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("config", &self.config)
    fields.always("created", &self.created)
    fields.always("state", &self.state)
    fields.unlessEmpty("domain", &self.domain)
    fields.unlessEmpty("cluster", &self.cluster)
    fields.unlessEmpty("mirror", &self.mirror)
    fields.unlessEmpty("sources", &self.sources)
    fields.always("ts", &self.timestamp)
  }

  /// How a mirror's or source's origin is followed.
  public struct Upstream: JetStreamObject {
    /// The origin's name.
    public var name = ""
    /// Where it is.
    public var external: JetStreamStreamSource.External?
    /// Messages not yet taken.
    public var lag: UInt64 = 0
    /// The origin's message that a stream with sources took last.
    public var sequence: UInt64 = 0
    /// Nanoseconds since it was last heard of; -1 for never.
    public var active: Int64 = 0
    /// What is wrong.
    public var error: JetStreamError?
    /// The pattern that is taken.
    public var filterSubject = ""
    /// How subjects are rewritten.
    public var subjectTransforms: [JetStreamSubjectMapping] = []

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("name", &self.name)
      fields.unlessEmpty("external", &self.external)
      fields.always("lag", &self.lag)
      fields.unlessEmpty("seq", &self.sequence)
      fields.always("active", &self.active)
      fields.unlessEmpty("error", &self.error)
      fields.unlessEmpty("filter_subject", &self.filterSubject)
      fields.unlessEmpty("subject_transforms", &self.subjectTransforms)
    }
  }
}
