/// What the codec refuses, so that a few bytes of a peer never cost much memory.
public struct KafkaLimits: Hashable, Sendable {
  /// The largest frame in bytes, without its four bytes of size. Default 100 MiB, as
  /// `socket.request.max.bytes` of Kafka.
  public var frameSizeMax = 100 << 20
  /// The most elements in all arrays of one message together. Default 1,048,576.
  public var elementsMax = 1 << 20

  /// The defaults.
  public init() {}
}
