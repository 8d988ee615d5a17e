import GodwitWire

/// The body of CONSUMER.MSG.NEXT: a request for messages (ADR-13, ADR-42). Durations are
/// nanoseconds.
public struct JetStreamPullRequest: JetStreamObject {
  /// When the request ends; 0 for never.
  public var expires: Int64 = 0
  /// How many messages.
  public var batch = 0
  /// How many bytes; 0 for any number.
  public var maxBytes = 0
  /// Whether to answer at once when there is nothing, or with what there is.
  public var noWait = false
  /// How often to say that the request still waits; 0 for never.
  public var heartbeat: Int64 = 0
  /// The priority group.
  public var group = ""
  /// Only when more than this is to be delivered.
  public var minPending: Int64 = 0
  /// Only when more than this is delivered and not acknowledged.
  public var minAckPending: Int64 = 0
  /// The pin that the client holds.
  public var pinID = ""
  /// 0 to 9; the lowest is served first.
  public var priority = 0
  /// Whether the request was written as JSON. A bare number or nothing has no priority group, and
  /// that none is named is then no fault.
  public var isObject = true

  /// Makes a request for nothing.
  public init() {}

  /// Makes a request for some messages.
  public init(batch: Int) {
    self.batch = batch
  }

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.unlessEmpty("expires", &self.expires)
    fields.unlessEmpty("batch", &self.batch)
    fields.unlessEmpty("max_bytes", &self.maxBytes)
    fields.unlessEmpty("no_wait", &self.noWait)
    fields.unlessEmpty("idle_heartbeat", &self.heartbeat)
    fields.unlessEmpty("group", &self.group)
    fields.unlessEmpty("min_pending", &self.minPending)
    fields.unlessEmpty("min_ack_pending", &self.minAckPending)
    fields.unlessEmpty("id", &self.pinID)
    fields.unlessEmpty("priority", &self.priority)
  }

  /// Reads a body: JSON, a bare number of messages, or nothing for one message. What is none of
  /// these is one message as well.
  ///
  /// - Throws: `JetStreamJSONError` when it begins as JSON and is not, or the heartbeat is longer
  ///   than half the time the request lasts.
  public init(parsing body: UnsafeRawBufferPointer) throws(JetStreamJSONError) {
    let text = JetStreamText.trimmed(body)
    guard text.first == UInt8(ascii: "{") else {
      self.init(batch: Int(String(decoding: text.prefix(20), as: UTF8.self)) ?? 1)
      if text.count > 20 { self.batch = 1 }
      self.isObject = false
      return
    }
    var limits = JSONLimits()
    limits.bytesMax = 64 * 1024
    limits.depthMax = 8
    limits.valuesMax = 256
    try self.init(parsing: text, isStrict: false, limits: limits)
    if self.heartbeat > 0, self.heartbeat > self.expires / 2 {
      throw JetStreamJSONError("heartbeat value too large")
    }
  }

  /// Why a consumer does not take the request, but for what depends on its state.
  public func refusal(by config: JetStreamConsumerConfig) -> JetStreamStatus? {
    if config.isPush { return .consumerIsPushBased }
    if config.maxRequestBatch > 0, self.batch > config.maxRequestBatch {
      return .exceededMaxRequestBatch(config.maxRequestBatch)
    }
    if config.maxRequestExpires > 0, self.expires > config.maxRequestExpires {
      return .exceededMaxRequestExpires(config.maxRequestExpires)
    }
    if config.maxRequestMaxBytes > 0, self.maxBytes > config.maxRequestMaxBytes {
      return .exceededMaxRequestMaxBytes(config.maxRequestMaxBytes)
    }
    guard self.isObject else { return nil }
    if self.minPending != 0 || self.minAckPending != 0, config.priorityPolicy != .overflow {
      return .badRequest("Not a Overflow Priority consumer")
    }
    if !self.pinID.isEmpty, config.priorityPolicy != .pinnedClient {
      return .badRequest("Not a Pinned Client Priority consumer")
    }
    guard (0...9).contains(self.priority) else {
      return .badRequest("Priority must be between 0 and 9")
    }
    guard config.priorityPolicy != .none else { return nil }
    if self.group.isEmpty { return .badRequest("Priority Group missing") }
    return config.priorityGroups.contains(self.group)
      ? nil : .badRequest("Invalid Priority Group")
  }
}
