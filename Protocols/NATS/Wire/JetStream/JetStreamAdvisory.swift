import GodwitWire

/// What a server says of its own on `$JS.EVENT`.
public struct JetStreamAdvisory: Hashable, Sendable {
  /// A unique id.
  public var id: String
  /// When it happened.
  public var time: JetStreamTimestamp
  /// What happened.
  public var event: Event
  /// The server's domain; empty for none.
  public var domain = ""

  /// Makes an advisory.
  public init(id: String, time: JetStreamTimestamp, event: Event) {
    self.id = id
    self.time = time
    self.event = event
  }

  /// A delivery by its numbers.
  public struct Delivery: Hashable, Sendable {
    /// The stream's name.
    public var stream: String
    /// The consumer's name.
    public var consumer: String
    /// The delivery's number.
    public var consumerSequence: UInt64
    /// The message's number.
    public var streamSequence: UInt64
    /// How often the message was delivered.
    public var deliveries: UInt64

    /// Makes one.
    public init(
      stream: String, consumer: String, consumerSequence: UInt64, streamSequence: UInt64,
      deliveries: UInt64
    ) {
      self.stream = stream
      self.consumer = consumer
      self.consumerSequence = consumerSequence
      self.streamSequence = streamSequence
      self.deliveries = deliveries
    }
  }

  /// What happens to a stream or consumer as a whole.
  public enum Action: String, Hashable, Sendable {
    /// It was made.
    case create
    /// It went.
    case delete
    /// It was changed.
    case modify
  }

  /// What happened.
  public enum Event: Hashable, Sendable {
    /// The API was used; with the client as JSON, and what was asked and answered.
    case apiAudit(
      server: String, client: [UInt8], subject: String, request: String, response: String)
    /// A stream came, went or was changed.
    case stream(Action, stream: String)
    /// A consumer came or went.
    case consumer(Action, stream: String, consumer: String)
    /// A consumer was paused or resumed.
    case pause(stream: String, consumer: String, isPaused: Bool, until: JetStreamTimestamp)
    /// A message was acknowledged, after this many nanoseconds.
    case acknowledged(Delivery, delay: Int64)
    /// A message has been delivered as often as it may.
    case maxDeliveries(Delivery)
    /// A message was given back.
    case nak(Delivery)
    /// A message will not be delivered again.
    case terminated(Delivery, reason: String)
    /// A client was pinned.
    case pinned(account: String, stream: String, consumer: String, group: String, id: String)
    /// A client is pinned no more: `admin` or `timeout`.
    case unpinned(account: String, stream: String, consumer: String, group: String, reason: String)
    /// A batch will not be kept.
    case batchAbandoned(stream: String, batch: String, BatchEnd)
  }

  /// Why a batch is not kept.
  public enum BatchEnd: String, Hashable, Sendable {
    /// Nothing was added to it for too long.
    case timeout
    /// It has more messages than a batch may have.
    case large
    /// A message of it is missing.
    case incomplete
    /// A message of it needs a newer server.
    case unsupported
  }
}

extension JetStreamAdvisory {
  /// Where it is published.
  public var subject: String {
    switch self.event {
    case .apiAudit: "$JS.EVENT.ADVISORY.API"
    case .stream(let action, let stream):
      "$JS.EVENT.ADVISORY.STREAM.\(Self.past(action)).\(stream)"
    case .consumer(let action, let stream, let consumer):
      "$JS.EVENT.ADVISORY.CONSUMER.\(Self.past(action)).\(stream).\(consumer)"
    case .pause(let stream, let consumer, _, _):
      "$JS.EVENT.ADVISORY.CONSUMER.PAUSE.\(stream).\(consumer)"
    case .acknowledged(let delivery, _):
      "$JS.EVENT.METRIC.CONSUMER.ACK.\(delivery.stream).\(delivery.consumer)"
    case .maxDeliveries(let delivery):
      "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.\(delivery.stream).\(delivery.consumer)"
    case .nak(let delivery):
      "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.\(delivery.stream).\(delivery.consumer)"
    case .terminated(let delivery, _):
      "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.\(delivery.stream).\(delivery.consumer)"
    case .pinned(_, let stream, let consumer, _, _):
      "$JS.EVENT.ADVISORY.CONSUMER.PINNED.\(stream).\(consumer)"
    case .unpinned(_, let stream, let consumer, _, _):
      "$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.\(stream).\(consumer)"
    case .batchAbandoned(let stream, _, _):
      "$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.\(stream)"
    }
  }

  private static func past(_ action: Action) -> String {
    switch action {
    case .create: "CREATED"
    case .delete: "DELETED"
    case .modify: "UPDATED"
    }
  }

  /// The name of its type.
  public var type: String {
    switch self.event {
    case .apiAudit: "io.nats.jetstream.advisory.v1.api_audit"
    case .stream: "io.nats.jetstream.advisory.v1.stream_action"
    case .consumer: "io.nats.jetstream.advisory.v1.consumer_action"
    case .pause: "io.nats.jetstream.advisory.v1.consumer_pause"
    case .acknowledged: "io.nats.jetstream.metric.v1.consumer_ack"
    case .maxDeliveries: "io.nats.jetstream.advisory.v1.max_deliver"
    case .nak: "io.nats.jetstream.advisory.v1.nak"
    case .terminated: "io.nats.jetstream.advisory.v1.terminated"
    case .pinned: "io.nats.jetstream.advisory.v1.consumer_group_pinned"
    case .unpinned: "io.nats.jetstream.advisory.v1.consumer_group_unpinned"
    case .batchAbandoned: "io.nats.jetstream.advisory.v1.stream_batch_abandoned"
    }
  }

  /// The advisory as compact JSON.
  public var encoded: [UInt8] {
    var writer = JSONWriter()
    writer.object {
      $0.member("type", self.type)
      $0.member("id", self.id)
      $0.member("timestamp", self.time.description)
      self.writeEvent(to: &$0)
      $0.memberUnlessEmpty("domain", self.domain)
    }
    return writer.bytes
  }

  private func writeEvent(to writer: inout JSONWriter) {
    switch self.event {
    case .apiAudit(let server, let client, let subject, let request, let response):
      writer.member("server", server)
      writer.name("client")
      writer.verbatim(client)
      writer.member("subject", subject)
      writer.memberUnlessEmpty("request", request)
      writer.member("response", response)
    case .stream(let action, let stream):
      writer.member("stream", stream)
      writer.member("action", action.rawValue)
    case .consumer(let action, let stream, let consumer):
      writer.member("stream", stream)
      writer.member("consumer", consumer)
      writer.member("action", action.rawValue)
    case .pause(let stream, let consumer, let isPaused, let until):
      writer.member("stream", stream)
      writer.member("consumer", consumer)
      writer.member("paused", isPaused)
      writer.member("pause_until", until.description)
    case .acknowledged(let delivery, let delay):
      Self.write(delivery, to: &writer, withConsumerSequence: true, delay: delay)
    case .maxDeliveries(let delivery):
      Self.write(delivery, to: &writer, withConsumerSequence: false)
    case .nak(let delivery):
      Self.write(delivery, to: &writer, withConsumerSequence: true)
    case .terminated(let delivery, let reason):
      Self.write(delivery, to: &writer, withConsumerSequence: true)
      writer.memberUnlessEmpty("reason", reason)
    case .pinned(let account, let stream, let consumer, let group, let id):
      writer.memberUnlessEmpty("account", account)
      writer.member("stream", stream)
      writer.member("consumer", consumer)
      writer.member("group", group)
      writer.member("pinned_id", id)
    case .unpinned(let account, let stream, let consumer, let group, let reason):
      writer.memberUnlessEmpty("account", account)
      writer.member("stream", stream)
      writer.member("consumer", consumer)
      writer.member("group", group)
      writer.member("reason", reason)
    case .batchAbandoned(let stream, let batch, let end):
      writer.member("stream", stream)
      writer.member("batch", batch)
      writer.member("reason", end.rawValue)
    }
  }

  private static func write(
    _ delivery: Delivery, to writer: inout JSONWriter, withConsumerSequence: Bool,
    delay: Int64? = nil
  ) {
    writer.member("stream", delivery.stream)
    writer.member("consumer", delivery.consumer)
    if withConsumerSequence { writer.member("consumer_seq", delivery.consumerSequence) }
    writer.member("stream_seq", delivery.streamSequence)
    if let delay { writer.member("ack_time", delay) }
    writer.member("deliveries", delivery.deliveries)
  }
}
