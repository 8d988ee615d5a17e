/// The requests of the JetStream API that are not a configuration alone.
public enum JetStreamRequest {
  /// STREAM.CREATE and STREAM.UPDATE.
  public struct StreamConfig: JetStreamObject {
    /// The configuration.
    public var config = JetStreamStreamConfig()
    /// Whether the server must take it as it is or refuse it (ADR-57).
    public var isPedantic = false

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      self.config.visit(&fields)
      fields.unlessEmpty("pedantic", &self.isPedantic)
    }
  }

  /// STREAM.NAMES and STREAM.LIST.
  public struct StreamNames: JetStreamObject {
    /// How many to leave out.
    public var offset = 0
    /// Only streams that keep a subject of this pattern; empty for all.
    public var subject = ""

    /// Makes one for all streams.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("offset", &self.offset)
      fields.unlessEmpty("subject", &self.subject)
    }
  }

  /// STREAM.INFO.
  public struct StreamInfo: JetStreamObject {
    /// How many subjects to leave out.
    public var offset = 0
    /// Whether to list numbers that are gone.
    public var deletedDetails = false
    /// Whose messages to count by subject; empty for none.
    public var subjectsFilter = ""

    /// Makes one without details.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("offset", &self.offset)
      fields.unlessEmpty("deleted_details", &self.deletedDetails)
      fields.unlessEmpty("subjects_filter", &self.subjectsFilter)
    }
  }

  /// STREAM.PURGE.
  public struct StreamPurge: JetStreamObject {
    /// Purge only what stands before this number; 0 for everything.
    public var sequence: UInt64 = 0
    /// Purge only subjects of this pattern; empty for all.
    public var filter = ""
    /// How many messages to leave.
    public var keep: UInt64 = 0

    /// Makes one that purges everything.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("seq", &self.sequence)
      fields.unlessEmpty("filter", &self.filter)
      fields.unlessEmpty("keep", &self.keep)
    }

    /// What is wrong with it.
    public var error: JetStreamError? {
      self.sequence > 0 && self.keep > 0 ? JetStreamError(.badRequest) : nil
    }
  }

  /// STREAM.MSG.DELETE.
  public struct MessageDelete: JetStreamObject {
    /// The message's number.
    public var sequence: UInt64 = 0
    /// Whether its bytes may stay on disk.
    public var noErase = false

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("seq", &self.sequence)
      fields.unlessEmpty("no_erase", &self.noErase)
    }
  }

  /// CONSUMER.CREATE and CONSUMER.DURABLE.CREATE.
  public struct ConsumerCreate: JetStreamObject {
    /// What to do when the consumer is there already, or not there.
    public enum Action: String, JetStreamWord {
      /// Make it or change it.
      case createOrUpdate = ""
      /// Make it; one that is there already must be the same.
      case create
      /// Change one that is there.
      case update
    }

    /// The stream's name, which the subject must name as well.
    public var stream = ""
    /// The configuration.
    public var config = JetStreamConsumerConfig()
    /// What to do.
    public var action = Action.createOrUpdate
    /// Whether the server must take it as it is or refuse it (ADR-57).
    public var isPedantic = false

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("stream_name", &self.stream)
      fields.always("config", &self.config)
      fields.always("action", &self.action)
      fields.unlessEmpty("pedantic", &self.isPedantic)
    }
  }

  /// CONSUMER.NAMES and CONSUMER.LIST.
  public struct ConsumerNames: JetStreamObject {
    /// How many to leave out.
    public var offset = 0

    /// Makes one for all consumers.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("offset", &self.offset)
    }
  }

  /// CONSUMER.PAUSE.
  public struct ConsumerPause: JetStreamObject {
    /// Until when; the zero time or one that is past resumes.
    public var until = JetStreamTimestamp.zero

    /// Makes one that resumes.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("pause_until", &self.until)
    }
  }

  /// CONSUMER.UNPIN.
  public struct ConsumerUnpin: JetStreamObject {
    /// The group whose client is let go.
    public var group = ""

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("group", &self.group)
    }
  }
}
