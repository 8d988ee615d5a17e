/// What a server allows of JetStream, whatever the account.
public struct JetStreamLimits: Hashable, Sendable {
  /// The longest duplicate window, in nanoseconds; 0 for no bound.
  public var duplicateWindowMax: Int64 = 0
  /// Most messages delivered and not acknowledged, of one consumer; 0 for no bound.
  public var maxAckPending = 0
  /// Most messages of one pull request; 0 for no bound.
  public var maxRequestBatch = 0
  /// What the account may use.
  public var account = JetStreamAccountLimits()

  /// Makes limits that bound nothing.
  public init() {}
}

extension JetStreamLimits {
  /// Most bytes of a stream's or consumer's name.
  public static var nameBytesMax: Int { 255 }
  /// Most bytes of a description.
  public static var descriptionBytesMax: Int { 4 * 1024 }
  /// Most bytes of all names and values of metadata.
  public static var metadataBytesMax: Int { 128 * 1024 }
  /// Most copies of a stream, in a cluster.
  public static var replicasMax: Int { 5 }
  /// How long message ids are remembered when nothing is said: two minutes.
  public static var duplicateWindowDefault: Int64 { 120 * 1_000_000_000 }
  /// How long to wait for an acknowledgement when nothing is said: 30 seconds.
  public static var ackWaitDefault: Int64 { 30 * 1_000_000_000 }
  /// How long a consumer without durable name may be unused when nothing is said: 5 seconds.
  public static var inactiveThresholdDefault: Int64 { 5 * 1_000_000_000 }
  /// Most messages delivered and not acknowledged when nothing is said.
  public static var maxAckPendingDefault: Int { 1000 }
  /// Most requests that wait when nothing is said.
  public static var maxWaitingDefault: Int { 512 }
  /// How long a pinned client may be silent when nothing is said: two minutes.
  public static var pinnedTTLDefault: Int64 { 120 * 1_000_000_000 }
  /// Most bytes of a message's headers.
  public static var headerBytesMax: Int { 65_535 }
}
