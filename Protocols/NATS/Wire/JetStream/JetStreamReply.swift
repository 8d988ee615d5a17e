/// The bodies of the answers of the JetStream API.
public enum JetStreamReply {
  /// Any request that nothing else answers.
  public struct System: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "system_response" }

    /// Makes one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {}
  }

  /// INFO.
  public struct AccountInfo: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "account_info_response" }
    /// The account.
    public var info: JetStreamAccountInfo?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.embedded(&self.info, first: "memory")
    }
  }

  /// STREAM.CREATE.
  public struct StreamCreate: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_create_response" }
    /// The stream.
    public var info: JetStreamStreamInfo?
    /// Whether it was made now.
    public var didCreate = false

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.embedded(&self.info, first: "config")
      fields.unlessEmpty("did_create", &self.didCreate)
    }
  }

  /// STREAM.UPDATE.
  public struct StreamUpdate: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_update_response" }
    /// The stream.
    public var info: JetStreamStreamInfo?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.embedded(&self.info, first: "config")
    }
  }

  /// STREAM.INFO.
  public struct StreamInfo: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_info_response" }
    /// Which part of the subjects the state lists.
    public var page = JetStreamPage()
    /// The stream.
    public var info: JetStreamStreamInfo?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.page.visit(&fields)
      fields.embedded(&self.info, first: "config")
    }
  }

  /// STREAM.NAMES.
  public struct StreamNames: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_names_response" }
    /// Which part of the list this is.
    public var page = JetStreamPage()
    /// The names, sorted; `nil` is written as `null`, as nats-server does when there are none.
    public var streams: [String]?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.page.visit(&fields)
      fields.always("streams", &self.streams)
    }
  }

  /// STREAM.LIST.
  public struct StreamList: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_list_response" }
    /// Which part of the list this is.
    public var page = JetStreamPage()
    /// The streams, sorted by name.
    public var streams: [JetStreamStreamInfo] = []

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.page.visit(&fields)
      fields.always("streams", &self.streams)
    }
  }

  /// STREAM.PURGE.
  public struct StreamPurge: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_purge_response" }
    /// Whether it was done.
    public var success = false
    /// How many messages went.
    public var purged: UInt64 = 0

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("success", &self.success)
      fields.always("purged", &self.purged)
    }
  }

  /// STREAM.MSG.GET.
  public struct MessageGet: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "stream_msg_get_response" }
    /// The message.
    public var message: JetStreamStoredMessage?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("message", &self.message)
    }
  }

  /// CONSUMER.CREATE.
  public struct ConsumerCreate: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_create_response" }
    /// The consumer.
    public var info: JetStreamConsumerInfo?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.embedded(&self.info, first: "stream_name")
    }
  }

  /// CONSUMER.INFO.
  public struct ConsumerInfo: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_info_response" }
    /// The consumer.
    public var info: JetStreamConsumerInfo?

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.embedded(&self.info, first: "stream_name")
    }
  }

  /// CONSUMER.NAMES.
  public struct ConsumerNames: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_names_response" }
    /// Which part of the list this is.
    public var page = JetStreamPage()
    /// The names, sorted.
    public var consumers: [String]? = []

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.page.visit(&fields)
      fields.always("consumers", &self.consumers)
    }
  }

  /// CONSUMER.LIST.
  public struct ConsumerList: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_list_response" }
    /// Which part of the list this is.
    public var page = JetStreamPage()
    /// The consumers, sorted by name.
    public var consumers: [JetStreamConsumerInfo]? = []

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.page.visit(&fields)
      fields.always("consumers", &self.consumers)
    }
  }

  /// CONSUMER.PAUSE.
  public struct ConsumerPause: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_pause_response" }
    /// Whether it is paused.
    public var isPaused = false
    /// Until when.
    public var until = JetStreamTimestamp.zero
    /// For how many nanoseconds yet.
    public var remaining: Int64 = 0

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("paused", &self.isPaused)
      fields.always("pause_until", &self.until)
      fields.unlessEmpty("pause_remaining", &self.remaining)
    }
  }

  /// CONSUMER.UNPIN.
  public struct ConsumerUnpin: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { "consumer_unpin_response" }

    /// Makes one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {}
  }
}
