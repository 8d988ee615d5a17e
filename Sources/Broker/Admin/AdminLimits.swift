/// Bounds on what clients of the admin server can make it hold or do.
public struct AdminLimits: Hashable, Sendable {
  /// Connections at once; one more ends the one that has waited longest. Default 256.
  public var connectionsMax = 256
  /// A request's body. Default 1 MiB.
  public var bodyBytesMax = 1 << 20
  /// A request's head, all of it. Default 32 KiB.
  public var headBytesMax = 32 << 10
  /// Seconds until a request that began must be complete. Default 10.
  public var requestSeconds: Int64 = 10
  /// Seconds a connection may stay open between requests. Default 60.
  public var idleSeconds: Int64 = 60
  /// Seconds a client may take to read an answer. Default 30.
  public var answerSeconds: Int64 = 30
  /// Live taps at once. Default 16.
  public var tapsMax = 16
  /// Messages a second that a tap shows at the most. Default 1,000.
  public var tapRateMax = 1_000
  /// Bytes of events that wait for a slow viewer of a tap. Default 256 KiB.
  public var tapBufferBytesMax = 256 << 10
  /// Rows that one answer lists at the most. Default 1,000.
  public var rowsMax = 1_000
  /// How much of a record's payload an answer shows at the most. Default 1 MiB.
  public var previewBytesMax = 1 << 20
  /// Attempts to prove who one is, per second and address; further ones wait their turn, for three
  /// seconds at the most. All addresses together have ten times as many. Default 20.
  public var attemptsPerSecond = 20.0

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  /// Limits with every member at its default.
  public init() {}
}
