/// What an account uses of JetStream, and may use.
public struct JetStreamAccountInfo: JetStreamObject {
  /// Bytes of streams in memory.
  public var memory: UInt64 = 0
  /// Bytes of streams on disk.
  public var storage: UInt64 = 0
  /// Bytes promised to streams in memory.
  public var reservedMemory: UInt64 = 0
  /// Bytes promised to streams on disk.
  public var reservedStorage: UInt64 = 0
  /// Streams.
  public var streams = 0
  /// Consumers.
  public var consumers = 0
  /// What it may use.
  public var limits = JetStreamAccountLimits()
  /// The server's domain.
  public var domain = ""
  /// Requests to the API.
  public var api = API()

  /// Makes one that uses nothing.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("memory", &self.memory)
    fields.always("storage", &self.storage)
    fields.always("reserved_memory", &self.reservedMemory)
    fields.always("reserved_storage", &self.reservedStorage)
    fields.always("streams", &self.streams)
    fields.always("consumers", &self.consumers)
    fields.always("limits", &self.limits)
    fields.unlessEmpty("domain", &self.domain)
    fields.always("api", &self.api)
  }

  /// Requests to the API.
  public struct API: JetStreamObject {
    /// The level of the API (ADR-44).
    public var level = 0
    /// Requests since the start.
    public var total: UInt64 = 0
    /// Those of them that failed.
    public var errors: UInt64 = 0
    /// Requests in work.
    public var inFlight: UInt64 = 0

    /// Makes one without requests.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("level", &self.level)
      fields.always("total", &self.total)
      fields.always("errors", &self.errors)
      fields.unlessEmpty("inflight", &self.inFlight)
    }
  }
}
