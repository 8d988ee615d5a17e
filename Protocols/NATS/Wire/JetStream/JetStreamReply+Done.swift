/// Which request a `JetStreamReply.Done` answers.
public protocol JetStreamDoneName: Hashable, Sendable {
  /// The type's name behind `io.nats.jetstream.api.v1.`.
  static var typeName: String { get }
}

extension JetStreamReply {
  /// An answer that says only that something was done.
  public struct Done<Name: JetStreamDoneName>: JetStreamResponseBody {
    /// The type's name.
    public static var typeName: String { Name.typeName }
    /// Whether it was.
    public var success = false

    /// Makes one that says it was not.
    public init() {}

    /// Makes one.
    public init(success: Bool) {
      self.success = success
    }

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("success", &self.success)
    }
  }

  /// STREAM.DELETE.
  public typealias StreamDelete = Done<DoneName.StreamDelete>
  /// STREAM.MSG.DELETE.
  public typealias MessageDelete = Done<DoneName.MessageDelete>
  /// CONSUMER.DELETE.
  public typealias ConsumerDelete = Done<DoneName.ConsumerDelete>
  /// STREAM.SNAPSHOT, which is refused.
  public typealias StreamSnapshot = Done<DoneName.StreamSnapshot>
  /// STREAM.RESTORE, which is refused.
  public typealias StreamRestore = Done<DoneName.StreamRestore>
  /// STREAM.PEER.REMOVE, which needs a cluster.
  public typealias StreamRemovePeer = Done<DoneName.StreamRemovePeer>
  /// STREAM.LEADER.STEPDOWN, which needs a cluster.
  public typealias StreamLeaderStepDown = Done<DoneName.StreamLeaderStepDown>
  /// CONSUMER.LEADER.STEPDOWN, which needs a cluster.
  public typealias ConsumerLeaderStepDown = Done<DoneName.ConsumerLeaderStepDown>

  /// The requests that are answered with no more than that.
  public enum DoneName {
    /// STREAM.DELETE.
    public enum StreamDelete: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_delete_response" }
    }

    /// STREAM.MSG.DELETE.
    public enum MessageDelete: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_msg_delete_response" }
    }

    /// CONSUMER.DELETE.
    public enum ConsumerDelete: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "consumer_delete_response" }
    }

    /// STREAM.SNAPSHOT.
    public enum StreamSnapshot: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_snapshot_response" }
    }

    /// STREAM.RESTORE.
    public enum StreamRestore: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_restore_response" }
    }

    /// STREAM.PEER.REMOVE.
    public enum StreamRemovePeer: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_remove_peer_response" }
    }

    /// STREAM.LEADER.STEPDOWN.
    public enum StreamLeaderStepDown: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "stream_leader_stepdown_response" }
    }

    /// CONSUMER.LEADER.STEPDOWN.
    public enum ConsumerLeaderStepDown: JetStreamDoneName {
      /// The type's name.
      public static var typeName: String { "consumer_leader_stepdown_response" }
    }
  }
}
