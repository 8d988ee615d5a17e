/// What an account may use of JetStream; -1 is no limit.
public struct JetStreamAccountLimits: JetStreamObject {
  /// Bytes of streams in memory.
  public var maxMemory: Int64 = -1
  /// Bytes of streams on disk.
  public var maxStorage: Int64 = -1
  /// Streams.
  public var maxStreams = -1
  /// Consumers of one stream.
  public var maxConsumers = -1
  /// Messages delivered and not acknowledged, of one consumer.
  public var maxAckPending = -1
  /// Bytes of one stream in memory.
  public var memoryMaxStreamBytes: Int64 = -1
  /// Bytes of one stream on disk.
  public var storageMaxStreamBytes: Int64 = -1
  /// Whether every stream must say how many bytes it wants.
  public var maxBytesRequired = false

  /// Makes limits that bound nothing.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("max_memory", &self.maxMemory)
    fields.always("max_storage", &self.maxStorage)
    fields.always("max_streams", &self.maxStreams)
    fields.always("max_consumers", &self.maxConsumers)
    fields.always("max_ack_pending", &self.maxAckPending)
    fields.always("memory_max_stream_bytes", &self.memoryMaxStreamBytes)
    fields.always("storage_max_stream_bytes", &self.storageMaxStreamBytes)
    fields.always("max_bytes_required", &self.maxBytesRequired)
  }
}
