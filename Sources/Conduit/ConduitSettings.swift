import Godwit

/// How a conduit behaves.
public struct ConduitSettings: Hashable, Sendable {
  /// The media type of payloads that are neither text nor bytes, in both directions; the broker's
  /// codecs must know it. Peers of the original do not name theirs, so both sides must have agreed.
  /// Default `application/json`.
  public var contentType: String
  /// The largest value that is read from a message, in bytes; larger ones throw `tooLarge`. The
  /// codecs' own limit holds as well. Default 5 MiB.
  public var payloadBytesMax: Int
  /// The messages that a binding holds for its readers; those beyond are refused, and lost where
  /// the sender cannot be told. Default 100.
  public var bindingMessagesMax: Int
  /// How long a send waits for somebody to take the message. Default 5 s.
  public var acknowledgeTimeout: Duration
  /// How long after the first acknowledgement a stream waits for others before it begins. What is
  /// at hand as a whole does not wait. Default 20 ms.
  public var gatherTime: Duration
  /// How long a message that is at hand as a whole is still given to those who acknowledge it late.
  /// Default 1 s.
  public var lateTime: Duration
  /// How long a stream may be silent before its reader gets `timeout`, and how long a receiver with
  /// flow control may take nothing before its sender gives it up. Default 5 minutes, as the
  /// original.
  public var idleTimeout: Duration
  /// How long reading a whole value may take. Default 30 s.
  public var payloadTimeout: Duration
  /// The bytes of data in a chunk to peers of the original. Default 16,384, as the original.
  public var chunkBytes: Int
  /// The largest chunk that is taken, and the largest that is sent to peers that say that they take
  /// it. Default 64 KiB.
  public var chunkBytesMax: Int
  /// What may be under way to a reader of one stream, or wait for it, where the sender knows flow
  /// control. Default 1 MiB.
  public var windowBytes: Int
  /// What may wait for a reader of one stream from a sender without flow control; beyond it the
  /// reader gets `slowConsumer`. Default 64 MiB.
  public var unreadBytesMax: Int
  /// What may wait in all streams from senders without flow control together. Default 256 MiB.
  public var unreadBytesMaxInAll: Int
  /// The most streams that arrive at a time; senders of more are refused. Default 10,000.
  public var streamsMax: Int
  /// How long stopping waits for streams that are under way. Default 10 s.
  public var drainTimeout: Duration

  /// Settings with every default.
  public init(contentType: String = "application/json") {
    self.contentType = contentType
    self.payloadBytesMax = 5 << 20
    self.bindingMessagesMax = 100
    self.acknowledgeTimeout = .seconds(5)
    self.gatherTime = .milliseconds(20)
    self.lateTime = .seconds(1)
    self.idleTimeout = .seconds(300)
    self.payloadTimeout = .seconds(30)
    self.chunkBytes = 16 << 10
    self.chunkBytesMax = 64 << 10
    self.windowBytes = 1 << 20
    self.unreadBytesMax = 64 << 20
    self.unreadBytesMaxInAll = 256 << 20
    self.streamsMax = 10_000
    self.drainTimeout = .seconds(10)
  }

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  func validate() throws(GodwitError) {
    let sizes = [
      self.payloadBytesMax, self.bindingMessagesMax, self.chunkBytes, self.chunkBytesMax,
      self.windowBytes, self.unreadBytesMax, self.unreadBytesMaxInAll, self.streamsMax,
    ]
    guard sizes.allSatisfy({ (1...Int(Int32.max)).contains($0) }) else {
      throw GodwitError(.invalidArgument, "a size in the conduit's settings is not positive")
    }
    let times = [
      self.acknowledgeTimeout, self.idleTimeout, self.payloadTimeout,
    ]
    guard times.allSatisfy({ $0 > .zero }), self.gatherTime >= .zero, self.lateTime >= .zero else {
      throw GodwitError(.invalidArgument, "a time in the conduit's settings is not positive")
    }
  }
}
